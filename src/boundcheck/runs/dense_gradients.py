r"""Outputs and gradients of fully connected networks, written out.

Where layers are narrow and batches small, automatic differentiation takes longer for its own record than for the products that
it records. Here they are written out: with a batch of B examples, layers :math:`h_l = \mathrm{relu}(h_{l-1} W_l^\top + b_l)` and
mean cross-entropy,

.. math:: G_L = (\mathrm{softmax}(h_L) - e_y)/B, \quad G_{l-1} = (G_l W_l) \odot 1[h_{l-1} > 0], \quad
          \nabla W_l = G_l^\top h_{l-1}, \quad \nabla b_l = G_l^\top 1,

the products that differentiation makes too. The optimizer takes them from where it always does. NumPy makes them, on the memory
of the parameters, since around each operation it does less than torch, which counts where the operations are small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController
from torch import nn

from boundcheck.runs.one_by_one import dense_layers

Array = NDArray[Any]
_SMALL = 2**25  # multiplications of a product that one thread makes


class DenseGradients:
    """Puts the gradient of the mean cross-entropy of a batch where the optimizer looks for it.

    Args:
        layers: What :func:`written_out` found; their parameters may change in place, and no other way.
    """

    def __init__(self, layers: list[nn.Linear]) -> None:
        self._parameters = [(layer.weight.detach().numpy(), _values(layer.bias)) for layer in layers]
        self._gradients = [tuple(None if p is None else np.empty_like(p) for p in pair) for pair in self._parameters]
        self._rooms: dict[int, list[Array]] = {}
        for layer, pair in zip(layers, self._gradients, strict=True):
            for parameter, gradient in zip((layer.weight, layer.bias), pair, strict=True):
                if gradient is not None:
                    parameter.grad = torch.from_numpy(gradient)

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Fill the gradients of all parameters.

        Args:
            x: Inputs, shape (B, ...).
            y: Labels, shape (B,).

        Returns:
            The mean cross-entropy of the batch, in nats.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges is refused by its loss
            *signals, outputs = self._signals(x)
            loss, slope = _cross_entropy(outputs, y.numpy())
            for place in range(len(signals) - 1, -1, -1):
                weight_gradient, bias_gradient = self._gradients[place]
                np.matmul(slope.T, signals[place], out=weight_gradient)
                if bias_gradient is not None:
                    slope.sum(axis=0, out=bias_gradient)
                if place:
                    passed = signals[place] > 0.0
                    slope = np.matmul(slope, self._parameters[place][0], out=signals[place])
                    slope *= passed
        return loss

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of the network, shape (b, k), for inputs of shape (b, ...)."""
        with np.errstate(over="ignore", invalid="ignore"):  # NaN is an error for all who read outputs
            return torch.from_numpy(self._signals(x)[-1].copy())

    def _signals(self, x: torch.Tensor) -> list[Array]:
        """What each layer is given, shape (b, width), the outputs last: the inputs, and memory that the next call uses again."""
        rows = len(x)
        if rows not in self._rooms:
            self._rooms[rows] = [np.empty((rows, len(weight)), weight.dtype) for weight, _ in self._parameters]
        signals = [x.flatten(1).numpy(), *self._rooms[rows]]
        for place, (weight, bias) in enumerate(self._parameters):
            if place:
                np.maximum(signals[place], 0.0, out=signals[place])
            z = np.matmul(signals[place], weight.T, out=signals[place + 1])
            if bias is not None:
                z += bias
        return signals


def _values(bias: torch.Tensor | None) -> Array | None:
    return None if bias is None else bias.detach().numpy()


def _cross_entropy(outputs: Array, labels: NDArray[np.int64]) -> tuple[float, Array]:
    """The mean cross-entropy of a batch in nats, and its slope at the outputs, shape (B, k)."""
    rows = np.arange(len(labels))
    z = np.ascontiguousarray(outputs.T)  # NumPy goes faster along the batch than along a few classes
    z -= z.max(axis=0)
    scores = z[labels, rows]
    slope = np.exp(z, out=z)
    sizes = slope.sum(axis=0)
    loss = float((np.log(sizes) - scores).sum()) / len(labels)
    slope /= sizes
    slope[labels, rows] -= 1.0
    slope /= len(labels)
    return loss, slope.T


def written_out(network: nn.Module, x: torch.Tensor, classes: int) -> DenseGradients | None:
    """Gradients of a network that is dense layers with ReLU between them and nothing else; ``None`` of any other.

    Args:
        network: The network.
        x: Its inputs, shape (n, ...).
        classes: Labels are below this.
    """
    layers = dense_layers(network)
    if layers is None:
        return None
    sizes = [math.prod(x.shape[1:]), *(layer.out_features for layer in layers)]
    fits = all(layer.in_features == size for layer, size in zip(layers, sizes, strict=False)) and classes <= sizes[-1]
    own = {id(p) for layer in layers for p in (layer.weight, layer.bias) if p is not None}
    free = all(p.requires_grad for p in network.parameters()) and own == {id(p) for p in network.parameters()}
    # What a user hangs on a module runs only where the module itself is called.
    hooked = any(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks for module in network.modules())
    return DenseGradients(layers) if fits and free and not hooked else None


@contextmanager
def threads(network: nn.Module, batch_size: int) -> Iterator[None]:
    """One thread where a network has dense layers whose products with a batch are small; otherwise as many as there were.

    Threads that share products of less than a millisecond wait for each other longer than they compute where other work is done
    beside them, and the weights would depend on their number.

    Args:
        network: The network.
        batch_size: Examples a step.
    """
    layers = dense_layers(network)
    small = layers is not None and batch_size * max(layer.weight.numel() for layer in layers) <= _SMALL
    with _pools().limit(limits=1 if small else None):
        yield


@cache
def _pools() -> ThreadpoolController:
    """The libraries that have threads, which take some milliseconds to find."""
    return ThreadpoolController()
