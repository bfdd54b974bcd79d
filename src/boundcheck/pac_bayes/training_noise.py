r"""Networks with noise in their weights, as training sees them: differentiable, cheap, and with the right law for each example.

Dense layers under Gaussian noise are noisy at their outputs, with fresh noise for every example (``fresh``). Everything else is
drawn once a batch through the weights, :math:`h = w + \sigma \epsilon`. Whether examples of a batch share their noise changes the
variance of a gradient, not its mean.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812

from boundcheck.pac_bayes.diagonal import Diagonal, Weights, noise
from boundcheck.pac_bayes.fresh import random_layers


class NoisyNetwork:
    """Outputs of a network whose weights are drawn, as a function of their means and scales.

    Args:
        module: In evaluation mode; what is not drawn is its own.
        posterior: Names, shapes and law of what is drawn.
    """

    def __init__(self, module: nn.Module, posterior: Diagonal) -> None:
        self._module, self._law = module, posterior.law
        self._traced: fx.GraphModule | None = None
        if self._law == "gaussian":
            try:
                traced = fx.symbolic_trace(module)
            except Exception:  # control flow that depends on data: any error type can come out of foreign code
                return
            if random_layers(traced, posterior) is not None:
                self._traced = traced

    def __call__(self, x: torch.Tensor, mean: Weights, scales: Weights, generator: torch.Generator) -> torch.Tensor:
        """Outputs of a batch, shape (b, ...)."""
        if self._traced is not None:
            found: torch.Tensor = _Noisy(self._traced, mean, scales, generator).run(x)
            return found
        drawn = {name: w + scales[name] * noise(self._law, w, generator) for name, w in mean.items()}
        out: torch.Tensor = functional_call(self._module, drawn, (x,))
        return out


class _Noisy(fx.Interpreter):
    def __init__(self, traced: fx.GraphModule, mean: Weights, scales: Weights, generator: torch.Generator) -> None:
        super().__init__(traced)
        self.mean, self.scales, self.generator = mean, scales, generator

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer, name = self.fetch_attr(target), str(target)
        own = [leaf for leaf in ("weight", "bias") if f"{name}.{leaf}" in self.mean]
        if not own:
            return super().call_module(target, args, kwargs)
        (a,) = args
        if type(layer) is nn.Linear and a.dim() == 2 and "weight" in own:
            return self._at_outputs(layer, name, a)
        drawn = {}
        for leaf in own:
            w = self.mean[f"{name}.{leaf}"]
            drawn[leaf] = w + self.scales[f"{name}.{leaf}"] * noise("gaussian", w, self.generator)
        return functional_call(layer, drawn, (a,))

    def _at_outputs(self, layer: nn.Linear, name: str, a: torch.Tensor) -> torch.Tensor:
        bias = self.mean.get(f"{name}.bias", layer.bias)
        spread = self.scales.get(f"{name}.bias")
        out = F.linear(a, self.mean[f"{name}.weight"], bias)
        variance = F.linear(a.square(), self.scales[f"{name}.weight"].square(), None if spread is None else spread.square())
        # The root of a variance that is zero (an input of zeros, no bias) has no slope.
        return out + variance.clamp(min=1e-20).sqrt() * noise("gaussian", out, self.generator)
