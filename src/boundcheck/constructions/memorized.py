"""The network with 2n + d weights through n labelled points, as an object that knows its points and its answers."""

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
from boundcheck.constructions.zhang2017depth2 import KNOTS, network_on_line
from boundcheck.errors import InputError, nearest
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.mistakes import mistakes
from boundcheck.progress import Progress, silent


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
    def mistakes(self) -> NDArray[np.bool_]:
        """With classes: which labels the network misses as it runs, ties and NaN among them, shape (n,)."""
        if self.network.gains is None or self.network.offsets is None:
            raise ValueError("expected a network with a read-out; got one without classes")
        with torch.no_grad():
            wrong, _ = mistakes(self.network.read(torch.from_numpy(self.outputs)), torch.from_numpy(self.values))
        found: NDArray[np.bool_] = wrong.numpy()
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
    network, rule = network_on_line(line, kept, classes=classes, knots=knots)
    seconds = {"direction": found - start, "solve": time.perf_counter() - found}
    return Memorized(network, points, values, line, rule, np.sort(clashing[:, 0]), seconds)


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
        return values.astype(np.int64)
    return values


def _clash(clashing: NDArray[np.int64], values: NDArray[Any]) -> InputError:
    later, earlier = min(map(tuple, clashing.tolist()))
    others = f" (and {len(clashing) - 1} more such rows)" if len(clashing) > 1 else ""
    return InputError(
        "one label for each point",
        f"the labels {values[earlier]} and {values[later]} in rows {earlier} and {later}, which are equal{others}",
        "no function has both: correct one, or keep the first of equal points with --conflicts first",
    )
