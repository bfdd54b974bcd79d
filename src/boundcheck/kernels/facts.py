"""What is known of a fitted kernel predictor, each number with how it is known."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from boundcheck.kernels.gram import Gram
from boundcheck.kernels.interpolant import MinNormInterpolant
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.leave_one_out import inverse_diagonal, left_out
from boundcheck.kernels.mistakes import mistakes
from boundcheck.kernels.parallel import workers
from boundcheck.kernels.spectrum import effective_ranks, lowest_benign_index, smallest_eigenvalue_lower
from boundcheck.progress import Progress, silent

SPECTRUM_ROWS = 2000  # rows of the sample whose eigenvalues are computed for the effective ranks
CERTIFY_QUICK, CERTIFY_FULL = 2500, 6000  # rows up to which the smallest eigenvalue is certified, by effort
LEAVE_ONE_OUT_QUICK = 10_000
SPLIT = 0.1  # for the constant of the theorem of benign overfitting, which it leaves open: r_k >= SPLIT n


@dataclass(frozen=True)
class LeaveOneOut:
    """The leave-one-out error; an estimate, no bound.

    Attributes:
        errors: Examples that the fit without them gets wrong, ties among them.
        error: Their share.
        uncertainty: Relative error of the diagonal that it is computed from, where a shift was factored; 0 without.
    """

    errors: int
    error: float
    uncertainty: float


@dataclass(frozen=True)
class EffectiveRanks:
    """Effective ranks of the kernel matrix of some rows of the sample; a diagnostic.

    Attributes:
        rows: How many rows.
        k: Where the spectrum is split: the smallest k with r_k >= rows / 10, else 0.
        split: Whether there is such a k.
        r: r_k.
        R: R_k.
    """

    rows: int
    k: int
    split: bool
    r: float
    R: float


@dataclass(frozen=True)
class KernelFacts:
    """What is known of a fit.

    Attributes:
        kernel: The kernel with its parameters.
        n: Training examples.
        distinct: Distinct training inputs.
        outputs: Number of functions.
        route: How the system was solved.
        steps: Passes of refinement.
        residual: |(K + ridge) a - Y| / |Y|, certified from above.
        computed_residual: The same without the bound on rounding errors.
        norm: Interval for the norm of f.
        smallest_norm: Interval for the norm of the interpolant of smallest norm; ``None`` at the open end, for ridge altogether.
        duality_gap: |f|^2 less the dual value, from above, relative to |f|^2; ``None`` for ridge.
        largest_defect: Largest |f_c(x_i) - Y_ic|, from above; for ridge that of the linear system.
        smallest_eigenvalue: Rayleigh quotient, and an eigenvalue lies within the second number of it.
        largest_eigenvalue: The same at the other end.
        certified_eigenvalue: A lower bound of the smallest eigenvalue, ``None`` where none was computed.
        condition: Ratio of the Rayleigh quotients: a lower bound of the condition number up to the error bars.
        condition_up: An upper bound, where the smallest eigenvalue is certified.
        rank: Numerical rank.
        rank_known: How it is known.
        distance: |f - f*| is at most this, f* the exact solution, where ``distance_certified``; else an estimate from the
            Rayleigh quotient.
        coefficient_error: |a - a*| likewise.
        distance_certified: Whether these two are certain.
        leave_one_out: The closed form, where it was asked for.
        effective: Effective ranks.
        seconds: By phase.
    """

    kernel: str
    n: int
    distinct: int
    outputs: int
    route: str
    steps: int
    residual: float
    computed_residual: float
    norm: tuple[float, float]
    smallest_norm: tuple[float, float | None] | None
    duality_gap: float | None
    largest_defect: float
    smallest_eigenvalue: tuple[float, float]
    largest_eigenvalue: tuple[float, float]
    certified_eigenvalue: float | None
    condition: float | None
    condition_up: float | None
    rank: int
    rank_known: str
    distance: float | None
    coefficient_error: float | None
    distance_certified: bool
    leave_one_out: LeaveOneOut | None
    effective: EffectiveRanks | None
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def gather(
    fitted: MinNormInterpolant,
    labels: np.ndarray,
    *,
    effort: str = "quick",
    leave_one_out: bool | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> KernelFacts:
    """Collect what is known of a fit.

    Args:
        fitted: The predictor.
        labels: Training labels in [0, k), shape (n,).
        effort: ``quick`` or ``full``: up to which size the smallest eigenvalue is certified.
        leave_one_out: Whether to; by default up to :data:`LEAVE_ONE_OUT_QUICK` rows.
        seed: Of the rows whose effective ranks are computed.
        progress: Told what is being done.
    """
    s, m, n = fitted.solution_, len(fitted.distinct_), len(labels)
    certified = s.certified
    lower = _certified_eigenvalue(fitted, CERTIFY_FULL if effort == "full" else CERTIFY_QUICK)
    shifted = None if lower is None else lower + certified.ridge
    guess = shifted if shifted is not None else s.smallest.value if s.smallest.value > 0.0 else None
    low, high = certified.norm()
    interpolates = certified.ridge == 0.0
    wanted = m <= LEAVE_ONE_OUT_QUICK if leave_one_out is None else leave_one_out
    left = _leave_one_out(fitted, labels, progress) if wanted and s.factor is not None else None
    return KernelFacts(
        kernel=fitted.make_kernel().describe(),
        n=n,
        distinct=m,
        outputs=certified.targets.shape[1],
        route=s.route,
        steps=s.steps,
        residual=certified.residual,
        computed_residual=certified.computed_residual,
        norm=(low, high),
        smallest_norm=certified.optimal_norm(lower) if interpolates else None,
        duality_gap=certified.dual()[1] / low**2 if interpolates and low > 0.0 else None,
        largest_defect=float((np.abs(certified.defect) + certified.errors).max()),
        smallest_eigenvalue=(s.smallest.value, s.smallest.within),
        largest_eigenvalue=(s.largest.value, s.largest.within),
        certified_eigenvalue=lower,
        condition=s.largest.value / s.smallest.value if s.smallest.value > 0.0 else None,
        condition_up=None if shifted is None else _largest_up(fitted) / shifted,
        rank=s.rank,
        rank_known=s.rank_known,
        distance=None if guess is None else certified.distance(guess),
        coefficient_error=None if guess is None else certified.coefficient_error(guess),
        distance_certified=lower is not None,
        leave_one_out=left,
        effective=_effective(fitted, seed),
        seconds=dict(s.seconds),
    )


def _gram(fitted: MinNormInterpolant, rows: slice | np.ndarray | None = None) -> Gram:
    """The matrix of the fit, or of some of its rows, without the ridge; for one caller at a time."""
    from boundcheck.kernels.parallel import Workers

    inputs = fitted.X_fit_ if rows is None else fitted.X_fit_[rows]
    kernel = fitted.make_kernel()
    return Gram(kernel, kernel.prepare(inputs), Workers(1, None))


def _certified_eigenvalue(fitted: MinNormInterpolant, limit: int) -> float | None:
    s = fitted.solution_
    if len(fitted.distinct_) > limit or s.factor is None:
        return None
    guess = s.smallest.value - s.certified.ridge
    return smallest_eigenvalue_lower(_gram(fitted), guess) if guess > 0.0 else None


def _largest_up(fitted: MinNormInterpolant) -> float:
    """The largest eigenvalue of K + ridge I from above: that of K is at most its trace."""
    return (_gram(fitted).trace_up() + fitted.solution_.certified.ridge) * (1.0 + 2.0**-50)


def _leave_one_out(fitted: MinNormInterpolant, labels: np.ndarray, progress: Progress) -> LeaveOneOut | None:
    s = fitted.solution_
    if s.factor is None:
        return None
    with workers() as crew:
        diagonal = inverse_diagonal(s.factor, crew, progress)
    counts = np.bincount(fitted.inverse_, minlength=len(fitted.distinct_)).astype(np.int64)
    values = left_out(s.certified.coefficients, s.certified.targets, diagonal, counts)
    wrong, _ = mistakes(values[fitted.inverse_], labels)
    bar = s.shift / s.smallest.value if s.smallest.value > 0.0 else math.inf
    return LeaveOneOut(int(wrong.sum()), float(wrong.mean()), bar)


def _effective(fitted: MinNormInterpolant, seed: int) -> EffectiveRanks | None:
    m = len(fitted.distinct_)
    if fitted.kernel == "precomputed":
        return None
    rows = np.sort(np.random.default_rng([seed, 2]).permutation(m)[:SPECTRUM_ROWS])
    eigenvalues: Array = np.maximum(np.linalg.eigvalsh(_gram(fitted, rows).whole()), 0.0)
    found = lowest_benign_index(eigenvalues, len(rows), SPLIT)
    k = 0 if found is None else found
    r, square = effective_ranks(eigenvalues, k)
    return EffectiveRanks(len(rows), k, found is not None, r, square)
