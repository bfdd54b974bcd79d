"""Steps of stochastic gradient descent, written out on the memory of the parameters and of the optimizer's state.

For a small network ``torch.optim.SGD`` spends most of a step around its arithmetic.
"""

from __future__ import annotations

import numpy as np
import torch


class SgdSteps:
    """What ``step`` of an optimizer does, up to rounding; its state is kept where the optimizer keeps it.

    Args:
        optimizer: With one group, neither dampening nor Nesterov's momentum; each parameter on the CPU and with a gradient
            that changes in place.
    """

    def __init__(self, optimizer: torch.optim.SGD) -> None:
        (self._group,) = optimizer.param_groups
        self._arrays = []
        for parameter in self._group["params"]:
            values, speed = parameter.detach().numpy(), None
            if self._group["momentum"]:
                state = optimizer.state[parameter]
                if state.get("momentum_buffer") is None:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                speed = state["momentum_buffer"].numpy()
            self._arrays.append((values, parameter.grad.numpy(), speed, np.empty_like(values)))

    def __call__(self) -> None:
        """One step with the gradients as they are, which may be overwritten."""
        lr, momentum, decay = (self._group[name] for name in ("lr", "momentum", "weight_decay"))
        with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges is refused by its loss
            for values, gradient, speed, room in self._arrays:
                if decay:
                    gradient += np.multiply(values, decay, out=room)
                if speed is not None:
                    speed *= momentum
                    speed += gradient
                values -= np.multiply(gradient if speed is None else speed, lr, out=room)
