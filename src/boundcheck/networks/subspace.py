"""A network whose weights move in a random subspace: few coordinates are learned, everything else is fixed beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError

_SUMMANDS = 4  # coordinates that a weight adds up


class Subspace(nn.Module):
    """``network(start + S z)``: z is learned, S a sparse random matrix of signs.

    Each weight adds up four of the coordinates with random signs, scaled by the root mean square of its tensor at the start, so
    that coordinates of order 1 move weights by about their own size.

    Args:
        network: The network, with the weights to start from.
        dimension: Number of coordinates; the matrix is drawn from torch's generator.
    """

    start: torch.Tensor
    which: torch.Tensor
    signs: torch.Tensor

    def __init__(self, network: nn.Module, dimension: int) -> None:
        super().__init__()
        named = {name: p.detach().clone() for name, p in network.named_parameters()}
        total = sum(p.numel() for p in named.values())
        scales = torch.cat([torch.full((p.numel(),), float(p.square().mean().sqrt()) or 0.1) for p in named.values()])
        signs = torch.randint(2, (total, _SUMMANDS)).float() * 2.0 - 1.0
        self.coordinates = nn.Parameter(torch.zeros(dimension))
        self.register_buffer("start", torch.cat([p.reshape(-1) for p in named.values()]))
        self.register_buffer("which", torch.randint(dimension, (total, _SUMMANDS)))
        self.register_buffer("signs", signs * scales[:, None] / math.sqrt(_SUMMANDS))
        self.shapes = {name: tuple(p.shape) for name, p in named.items()}
        self.inside = (network,)  # in a tuple, so that its parameters are not this module's

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The network at the present coordinates."""
        flat = self.start + (self.coordinates[self.which] * self.signs).sum(dim=1)
        parts = torch.split(flat, [math.prod(shape) for shape in self.shapes.values()])
        weights = {name: part.reshape(shape) for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)}
        found: torch.Tensor = torch.func.functional_call(self.inside[0], weights, (x,))
        return found


def subspace(
    input_shape: Sequence[int], classes: int, dimension: int = 500, of: str = "mlp",
    settings: Mapping[str, Any] | None = None,
) -> nn.Module:  # fmt: skip
    """A built-in network in a random subspace.

    Args:
        input_shape: Shape of one example.
        classes: Number of outputs.
        dimension: Number of coordinates that are learned.
        of: The architecture inside.
        settings: Of the architecture inside.

    Raises:
        InputError: The network inside can't be used.
    """
    from boundcheck.networks.architectures import ARCHITECTURES

    if of == "subspace" or of not in ARCHITECTURES:
        raise InputError("a built-in architecture inside a subspace", repr(of), "mlp and conv are the usual ones")
    network = ARCHITECTURES[of](input_shape, classes, **dict(settings or {})).eval()
    if any(True for _ in network.buffers()) or dimension < 1:
        got = f"{of} with buffers" if dimension >= 1 else f"a dimension of {dimension}"
        raise InputError("a network without buffers and a dimension of 1 or more", got, "leave batch normalization out")
    return Subspace(network, dimension)
