r"""Stochastic gradient descent on one example at a time, for fully connected networks.

With batches of one example a step is a few products of a matrix and a vector, and what a general framework does around them takes
longer than they do. Here a step is written out: for layers :math:`h_l = \mathrm{relu}(W_l h_{l-1} + b_l)` and cross-entropy,
:math:`g_L = p - e_y`, :math:`g_{l-1} = (W_l^\top g_l) \odot 1[h_{l-1} > 0]`, and :math:`W_l` loses
:math:`\eta\, g_l h_{l-1}^\top`, a change of rank one that is added in place. Pixels that are 0 change nothing in the first layer,
so only the others are touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.blas import dger, sger
from torch import nn

Vector = NDArray[Any]


def dense_layers(network: nn.Module) -> list[nn.Linear] | None:
    """The layers of a network that is dense layers with ReLU between them and more than one output; ``None`` of any other."""
    if type(network) is not nn.Sequential:
        return None
    modules = [module for module in network if type(module) is not nn.Flatten]
    linear, between = modules[::2], modules[1::2]
    if len(linear) != len(between) + 1 or any(type(module) is not nn.ReLU for module in between):
        return None
    layers = [module for module in linear if type(module) is nn.Linear]
    alike = {(layer.weight.dtype, layer.weight.device.type, layer.weight.requires_grad) for layer in layers}
    if len(layers) != len(linear) or alike not in ({(torch.float32, "cpu", True)}, {(torch.float64, "cpu", True)}):
        return None
    return layers if layers[-1].out_features > 1 and len({id(layer) for layer in layers}) == len(layers) else None


class OneByOne:
    """Steps on single examples; the weights of the network change in place when :meth:`epoch` ends.

    Args:
        layers: What :func:`dense_layers` found.
        x: Inputs, shape (n, ...), of the network's number format.
        y: Labels, shape (n,).
    """

    def __init__(self, layers: list[nn.Linear], x: torch.Tensor, y: torch.Tensor) -> None:
        self._layers = layers
        self._x = np.ascontiguousarray(x.reshape(len(x), -1).numpy())
        self._y = y.numpy()
        self._present = [np.flatnonzero(row) for row in self._x]
        self._add = sger if self._x.dtype == np.float32 else dger

    def epoch(self, order: Iterable[int], lr: float) -> float:
        """One step on each example in the given order.

        Args:
            order: Indices of examples.
            lr: Learning rate.

        Returns:
            Sum of the losses before each step, in nats.
        """
        weights = [layer.weight.detach().numpy() for layer in self._layers]
        biases = [None if layer.bias is None else layer.bias.detach().numpy() for layer in self._layers]
        first = np.ascontiguousarray(weights[0].T)  # a row for each input, so that absent inputs are rows that are skipped
        total = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges is refused by its loss
            for i in order:
                total += self._step(int(i), first, weights, biases, lr)
        weights[0][...] = first.T
        return total

    def _step(self, i: int, first: Vector, weights: Sequence[Vector], biases: Sequence[Vector | None], lr: float) -> float:
        rows = self._present[i]
        values = self._x[i, rows]
        touched = first[rows]
        hidden = [values]
        z = values @ touched
        for layer, bias in enumerate(biases):
            if layer:
                z = weights[layer] @ hidden[-1]
            if bias is not None:
                z += bias
            if layer < len(biases) - 1:
                hidden.append(np.maximum(z, 0.0, out=z))
        label = int(self._y[i])
        z -= z.max()
        score = float(z[label])
        gradient = np.exp(z, out=z)
        size = float(gradient.sum())
        gradient /= size
        gradient[label] -= 1.0
        for layer in range(len(weights) - 1, 0, -1):
            below = weights[layer].T @ gradient
            below *= hidden[layer] > 0.0
            self._add(-lr, hidden[layer], gradient, a=weights[layer].T, overwrite_a=1)
            _shift(biases[layer], gradient, lr)
            gradient = below
        touched -= (lr * values)[:, None] * gradient
        first[rows] = touched
        _shift(biases[0], gradient, lr)
        return math.log(size) - score


def _shift(bias: Vector | None, gradient: Vector, lr: float) -> None:
    if bias is not None:
        bias -= lr * gradient
