r"""The depth-2 ReLU network whose hidden units share one direction: as many numbers as the theorem counts, and no more.

A :class:`torch.nn.Linear` would store the direction once for every hidden unit, n d numbers in place of d. And a dense forward
pass sums n hinges of size up to :math:`|w_j| (z - b_j)` that cancel almost completely, which floats do not survive. This
module stores the d + 2n numbers and evaluates the same function

.. math:: f(x) = \sum_j w_j \max(\langle a, x\rangle - b_j, 0)

by sorted prefixes: the knot below :math:`z = \langle a, x\rangle`, the value of f there, and the slope behind it. The projection
is computed as an unevaluated sum of two floats, since two points may differ in its last bits alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from boundcheck.evidence.growth_layer import GrowthLayer

_DOUBLE = 53
_FEW_BITS = 33  # what directions are drawn with where columns are alike
_SLICES = 8  # enough for 100 bits below the largest entry even where a slice has 13 bits
_AT_A_TIME = 2**18  # numbers that are sliced together: they stay in the cache


@dataclass(frozen=True, eq=False)
class _Table:
    """What evaluation looks up: knots in order, the value at each, the slope behind it."""

    knots: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Kept:
    """A table and what it was made of; torch counts the changes of a tensor in its version."""

    owners: tuple[torch.Tensor, ...]
    versions: tuple[int, ...]
    table: _Table


class Memorizer(nn.Module):
    """``sum_j weights[j] relu(<direction, x> - biases[j])``, and a linear read-out of it where there are classes.

    Args:
        inputs: Number of coordinates d of one example; examples of any shape are flattened.
        hinges: Number of hidden units.
        classes: Number of classes k; ``None`` for a network with one real output, returned with shape (n,). The logit of class c
            is ``gains[c] t + offsets[c]``, where t is the sum of hinges.
    """

    def __init__(self, inputs: int, hinges: int, classes: int | None = None) -> None:
        super().__init__()

        def numbers(count: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(count, dtype=torch.float64))

        self.direction, self.biases, self.weights = numbers(inputs), numbers(hinges), numbers(hinges)
        self.gains = None if classes is None else numbers(classes)
        self.offsets = None if classes is None else numbers(classes)
        self._kept: _Kept | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of a batch (n, ...): shape (n,), or (n, k) with a read-out; computed in float64."""
        return self.read(self.sum_of_hinges(x)).to(self.weights.dtype)

    def read(self, total: torch.Tensor) -> torch.Tensor:
        """The logits of sums of hinges (n,), shape (n, k); the sums themselves where there is no read-out."""
        if self.gains is None or self.offsets is None:
            return total
        return total[:, None] * self.gains.double() + self.offsets.double()

    def growth_layers(self) -> tuple[GrowthLayer, ...]:
        """Levels of sign tests: ``<a, x> - b_j``, of degree 1 in direction and biases, then the outputs' differences.

        A sum of hinges is of degree 2 in direction, biases and weights where the signs are fixed, a logit of degree 3.
        """
        hinges, direction = len(self.biases), len(self.direction)
        first = GrowthLayer("hinges", hinges, 1, hinges + direction)
        total = sum(p.numel() for p in self.parameters())
        if self.gains is None:
            return first, GrowthLayer("output", 1, 2, total)
        return first, GrowthLayer("output", max(len(self.gains) - 1, 1), 3, total)

    def sum_of_hinges(self, x: torch.Tensor) -> torch.Tensor:
        """What the read-out reads, shape (n,), float64."""
        table = self._table()
        rows = x.reshape(len(x), len(self.direction))
        parts = [_interpolate(table, *project(part, self.direction)) for part in _chunks(rows)]
        return torch.cat(parts) if parts else rows.new_zeros(0, dtype=torch.float64)

    def _table(self) -> _Table:
        """The look-up table, kept as long as the parameters that it was made of are the same and unchanged."""
        owners = (self.biases, self.weights)
        if torch.is_grad_enabled() or any(t.is_inference() for t in owners):
            return _table(*owners)
        versions = tuple(t._version for t in owners)
        kept = self._kept
        if kept is None or kept.versions != versions or any(a is not b for a, b in zip(kept.owners, owners, strict=True)):
            kept = self._kept = _Kept(owners, versions, _table(*owners))
        return kept.table


def _table(biases: torch.Tensor, weights: torch.Tensor) -> _Table:
    knots, order = biases.double().sort()
    slopes = weights.double()[order].cumsum(0)
    values = torch.cat([slopes[:1] * 0.0, (slopes[:-1] * knots.diff()).cumsum(0)])
    return _Table(knots, values, slopes)


def _interpolate(table: _Table, z: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """The piecewise linear function at z + rest."""
    below = torch.searchsorted(table.knots.detach(), z.detach(), right=True) - 1
    beyond = (z - table.knots[below.clamp(min=0)]) + rest
    # z lies on a knot and z + rest before it.
    below = torch.where((beyond < 0) & (below >= 0), below - 1, below)
    index = below.clamp(min=0)
    value: torch.Tensor = table.values[index] + table.slopes[index] * ((z - table.knots[index]) + rest)
    return torch.where(below < 0, torch.zeros_like(value), value)


def _chunks(rows: torch.Tensor) -> Iterator[torch.Tensor]:
    step = max(1, _AT_A_TIME // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        yield rows[start : start + step].double()


def project(x: torch.Tensor, direction: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``x @ direction`` as a sum of two floats, far more exact than one.

    The entries of x are cut into slices of so few bits that the product of a slice with a direction of few bits is exact in
    float64, whatever the order of summation. For a direction with all 53 bits the second float is of no use.

    Args:
        x: Shape (n, d), float64.
        direction: Shape (d,).

    Returns:
        (z, rest), shape (n,): z is the nearest float to their sum.
    """
    a = direction.double()
    if _bits(a.detach()) > _FEW_BITS:  # columns of very different scales: their powers of two belong to x
        scale = torch.ldexp(torch.ones_like(a), torch.frexp(a.detach()).exponent)
        a, x = a / scale, x * scale
    width = _DOUBLE - 1 - _bits(a.detach()) - max(1, len(a) - 1).bit_length()
    largest = float(x.detach().abs().max()) if x.numel() else 0.0
    z = x.new_zeros(len(x))
    rest = x.new_zeros(len(x))
    if width < 1 or not 0.0 < largest < 2.0**900:
        return x @ a, rest
    unit = 2.0 ** torch.frexp(torch.tensor(largest, dtype=torch.float64)).exponent.item()
    left = x
    for _ in range(_SLICES):
        unit /= 2.0**width
        if unit < 2.0**-960:
            break
        shift = 1.5 * 2.0**52 * unit  # adding it rounds to multiples of the unit
        part = (left + shift) - shift
        left = left - part
        z, lost = _two_sum(z, part @ a)
        rest = rest + lost
        if not bool(left.any()):
            return _two_sum(z, rest)
    return _two_sum(z, rest + left @ a)


def _two_sum(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rounded sum and what rounding lost, exactly (Knuth)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _bits(a: torch.Tensor) -> int:
    """Bits from the highest of the largest entry to the lowest of any."""
    a = a[a != 0]
    if not len(a):
        return 0
    mantissa, exponent = torch.frexp(a)
    whole = (mantissa * 2.0**_DOUBLE).long().abs()
    lowest = exponent - _DOUBLE + (whole & -whole).double().log2().long()
    return int(exponent.max() - lowest.min())
