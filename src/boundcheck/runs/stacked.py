r"""Many small networks trained at once: the same layers, other weights and labels, stacked into one product of matrices.

Where layers are narrow and batches small, most of a step's time is what a framework does around its products. Here R networks
with dense layers and ReLU between them take their steps together, and the steps are written out: with batch B and outputs z,

.. math:: G_L = (\mathrm{softmax}(z) - e_y)/B, \quad G_{l-1} = (G_l W_l) \odot 1[h_{l-1} > 0], \quad
          \nabla W_l = G_l^\top h_{l-1},

each as one batched product over the networks. Where all see the examples in one order, the first layers are one product of the
batch with their weights side by side. A network that has no training error is done and leaves the stack. The numbers are those
of :func:`boundcheck.runs.training.train_epochs`, up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.mistakes import CHUNK, mistakes
from boundcheck.runs.one_by_one import dense_layers
from boundcheck.runs.training import Epoch, Settings, Trained, batches

WIDEST, LARGEST_BATCH = 128, 128
"""Up to this many units a layer and examples a batch a stack was faster than a loop; see experiments/benchmarks."""


def pays(network: nn.Module, settings: Settings) -> bool:
    """Whether networks like this one, trained like this, can be stacked and are small enough for it to be faster."""
    layers = dense_layers(network)
    if layers is None or settings.optimizer != "sgd" or settings.augment or settings.stop != "errors":
        return False
    return max(layer.out_features for layer in layers) <= WIDEST and settings.batch_size <= LARGEST_BATCH


def train_stacked(
    networks: Sequence[nn.Module],
    x: NDArray[Any],
    labels: NDArray[np.int64],
    settings: Settings,
    *,
    seeds: Sequence[int] | None = None,
    on_epoch: Callable[[int, Epoch], None] | None = None,
) -> list[Trained]:
    """Train networks of one architecture in place on the same inputs, each on labels of its own.

    Args:
        networks: What :func:`boundcheck.runs.one_by_one.dense_layers` takes, all of the same sizes; left in evaluation mode.
        x: Inputs, shape (n, ...).
        labels: Shape (R, n).
        settings: How to train: by ``sgd``, without augmentation, to zero training error.
        seeds: Of the order of the examples, one for each network; that of the settings for all when ``None``, which is faster.
        on_epoch: Told the number of a network and its record after each epoch; its weights are then up to date.

    Returns:
        Where each stands, in their order; the state of an optimizer is not kept.

    Raises:
        InputError: The networks or settings can't be stacked, or a loss became NaN or infinite.
    """
    if settings.optimizer != "sgd" or settings.augment or settings.stop != "errors":
        raise InputError("sgd to zero training error without augmentation", repr(settings), "train them one by one")
    stack = Stack(networks, x, labels, settings, seeds)
    histories: list[list[dict[str, Any]]] = [[] for _ in networks]
    for number in range(1, settings.epochs + 1):
        if not stack.alive:
            break
        for network, loss, errors in zip(list(stack.alive), stack.epoch(number), stack.errors(), strict=True):
            if not np.isfinite(loss):
                raise InputError("a training that converges", f"a loss of {loss} in epoch {number}", "lower --lr")
            record = Epoch(number, loss, errors, (len(x) - errors) / len(x), errors == 0)
            histories[network].append(asdict(record))
        if on_epoch is not None:
            stack.write_back()
            for network in stack.alive:
                on_epoch(network, Epoch(**histories[network][-1]))
        stack.keep([network for network in stack.alive if histories[network][-1]["errors"]])
    stack.write_back()
    return [_trained(network, history) for network, history in zip(networks, histories, strict=True)]


def _trained(network: nn.Module, history: list[dict[str, Any]]) -> Trained:
    state = {name: value.detach().clone() for name, value in network.eval().state_dict().items()}
    fitted = bool(history) and history[-1]["errors"] == 0
    return Trained(tuple(history), fitted, fitted, state, {})


class Stack:
    """Networks that are trained together.

    Args:
        networks: As :func:`train_stacked`; their weights change in :meth:`write_back` and :meth:`keep`.
        x: Inputs, shape (n, ...).
        labels: Shape (R, n).
        settings: How to train.
        seeds: As :func:`train_stacked`.

    Attributes:
        alive: Numbers of the networks that are still trained.

    Raises:
        InputError: The networks are not stacks of dense layers of the same sizes.
    """

    def __init__(
        self, networks: Sequence[nn.Module], x: NDArray[Any], labels: NDArray[np.int64], settings: Settings,
        seeds: Sequence[int] | None,
    ) -> None:  # fmt: skip
        found = [layers for layers in map(dense_layers, networks) if layers is not None]
        shapes = {tuple((layer.weight.shape, layer.bias is None, layer.weight.dtype) for layer in layers) for layers in found}
        if len(found) < len(networks) or len(shapes) != 1:
            got = f"{len(networks)} of {len(shapes)} kinds"
            raise InputError("networks of dense layers with ReLU between them, of the same sizes", got, "train them one by one")
        self._layers, self._settings = found, settings
        self.alive = list(range(len(networks)))
        self._orders = [settings.seed] * len(networks) if seeds is None else list(seeds)
        self._weights = [torch.stack([layer.weight.detach() for layer in same]) for same in zip(*found, strict=True)]
        self._biases = [
            None if same[0].bias is None else torch.stack([layer.bias.detach() for layer in same])
            for same in zip(*found, strict=True)
        ]
        self._speeds = [[None if p is None else torch.zeros_like(p) for p in pair] for pair in self._pairs()]
        self._x = torch.from_numpy(np.ascontiguousarray(x.reshape(len(x), -1))).to(self._weights[0].dtype)
        self._labels = torch.from_numpy(np.ascontiguousarray(labels))

    def _pairs(self) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        return list(zip(self._weights, self._biases, strict=True))

    def epoch(self, number: int) -> list[float]:
        """One pass over the sample; the mean loss of each network, in nats."""
        lr = self._settings.lr * self._settings.lr_decay ** (number - 1)
        orders = [replace(self._settings, seed=self._orders[network]) for network in self.alive]
        together = len({order.seed for order in orders}) == 1
        total = torch.zeros(len(self.alive), dtype=torch.float64)
        n = len(self._x)
        for parts in zip(*(batches(n, order, number) for order in (orders[:1] if together else orders)), strict=True):
            index = torch.from_numpy(parts[0] if together else np.stack(parts))
            total += self._step(index, lr)
        return [float(loss) for loss in total / n]

    def _step(self, index: torch.Tensor, lr: float) -> torch.Tensor:
        """A step on the examples of an index, shape (b,) for all networks or (R, b); their summed losses, shape (R,)."""
        x, labels = self._x[index], self._batch_labels(index)
        signals = self._forward(x)
        outputs = signals.pop()
        losses = nn.functional.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="none")
        slope = outputs.softmax(dim=2)
        slope.scatter_add_(2, labels[..., None], torch.full_like(slope[..., :1], -1.0))
        slope /= labels.shape[1]
        for place in range(len(self._weights) - 1, -1, -1):
            (weight, bias), (speed, bias_speed) = self._pairs()[place], self._speeds[place]
            gradient = torch.bmm(slope.transpose(1, 2), signals[place - 1]) if place else self._first_gradient(slope, x)
            bias_gradient = slope.sum(dim=1)
            if place:
                slope = torch.bmm(slope, weight) * (signals[place - 1] > 0)
            self._move(weight, gradient, speed, lr)
            if bias is not None:
                self._move(bias, bias_gradient, bias_speed, lr)
        return losses.reshape(labels.shape).sum(dim=1).double()

    def _batch_labels(self, index: torch.Tensor) -> torch.Tensor:
        alive = self._labels[self.alive]
        return alive[:, index] if index.ndim == 1 else alive.gather(1, index)

    def _forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each layer hands on, shape (R, b, width); the outputs last."""
        signals: list[torch.Tensor] = []
        for place, (weight, bias) in enumerate(self._pairs()):
            if place == 0 and x.ndim == 2:
                side_by_side = x @ weight.reshape(-1, weight.shape[2]).T
                z = side_by_side.reshape(len(x), len(weight), -1).transpose(0, 1).contiguous()
            else:
                z = torch.bmm(signals[-1] if signals else x, weight.transpose(1, 2))
            if bias is not None:
                z += bias[:, None, :]
            signals.append(z if place == len(self._weights) - 1 else z.relu_())
        return signals

    def _first_gradient(self, slope: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        if x.ndim == 3:
            return torch.bmm(slope.transpose(1, 2), x)
        return (slope.transpose(1, 2).reshape(-1, len(x)) @ x).reshape(len(slope), -1, x.shape[1])

    def _move(self, parameter: torch.Tensor, gradient: torch.Tensor, speed: torch.Tensor | None, lr: float) -> None:
        """What ``torch.optim.SGD`` does."""
        if self._settings.weight_decay:
            gradient = gradient.add(parameter, alpha=self._settings.weight_decay)
        if speed is not None and self._settings.momentum:
            gradient = speed.mul_(self._settings.momentum).add_(gradient)
        parameter.add_(gradient, alpha=-lr)

    def errors(self) -> list[int]:
        """Training errors of each network; ties and NaN count."""
        wrong = torch.zeros(len(self.alive), dtype=torch.int64)
        labels = self._labels[self.alive]
        for start in range(0, len(self._x), CHUNK):
            part = labels[:, start : start + CHUNK]
            outputs = self._forward(self._x[start : start + CHUNK])[-1]
            wrong += mistakes(outputs.flatten(0, 1), part.flatten())[0].reshape(part.shape).sum(dim=1)
        return [int(count) for count in wrong]

    def write_back(self) -> None:
        """Give the networks that are still trained their weights."""
        for place, network in enumerate(self.alive):
            with torch.no_grad():
                for layer, weight, bias in zip(self._layers[network], self._weights, self._biases, strict=True):
                    layer.weight.copy_(weight[place])
                    if bias is not None:
                        layer.bias.copy_(bias[place])

    def keep(self, networks: Sequence[int]) -> None:
        """Go on with some of the networks; the others get their weights."""
        if list(networks) == self.alive:
            return
        self.write_back()
        places = [self.alive.index(network) for network in networks]
        self._weights = [weight[places] for weight in self._weights]
        self._biases = [None if bias is None else bias[places] for bias in self._biases]
        self._speeds = [[None if speed is None else speed[places] for speed in pair] for pair in self._speeds]
        self.alive = list(networks)
