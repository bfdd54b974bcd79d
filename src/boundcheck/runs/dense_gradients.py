r"""Gradients of fully connected networks, written out.

Where layers are narrow and batches small, automatic differentiation takes longer for its own record than for the products that
it records. Here they are written out: with a batch of B examples, layers :math:`h_l = \mathrm{relu}(h_{l-1} W_l^\top + b_l)` and
mean cross-entropy,

.. math:: G_L = (\mathrm{softmax}(h_L) - e_y)/B, \quad G_{l-1} = (G_l W_l) \odot 1[h_{l-1} > 0], \quad
          \nabla W_l = G_l^\top h_{l-1}, \quad \nabla b_l = G_l^\top 1,

the products that differentiation makes too. The optimizer takes them from where it always does.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.runs.one_by_one import dense_layers


class DenseGradients:
    """Puts the gradient of the mean cross-entropy of a batch where the optimizer looks for it.

    Args:
        layers: What :func:`written_out` found.
    """

    def __init__(self, layers: list[nn.Linear]) -> None:
        self._layers = layers
        for layer in layers:
            for parameter in layer.parameters():
                parameter.grad = torch.empty_like(parameter)

    @torch.no_grad()
    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Fill the gradients of all parameters.

        Args:
            x: Inputs, shape (B, ...).
            y: Labels, shape (B,).

        Returns:
            The mean cross-entropy of the batch, in nats.
        """
        signals = [x.flatten(1)]
        for layer in self._layers[:-1]:
            signals.append(F.linear(signals[-1], layer.weight, layer.bias).relu_())
        logs = F.log_softmax(F.linear(signals[-1], self._layers[-1].weight, self._layers[-1].bias), dim=1)
        loss = float(F.nll_loss(logs, y))
        slope = logs.exp_()
        slope[torch.arange(len(y)), y] -= 1.0
        slope /= len(y)
        for index in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[index]
            torch.mm(slope.t(), signals[index], out=layer.weight.grad)
            if layer.bias is not None:
                torch.sum(slope, 0, out=layer.bias.grad)
            if index:
                slope = (slope @ layer.weight).mul_(signals[index] > 0.0)
        return loss


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
