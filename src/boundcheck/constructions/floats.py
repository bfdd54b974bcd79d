r"""What floats make of the construction: the conditioning of its triangular system, and dense forward passes.

The eigenvalues of the matrix :math:`A_{ij} = \max(z_i - b_j, 0)` are its diagonal. For its inverse, from
:math:`S_j = (y_j - y_{j-1} - S_{j-1} (b_j - z_{j-1})) / (z_j - b_j)` and :math:`w_j = S_j - S_{j-1}`, the absolute row sums of
the map from y to the slopes satisfy :math:`s_j \le (2 + s_{j-1} (b_j - z_{j-1})) / (z_j - b_j)`, with equality for knots at the
points, and those of the map to the weights are at most :math:`s_j + s_{j-1}`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from boundcheck.constructions.memorized import Memorized

_SAMPLE = 200
_NUMBERS = 2**24  # hinges that a dense pass holds at a time


@dataclass(frozen=True)
class DenseCheck:
    """A dense forward pass in one number format on a sample of the points.

    Attributes:
        format: ``float32`` or ``float64``.
        rows: Points that were tried.
        wrong: Those whose value is not nearest to the wanted one: off by half or more, or no number.
        largest_error: The largest deviation; infinite where a value is no number.
        distinct_biases: Biases that the format tells apart.
    """

    format: str
    rows: int
    wrong: int
    largest_error: float
    distinct_biases: int


@dataclass(frozen=True)
class FloatCheck:
    """What floats can and can't represent of a network that was constructed.

    Attributes:
        n: Points.
        wrong: Points whose value by sorted prefixes in float64 is off by half or more.
        largest_error: The largest deviation of these values.
        smallest_gap: Smallest distance of two projections.
        range: Largest distance of two projections.
        largest_weight: Largest output weight in size.
        smallest_eigenvalue: The smallest ``z_i - b_i``.
        log10_condition: Decimal logarithm of an upper bound of the condition number in the infinity norm.
        dense: Dense forward passes.
    """

    n: int
    wrong: int
    largest_error: float
    smallest_gap: float
    range: float
    largest_weight: float
    smallest_eigenvalue: float
    log10_condition: float
    dense: tuple[DenseCheck, ...]

    @property
    def holds(self) -> bool:
        """Whether the network as it runs gives every label."""
        return self.wrong == 0


def check_in_floats(found: Memorized, *, seed: int = 0) -> FloatCheck:
    """Errors of the network as it runs, its conditioning, and what dense passes lose.

    Args:
        found: The network with its points.
        seed: Seed of the sample that dense passes are tried on.
    """
    line, network = found.line, found.network
    errors = np.abs(found.outputs - found.values)
    errors[found.conflicts] = 0.0
    biases = network.biases.detach().numpy()
    ahead = (line.z - biases) + line.rest
    rows = np.random.default_rng([seed, 3]).permutation(len(errors))[:_SAMPLE]
    rows = rows[~np.isin(rows, found.conflicts)]
    return FloatCheck(
        n=len(errors),
        wrong=int((~(errors < 0.5)).sum()),
        largest_error=float(errors.max()),
        smallest_gap=float(line.gaps.min()) if found.distinct > 1 else math.inf,
        range=float(line.z[-1] - line.z[0]),
        largest_weight=float(network.weights.detach().abs().max()),
        smallest_eigenvalue=float(ahead.min()),
        log10_condition=_log10_condition(found),
        dense=tuple(_dense(found, rows, dtype) for dtype in (torch.float64, torch.float32)),
    )


def _log10_condition(found: Memorized) -> float:
    """Of the triangular system; in logarithms, since knots between the points make it astronomically large."""
    line, biases = found.line, found.network.biases.detach().numpy()
    ahead = (line.z - biases) + line.rest
    behind = np.zeros_like(ahead)
    behind[1:] = np.maximum((biases[1:] - line.z[:-1]) - line.rest[:-1], 0.0)
    with np.errstate(divide="ignore"):
        two, carried = np.log(2.0 / ahead), np.log(behind / ahead)
    slopes = np.empty_like(ahead)
    slopes[0] = -math.log(ahead[0])
    if behind.any():
        for j in range(1, len(slopes)):
            slopes[j] = np.logaddexp(two[j], carried[j] + slopes[j - 1])
    else:
        slopes[1:] = two[1:]
    inverse = max([float(slopes[0]), *np.logaddexp(slopes[1:], slopes[:-1]).tolist()])
    return float((math.log(float((line.z[-1] - biases).sum())) + inverse) / math.log(10.0))


def _dense(found: Memorized, rows: np.ndarray[tuple[int], np.dtype[np.int64]], dtype: torch.dtype) -> DenseCheck:
    """Every hinge of every sampled point, as two dense layers compute them in one format."""
    network = found.network
    a, b, w = (p.detach().to(dtype) for p in (network.direction, network.biases, network.weights))
    step = max(1, _NUMBERS // len(b))
    values = []
    for start in range(0, len(rows), step):
        x = torch.from_numpy(found.points[rows[start : start + step]].astype(np.float64)).to(dtype)
        values.append((torch.relu((x @ a)[:, None] - b) @ w).double())
    errors = np.abs(torch.cat(values).numpy() - found.values[rows])
    errors[~np.isfinite(errors)] = np.inf
    return DenseCheck(
        format=str(dtype).removeprefix("torch."),
        rows=len(rows),
        wrong=int((~(errors < 0.5)).sum()),
        largest_error=float(errors.max()),
        distinct_biases=len(torch.unique(b)),
    )
