"""Solve K a = Y to a certified residual, or say why that can't be done. Never a least-squares answer in its place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from boundcheck.errors import InputError
from boundcheck.kernels.certificate import Certified
from boundcheck.kernels.factor import Factor, NotPositiveDefinite, Store, factorize
from boundcheck.kernels.gram import Gram
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.refine import StateStore, refine
from boundcheck.kernels.spectrum import Eigenvalue, eigenvalue, probe
from boundcheck.progress import Progress, silent

DOUBLE_UP_TO = 2500  # samples for which a float64 factor costs next to nothing
SPECTRAL_UP_TO = 6000  # samples for which all eigenvalues are computed when no factor will do: 1 GiB and minutes
_STEPS = 30  # conjugate gradients that have not converged by then have no factor worth the name
_AIM = 0.1  # aim below the tolerance, so that the bound on rounding errors fits
_SHIFTS = (1.0, 8.0)  # of a float32 factor, in units of its roundoff times sqrt(n): what rounding moves eigenvalues by

Factored = Callable[[str, float], "Keeper | None"]


class Keeper(Store, StateStore, Protocol):
    """Keeps a factor and the state of its refinement."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution and how it came about.

    Attributes:
        certified: The coefficients with what is certain about them.
        route: ``float32 factor``, ``float64 factor`` or ``eigenvalues``.
        factor: The factor, ``None`` on the route of eigenvalues.
        steps: Passes of refinement over the Gram matrix.
        shift: Added to the diagonal that was factored, on top of the ridge.
        rank: Numerical rank of K + ridge I.
        rank_known: How: ``smallest eigenvalue`` (an estimate above the threshold) or ``all eigenvalues``.
        threshold: Eigenvalues up to here count as zero.
        smallest: Estimate of the smallest eigenvalue of K + ridge I (on the route of eigenvalues the smallest that counts).
        largest: Estimate of the largest eigenvalue of K + ridge I.
        seconds: By phase.
    """

    certified: Certified
    route: str
    factor: Factor | None
    steps: int
    shift: float
    rank: int
    rank_known: str
    threshold: float
    smallest: Eigenvalue
    largest: Eigenvalue
    seconds: Mapping[str, float] = field(default_factory=dict)


def solve(
    gram: Gram,
    targets: Array,
    *,
    tolerance: float,
    keeper: Factored = lambda dtype, shift: None,
    room: float = math.inf,
    seed: int = 0,
    progress: Progress = silent,
) -> Solution:
    """Coefficients a with |(K + ridge I) a - Y| <= tolerance |Y|, certified.

    A float32 factor with conjugate gradients in float64 comes first for large samples, with a larger shift where it breaks down;
    then a float64 factor, first for small samples; then the eigenvalues.

    Args:
        gram: K with its ridge.
        targets: Y, shape (n, q), not all zero.
        tolerance: Relative, in Frobenius norm.
        keeper: From dtype and shift to what keeps the factor.
        room: Bytes of memory that a float64 factor may take where a float32 one does not do.
        seed: Of the vectors that look for the ends of the spectrum.
        progress: Told what is being done.

    Raises:
        InputError: No route leads to a certified residual within the tolerance; the message says why.
    """
    n = gram.n
    unit = 2.0**-24 * gram.trace_up() / n**0.5
    routes = [("float32", times * unit) for times in _SHIFTS if n > DOUBLE_UP_TO] + [("float64", 0.0)]
    failures: list[str] = []
    inexact = ""
    for dtype, shift in routes:
        if dtype == inexact:
            continue
        if dtype == "float64" and 4.0 * n * n > room:
            failures.append(f"a float64 factor would take {4.0 * n * n / 1e9:.1f} GB and {room / 1e9:.1f} GB are free")
            continue
        try:
            found = _by_factor(gram, targets, dtype, shift, tolerance, keeper(dtype, shift), seed, progress)
        except NotPositiveDefinite as problem:
            failures.append(str(problem))
            continue
        if found.certified.residual <= tolerance:
            return found
        inexact = dtype  # a larger shift would not help
        failures.append(f"with a {dtype} factor the residual stays at {found.certified.residual:.2g}")
    if n > SPECTRAL_UP_TO:
        raise _refusal("; ".join(failures), f"and {n:,} samples are too many for the pseudo-inverse ({SPECTRAL_UP_TO:,})")
    return _by_eigenvalues(gram, targets, tolerance, "; ".join(failures), progress)


def _by_factor(
    gram: Gram,
    targets: Array,
    dtype: str,
    shift: float,
    tolerance: float,
    kept: Keeper | None,
    seed: int,
    progress: Progress,
) -> Solution:
    n, clock = gram.n, _Clock()
    factor = factorize(
        n, gram.values, dtype=dtype, shift=shift + gram.ridge, crew=gram.crew, store=kept, progress=_part(progress, 0.0, 0.7)
    )
    clock.lap("factor")

    def on_step(steps: int, residual: float) -> None:
        progress(f"refinement step {steps}, residual {residual:.1e}", 0.7 + 0.02 * min(steps, 6))

    def inverse(right: Array) -> Array:
        parts = np.array_split(right, min(gram.crew.count, right.shape[1]), axis=1)
        return np.concatenate(list(gram.crew.map(factor.solve, parts)), axis=1)

    refined = refine(gram.times, inverse, targets, target=_AIM * tolerance, limit=_STEPS, store=kept, on_step=on_step)
    clock.lap("refinement")
    probes = probe(factor, seed, gram.crew).vectors
    clock.lap("probes of the spectrum")
    q = targets.shape[1]
    values, errors = gram.times_bounded(np.concatenate([refined.solution, probes], axis=1), _part(progress, 0.85, 1.0))
    clock.lap("certificate")
    ends = [eigenvalue(probes[:, i], values[:, q + i], errors[:, q + i]) for i in range(2)]
    smallest, largest = (Eigenvalue(end.value + gram.ridge, end.within) for end in ends)
    threshold = n * 2.0**-52 * largest.value
    full = smallest.value - smallest.within > threshold
    return Solution(
        Certified(refined.solution, targets, gram.ridge, values[:, :q], errors[:, :q]),
        f"{dtype} factor",
        factor,
        refined.steps,
        shift,
        n if full else n - 1,
        "smallest eigenvalue" if full else "smallest eigenvalue: at most this",
        threshold,
        smallest,
        largest,
        clock.laps,
    )


def _by_eigenvalues(gram: Gram, targets: Array, tolerance: float, why: str, progress: Progress) -> Solution:
    """The pseudo-inverse, for targets in the range of K."""
    n, clock = gram.n, _Clock()
    progress("eigenvalues", 0.1)
    whole = gram.whole()
    whole[np.arange(n), np.arange(n)] += gram.ridge
    eigenvalues, vectors = np.linalg.eigh(whole)
    threshold = n * 2.0**-52 * float(eigenvalues[-1])
    counts = eigenvalues > threshold
    if eigenvalues[0] < -threshold:
        raise InputError(
            "a positive semi-definite kernel", f"an eigenvalue {eigenvalues[0]:.3g} of its matrix", "check the kernel"
        )
    if not counts.any():
        raise _refusal("the kernel matrix is zero", "")
    basis = vectors[:, counts]
    inside = basis.T @ targets
    solution = basis @ (inside / eigenvalues[counts, None])
    # One step of refinement inside the range: what the eigenvectors lack in orthogonality comes back.
    solution = solution + basis @ ((basis.T @ (targets - gram.times(solution))) / eigenvalues[counts, None])
    clock.lap("eigenvalues")
    values, errors = gram.times_bounded(solution, progress)
    clock.lap("certificate")
    certified = Certified(solution, targets, gram.ridge, values, errors)
    rank = int(counts.sum())
    if certified.residual > tolerance:
        raise _refusal(
            why,
            f"its numerical rank is {rank} of {n} and the pseudo-inverse leaves a residual of {certified.residual:.2g}: "
            "the targets are not in its range to working precision",
        )
    ends = [Eigenvalue(float(eigenvalues[i]), threshold) for i in (n - rank, n - 1)]
    return Solution(certified, "eigenvalues", None, 1, 0.0, rank, "all eigenvalues", threshold, ends[0], ends[1], clock.laps)


def _refusal(why: str, more: str) -> InputError:
    reason = "; ".join(part for part in (why, more) if part)
    return InputError(
        "a kernel matrix that is not singular to working precision",
        f"one that is ({reason})",
        "take a smaller bandwidth, fewer or other points, or --ridge",
    )


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda what, fraction: progress(what, low + (high - low) * fraction)


class _Clock:
    """Wall-clock seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = time.perf_counter()
        self.laps[phase] = round(now - self._last, 3)
        self._last = now
