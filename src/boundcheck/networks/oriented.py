"""A front end that nothing is learned of: an upright picture, edges by direction, and a basis in which they are decorrelated.

Everything here is known before the data is seen, so that a certificate pays for the last layer alone. A picture is sheared until
its second moments are upright and moved to its center of mass; directional derivatives of a Gaussian, rectified and pooled, are
taken twice; and what comes out is written in the eigenvectors of its second moments on random pen strokes, each divided by the
root of its eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, affine_grid, avg_pool2d, conv2d, grid_sample, relu

from boundcheck.errors import InputError
from boundcheck.networks.modules import image_shape
from boundcheck.networks.strokes import random_strokes

_TINY = 1e-6  # of the picture's mass and moments: an empty picture stays as it is
_ROWS, _COLUMNS = 5.5 / 28.0, 4.0 / 28.0  # standard deviations, in sides of the picture, of one that fills the middle
_NARROW = 0.1  # a thinner picture, a line or a dot, is magnified no further
_STROKES = 4000
_LEAST_EIGENVALUE = 1e-5  # of the largest


class Upright(nn.Module):
    """Shears, moves and resizes each picture by its own moments.

    Afterwards rows and columns have no covariance and the center of mass is in the middle. A picture of non-negative numbers is
    its own mass. All channels are moved alike, by the moments of their sum.

    Args:
        resize: Whether the standard deviations of rows and columns are brought half way, on a logarithmic scale, to those of a
            picture that fills the middle.
    """

    def __init__(self, resize: bool = True) -> None:
        super().__init__()
        self.resize = resize

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures of shape (n, channels, height, width)."""
        n, _, height, width = x.shape
        rows = torch.arange(height, dtype=x.dtype, device=x.device) - (height - 1) / 2.0
        columns = torch.arange(width, dtype=x.dtype, device=x.device) - (width - 1) / 2.0
        weight = x.sum(dim=1).clamp(min=0.0)
        weight = weight / (weight.sum(dim=(1, 2), keepdim=True) + _TINY)
        by_row, by_column = weight.sum(dim=2), weight.sum(dim=1)
        row, column = by_row @ rows, by_column @ columns
        down, right = rows[None, :] - row[:, None], columns[None, :] - column[:, None]
        variance = (by_row * down**2).sum(dim=1)
        covariance = (torch.einsum("nhw,nw->nh", weight, right) * down).sum(dim=1)
        shear = (covariance / (variance + _TINY)).clamp(-1.0, 1.0)
        tall = wide = torch.ones_like(shear)
        if self.resize:
            tall = _half_way(variance, height * _ROWS)
            wide = _half_way((by_column * right**2).sum(dim=1) - shear * covariance, width * _COLUMNS)
        turn = x.new_zeros((n, 2, 3))
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 0, 2] = wide, shear * tall * (height / width), column * (2.0 / width)
        turn[:, 1, 1], turn[:, 1, 2] = tall, row * (2.0 / height)
        where = affine_grid(turn, [n, 1, height, width], align_corners=False)
        return grid_sample(x, where, align_corners=False)


def _half_way(variance: torch.Tensor, wanted: float) -> torch.Tensor:
    """By what to magnify so that a standard deviation comes half way, in the logarithm, to the one that is wanted."""
    return (variance.clamp(min=(_NARROW * wanted) ** 2).sqrt() / wanted).sqrt()


def derivatives(directions: int, sigma: float, size: int = 7) -> torch.Tensor:
    """First derivatives of a Gaussian in directions all around the circle.

    Args:
        directions: How many.
        sigma: Standard deviation of the Gaussian, pixels.
        size: Taps on a side, odd.

    Returns:
        Shape (directions, 1, size, size), float32; the absolute values of each sum to 2.
    """
    steps = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    bump = torch.exp(-(x**2 + y**2) / (2.0 * sigma**2))
    filters = []
    for j in range(directions):
        angle = 2.0 * math.pi * j / directions
        one = (math.cos(angle) * x + math.sin(angle) * y) * bump
        filters.append(2.0 * one / one.abs().sum())
    return torch.stack(filters)[:, None].float()


class Edges(nn.Module):
    """Edges by direction, and edges of edges, pooled.

    Args:
        channels: Of the input.
        directions: Of the derivatives.
        cells: Both kinds are averaged over a grid of so many cells on a side.
    """

    first: torch.Tensor
    second: torch.Tensor

    def __init__(self, channels: int, directions: int = 8, cells: int = 3) -> None:
        super().__init__()
        self.cells, self.channels = cells, channels
        self.register_buffer("first", derivatives(directions, 1.0).repeat(channels, 1, 1, 1))
        self.register_buffer("second", derivatives(directions, 1.5).repeat(channels * directions, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, channels, height, width) to (n, features)."""
        once = relu(conv2d(x, self.first, padding=3, groups=self.channels))
        once = avg_pool2d(once, 2)
        twice = relu(conv2d(once, self.second, padding=3, groups=once.shape[1]))
        pooled = [adaptive_avg_pool2d(level, self.cells).flatten(1) for level in (once, twice)]
        return torch.cat(pooled, dim=1)


class FixedLinear(nn.Module):
    """A linear map without constants that is a buffer: nothing of it is learned.

    Args:
        matrix: Shape (outputs, inputs).
    """

    matrix: torch.Tensor

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, inputs) to (n, outputs)."""
        return x @ self.matrix.T


def simplex(classes: int) -> torch.Tensor:
    """Orthonormal columns orthogonal to the vector of ones: outputs that differ by a constant predict the same.

    Returns:
        Shape (classes, classes - 1), float32.
    """
    columns = []
    for j in range(1, classes):
        column = torch.zeros(classes, dtype=torch.float64)
        column[:j], column[j] = 1.0 / math.sqrt(j * (j + 1.0)), -j / math.sqrt(j * (j + 1.0))
        columns.append(column)
    return torch.stack(columns, dim=1).float()


@dataclass(frozen=True)
class Front:
    """The settings of the fixed part, all of them chosen before the data.

    Attributes:
        directions: Of the derivatives of a Gaussian.
        cells: Edges are averaged over a grid of so many cells on a side.
        size: Dimensions of the basis; fewer where there are fewer features.
        power: A coordinate is divided by its eigenvalue to the power of half of this: 1 for a message with the same steps in all
            coordinates, less for a prior whose scales are.
        upright: Whether a picture is sheared and moved first.
        resize: Whether it is resized then, see :class:`Upright`.
        hidden: Units of a hidden layer with ReLU after the basis; 0 for none.
    """

    directions: int = 8
    cells: int = 3
    size: int = 256
    power: float = 1.0
    upright: bool = True
    resize: bool = True
    hidden: int = 0

    def edges(self, channels: int) -> list[nn.Module]:
        """The modules before the basis."""
        return [*([Upright(self.resize)] if self.upright else []), Edges(channels, self.directions, self.cells)]


@lru_cache(maxsize=4)
def stroke_basis(height: int, width: int, channels: int, front: Front) -> torch.Tensor:
    """Leading eigenvectors of the features' second moments on random strokes, each over a power of its eigenvalue.

    Args:
        height: Rows of a picture.
        width: Columns of a picture.
        channels: All of which show the same stroke.
        front: Settings.

    Returns:
        Shape (size, features), float32. The sign of each is such that its largest entry is positive.
    """
    pictures = torch.from_numpy(random_strokes(_STROKES, height, width))[:, None].repeat(1, channels, 1, 1)
    edges = nn.Sequential(*front.edges(channels))
    with torch.no_grad():
        features = torch.cat([edges(part) for part in torch.split(pictures, 500)]).double()
    values, vectors = torch.linalg.eigh(features.T @ features / len(features))
    values, vectors = values.flip(0)[: front.size], vectors.flip(1)[:, : front.size]
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    relative = (values / values[0]).clamp(min=_LEAST_EIGENVALUE) ** (-front.power / 2.0)
    basis: torch.Tensor = (vectors * largest.sign() * relative / values[0].sqrt()).T.float().contiguous()
    return basis


def oriented(input_shape: Sequence[int], classes: int, **front: Any) -> nn.Module:
    """Edges by direction in a basis made for pen strokes, all fixed beforehand, and one or two layers that are learned.

    Args:
        input_shape: Shape of one example: (height, width) or (channels, height, width).
        classes: Number of outputs.
        **front: Attributes of :class:`Front`.

    Raises:
        InputError: If the input is no image.
    """
    settings = Front(**front)
    if min(settings.directions, settings.cells, settings.size) < 1 or settings.hidden < 0:
        raise InputError("directions, cells and a size of 1 or more", f"{front}", "see the architecture's help")
    layers, (depth, height, width) = image_shape(input_shape)
    basis = FixedLinear(stroke_basis(height, width, depth, settings))
    learned: list[nn.Module] = []
    size = len(basis.matrix)
    if settings.hidden:
        learned, size = [nn.Linear(size, settings.hidden), nn.ReLU()], settings.hidden
    learned.append(nn.Linear(size, classes - 1, bias=False))
    return nn.Sequential(*layers, *settings.edges(depth), basis, *learned, FixedLinear(simplex(classes)))
