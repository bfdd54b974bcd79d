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

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from boundcheck.constructions.direction import Line, separating_line
from boundcheck.constructions.projection import Floats, as_points
from boundcheck.errors import InputError, nearest
from boundcheck.networks.memorizer import Memorizer
from boundcheck.progress import Progress, silent

KNOTS = ("auto", "data", "between")
_CORRECTIONS = 60


@dataclass(frozen=True, eq=False)
class Memorized:
    """A network through given points.

    Attributes:
        network: Its parameters are the 2m + d numbers for m distinct points, and 2k of the read-out where there are k classes.
        points: The points, shape (n, d).
        values: What the network has to take on them, shape (n,).
        line: The points as the direction orders them.
        knots: ``data`` or ``between``.
        conflicts: Rows whose value could not be met, since an equal point came earlier with another value.
        seconds: Wall time of finding the direction and of solving.
    """

    network: Memorizer
    points: NDArray[Any]
    values: NDArray[Any]
    line: Line
    knots: str
    conflicts: NDArray[np.int64]
    seconds: Mapping[str, float]

    @property
    def n_weights(self) -> int:
        """The numbers that the network stores, counted by walking through its parameters."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def distinct(self) -> int:
        """Number of distinct points m."""
        return len(self.line.z)

    @property
    def merged(self) -> int:
        """Points that equal an earlier one and needed no weights of their own."""
        return len(self.line.twins)

    @cached_property
    def outputs(self) -> Floats:
        """The sum of hinges on all points as the network computes it in float64, shape (n,)."""
        with torch.no_grad():
            found: Floats = torch.cat([self.network.sum_of_hinges(part) for part in _batches(self.points)]).numpy()
        return found

    @property
    def max_error(self) -> float:
        """The largest ``|f(x_i) - y_i|`` as the network computes it, rows in ``conflicts`` left out; before the read-out."""
        errors = np.abs(self.outputs - self.values)
        errors[self.conflicts] = 0.0
        return float(errors.max())


def memorize(
    x: Any,
    y: Any,
    *,
    classes: int | None = None,
    knots: str = "auto",
    seed: int = 0,
    candidates: int = 8,
    conflicts: str = "refuse",
    progress: Progress = silent,
) -> Memorized:
    """The network with 2n + d weights through n labelled points.

    Args:
        x: Inputs, shape (n, d) or (n, ...): floats, or integers up to 2**53 in size.
        y: Values, shape (n,): real numbers, or integers in [0, k) where there are classes.
        classes: Number of classes k: the network then has k outputs with margin 1, by 2k further weights.
        knots: ``data`` (second differences), ``between`` (without rounding, where floats allow it) or ``auto``: between
            where it is exact, else data.
        seed: Seed of the directions.
        candidates: Directions that are compared for the largest smallest gap.
        conflicts: What to do with equal points of different values: ``refuse``, or ``first`` to keep the first value.
        progress: Told what is being done.

    Returns:
        The network and what is known about it.

    Raises:
        InputError: Equal points with different values, projections closer than float64 can tell, or arrays that don't fit.
    """
    points, values = as_points(x), _as_values(y, classes)
    if len(points) != len(values):
        raise InputError("as many values as points", f"{len(points)} points and {len(values)} values", "pass y of shape (n,)")
    for word, known, option in ((knots, KNOTS, "knots"), (conflicts, ("refuse", "first"), "conflicts")):
        if word not in known:
            raise InputError(f"{option}, one of {', '.join(known)}", repr(word), nearest(str(word), known))
    start = time.perf_counter()
    line = separating_line(points, seed=seed, candidates=candidates, progress=lambda what, f: progress(what, 0.8 * f))
    clashing = line.twins[values[line.twins[:, 0]] != values[line.twins[:, 1]]]
    if len(clashing) and conflicts == "refuse":
        raise _clash(clashing, values)
    progress("solving", 0.8)
    found = time.perf_counter()
    kept = values[line.rows].astype(np.float64)
    exact = knots != "data" and between_is_exact(line, kept)
    if knots == "between" and not exact:
        raise InputError(
            "projections and values of so few bits that floats hold the knots between them",
            "more than 53 bits",
            "use --knots data, or integer inputs",
        )
    rule = "between" if exact else "data"
    biases, weights = second_differences(line.z, line.rest, kept) if rule == "data" else between(line, kept)
    seconds = {"direction": found - start, "solve": time.perf_counter() - found}
    network = Memorizer(points.shape[1], len(weights), classes)
    _fill(network, line.direction, biases, weights)
    return Memorized(network.eval(), points, values, line, rule, np.sort(clashing[:, 0]), seconds)


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


def _batches(points: NDArray[Any]) -> Sequence[torch.Tensor]:
    step = max(1, 2**24 // points.shape[1])
    return [torch.from_numpy(np.ascontiguousarray(points[i : i + step])) for i in range(0, len(points), step)]


def _as_values(y: Any, classes: int | None) -> NDArray[Any]:
    """The values as they came, once they are known to be a list of finite numbers that fit the classes."""
    values = np.asarray(y)
    if values.ndim != 1 or values.dtype.kind not in "fiub" or values.dtype.itemsize > 8:
        raise InputError("real values y of shape (n,)", f"{values.dtype} of shape {values.shape}", "pass one number per point")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("finite values y", f"NaN or infinity at row {int((~np.isfinite(values)).argmax())}", "repair them")
    if values.dtype.kind != "f" and values.size and max(abs(int(values.min())), abs(int(values.max()))) > 2**53:
        raise InputError("integer values up to 2**53 in size", "a larger one", "scale them down: float64 can't hold them")
    if classes is not None:
        fits = values.dtype.kind != "f" and values.size and int(values.min()) >= 0 and int(values.max()) < classes
        if classes < 2 or not fits:
            raise InputError(
                f"integer labels in [0, {classes}) for {classes} classes", f"{values.dtype} values", "number classes 0, 1, ..."
            )
    return values


def _clash(clashing: NDArray[np.int64], values: NDArray[Any]) -> InputError:
    later, earlier = min(map(tuple, clashing.tolist()))
    others = f" (and {len(clashing) - 1} more such rows)" if len(clashing) > 1 else ""
    return InputError(
        "one label for each point",
        f"the labels {values[earlier]} and {values[later]} in rows {earlier} and {later}, which are equal{others}",
        "no function has both: correct one, or keep the first of equal points with --conflicts first",
    )


def _too_close(at: int) -> InputError:
    return InputError(
        "points whose projections float64 can tell apart",
        f"two that are closer than the last bit, number {at - 1} and {at} in the order of their projections",
        "compare more directions (--candidates), or scale the inputs so that near points are less near",
    )
