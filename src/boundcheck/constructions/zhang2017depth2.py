r"""A two-layer ReLU network with 2n + d weights through any values on n distinct points.

C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, Understanding deep learning requires rethinking generalization, ICLR
2017, Theorem 1: there is a two-layer ReLU network with 2n + d weights that represents any function on a sample of n points in
:math:`\mathbb{R}^d`.

Proof. Take a with distinct projections :math:`z_1 < \dots < z_n` and knots :math:`b_1 < z_1,\ z_{j-1} \le b_j < z_j`. In
:math:`f(x) = \sum_j w_j \max(\langle a, x\rangle - b_j, 0)` the matrix :math:`A_{ij} = \max(z_i - b_j, 0)` is lower triangular
with the positive diagonal :math:`z_i - b_i`, so exactly one w gives :math:`f(x_i) = y_i`.

Solving. With :math:`S_j` the slope of f behind :math:`b_j`, :math:`y_j - y_{j-1} = S_{j-1} (b_j - z_{j-1}) + S_j (z_j - b_j)`
and :math:`w_j = S_j - S_{j-1}`. Two choices of knots need no elimination:

* ``data``, :math:`b_j = z_{j-1}`: the slopes are divided differences, w their differences: second differences of y. Slopes are
  rounded to multiples of one power of two, :math:`2^{-52}` of the largest, so that their differences w are floats without further
  rounding, and so are their prefix sums. Then :math:`|f(x_i) - y_i|` is at most half that unit times :math:`z_i - b_1`:
  the errors of n weights do not pile up otherwise.
* ``between``: slopes :math:`\pm M` in turn with M a power of two above every divided difference, hence weights :math:`\pm 2M`
  and :math:`b_j = \tfrac12(z_{j-1} + z_j) \mp (y_j - y_{j-1})/(2M)`. Where projections and values are multiples of powers of
  two, so are these knots, and :math:`f(x_i) = y_i` without any error in the stored floats. The values are in the biases
  alone.
"""

from __future__ import annotations

import numpy as np
import torch

from boundcheck.constructions.direction import Line
from boundcheck.constructions.projection import Floats
from boundcheck.errors import InputError
from boundcheck.networks.memorizer import Memorizer

KNOTS = ("auto", "data", "between")
_CORRECTIONS = 60


def network_on_line(line: Line, y: Floats, *, classes: int | None = None, knots: str = "auto") -> tuple[Memorizer, str]:
    """The network through points that a direction has put in order.

    Args:
        line: The points, in order.
        y: Their values in this order, shape (m,).
        classes: Number of classes, ``None`` for a network with one real output.
        knots: As in :func:`memorize`.

    Returns:
        The network, and which rule its knots follow.

    Raises:
        InputError: Projections closer than float64 can tell, or knots between the points that are no floats.
    """
    exact = knots != "data" and between_is_exact(line, y)
    if knots == "between" and not exact:
        raise InputError(
            "projections and values of so few bits that floats hold the knots between them",
            "more than 53 bits",
            "use --knots data, or integer inputs",
        )
    biases, weights = between(line, y) if exact else second_differences(line.z, line.rest, y)
    network = Memorizer(len(line.direction), len(weights), classes)
    _fill(network, line.direction, biases, weights)
    return network.eval(), "between" if exact else "data"


def second_differences(z: Floats, rest: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Biases and output weights of the ``data`` rule.

    Args:
        z: Projections in float64, shape (n,), increasing together with ``rest``.
        rest: What rounding them lost.
        y: Values, shape (n,).

    Returns:
        (b, w), shape (n,).

    Raises:
        InputError: Projections are so close that no float lies between them.
    """
    biases = np.empty_like(z)
    biases[1:] = np.where(rest[:-1] > 0.0, np.nextafter(z[:-1], np.inf), z[:-1])  # not below the point itself
    biases[0] = z[0] - _lead(z, y)
    ahead = (z - biases) + rest
    behind = np.zeros_like(z)
    behind[1:] = (biases[1:] - z[:-1]) - rest[:-1]
    if not (ahead > 0.0).all():
        raise _too_close(int(np.argmin(ahead)))
    slopes = divided = np.diff(y, prepend=0.0) / ahead
    for _ in range(_CORRECTIONS):  # knots that are rounded lie a little behind the points
        before = np.concatenate([[0.0], slopes[:-1]])
        corrected = divided - before * (behind / ahead)
        if np.array_equal(corrected, slopes):
            break
        slopes = corrected
    largest = float(np.abs(slopes).max())
    if not np.isfinite(largest):
        raise _too_close(int(np.argmin(ahead)))
    if largest > 0.0:
        unit = 2.0 ** (np.frexp(largest)[1] - 52)
        slopes = np.rint(slopes / unit) * unit
    return biases, np.diff(slopes, prepend=0.0)


def _lead(z: Floats, y: Floats) -> float:
    """How far before the first point the first knot lies: 1, unless the units of z or y make that too near or too far.

    A power of two, at most the range of z, and so far that the first slope is no steeper than the others.
    """
    span = float(z[-1] - z[0])
    lead = min(1.0, 2.0 ** (np.frexp(span)[1] - 1)) if span > 0.0 else 1.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steepest = float(np.nan_to_num(np.abs(np.diff(y)) / np.diff(z), nan=0.0, posinf=0.0).max()) if len(y) > 1 else 0.0
    if steepest > 0.0 and y[0] != 0.0:
        lead = max(lead, 2.0 ** np.frexp(abs(float(y[0])) / steepest)[1])
    return float(max(lead, 2.0 * np.spacing(abs(z[0]))))


def between(line: Line, y: Floats) -> tuple[Floats, Floats]:
    """Biases and output weights of the ``between`` rule.

    Args:
        line: Projections that float64 holds exactly.
        y: Values, shape (n,).

    Returns:
        (b, w), shape (n,), without any rounding where :func:`between_is_exact`.
    """
    steep = _slope_bound(line, y)
    steps = np.diff(y, prepend=0.0)
    nonzero = np.flatnonzero(y)
    slopes = np.zeros_like(y)
    if len(nonzero):
        first = int(nonzero[0])  # before it the function is zero, and so are the weights
        slopes[first:] = np.where(np.arange(len(y) - first) % 2 == 0, steep, -steep) * np.sign(y[first])
    before = np.concatenate([[0.0], slopes[:-1]])
    weights = slopes - before
    gaps = np.concatenate([[0.0], line.gaps])
    idle = weights == 0.0
    # z_j - b_j from y_j - y_{j-1} = S_{j-1} (b_j - z_{j-1}) + S_j (z_j - b_j); an idle knot may lie anywhere in its gap.
    room = np.where(idle, 0.5 * gaps, (steps - before * gaps) / np.where(idle, 1.0, weights))
    if idle[0]:
        room[0] = 2.0 ** np.ceil(np.log2(max(1.0, np.spacing(abs(line.z[0])))))
    return line.z - room, weights


def between_is_exact(line: Line, y: Floats) -> bool:
    """Whether the ``between`` rule takes every value without any error in float64.

    All its numbers are multiples of a power of two: half the unit of the projections, or the unit of the values over 2M. It is
    exact if the largest of them is below 2**53 of these units.
    """
    if not line.exact:
        return False
    steep = _slope_bound(line, y)
    if not 2.0**-500 < steep < 2.0**500:
        return False
    unit_z, unit_y = _unit(np.append(line.z, 1.0)), _unit(np.append(y, 1.0))
    resolution = min(0.5 * unit_z, unit_y / (2.0 * steep))
    reach = float(np.abs(line.z).max()) + float(np.abs(y).max()) / steep + 1.0
    return reach < 2.0**51 * resolution


def _slope_bound(line: Line, y: Floats) -> float:
    """A power of two above all divided differences."""
    steepest = float((np.abs(np.diff(y)) / line.gaps).max()) if len(y) > 1 else 0.0
    return float(2.0 ** max(np.frexp(steepest)[1], -400)) if steepest > 0.0 else 1.0


def _unit(values: Floats) -> float:
    """The largest power of two that divides all values, not all of which are zero."""
    mantissas, exponents = np.frexp(values[values != 0.0])
    whole = np.abs(np.ldexp(mantissas, 53)).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1 + exponents - 53
    return float(np.ldexp(1.0, int(lowest.min())))


def read_out(classes: int) -> tuple[Floats, Floats]:
    """Gains and offsets of logits ``2 c t - c^2``: at t = c the logit of c is above all others, and by 1 above its neighbours."""
    c = np.arange(classes, dtype=np.float64)
    return 2.0 * c, -(c**2)


def _fill(network: Memorizer, direction: Floats, biases: Floats, weights: Floats) -> None:
    numbers = {"direction": direction, "biases": biases, "weights": weights}
    if network.gains is not None:
        numbers["gains"], numbers["offsets"] = read_out(len(network.gains))
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in numbers.items()})


def _too_close(at: int) -> InputError:
    return InputError(
        "points whose projections float64 can tell apart",
        f"two that are closer than the last bit, number {at - 1} and {at} in the order of their projections",
        "compare more directions (--candidates), or scale the inputs so that near points are less near",
    )
