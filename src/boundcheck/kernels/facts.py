"""What is known of a fitted kernel predictor, each number with how it is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from boundcheck.kernels.gram import Gram
from boundcheck.kernels.interpolant import MinNormInterpolant
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.leave_one_out import LeftOut
from boundcheck.kernels.mistakes import mistakes
from boundcheck.kernels.spectrum import effective_ranks, lowest_benign_index, smallest_eigenvalue_lower

SPECTRUM_ROWS = 2000  # rows of the sample whose eigenvalues are computed for the effective ranks
CERTIFY_QUICK, CERTIFY_FULL = 2500, 6000  # rows up to which the smallest eigenvalue is certified, by effort
SPLIT = 0.1  # for the constant of the theorem of benign overfitting, which it leaves open: r_k >= SPLIT n


@dataclass(frozen=True)
class LeaveOneOut:
    """The leave-one-out error; an estimate, no bound.

    Attributes:
        errors: Examples that the fit without them gets wrong, ties among them.
        error: Their share.
        uncertainty: Relative error of the diagonal of the inverse that it is computed from.
        certified: Whether the values are known to within certified errors.
    """

    errors: int
    error: float
    uncertainty: float
    certified: bool


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
        certified_eigenvalue: A lower bound of the smallest eigenvalue of K + ridge I, ``None`` where none was computed.
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
    left: LeftOut | None = None,
    seed: int = 0,
) -> KernelFacts:
    """Collect what is known of a fit.

    Args:
        fitted: The predictor.
        labels: Training labels in [0, k), shape (n,).
        effort: ``quick`` or ``full``: up to which size the smallest eigenvalue is certified.
        left: What the predictors say that have not seen one example each.
        seed: Of the rows whose effective ranks are computed.
    """
    s, m, n = fitted.solution_, len(fitted.distinct_), len(labels)
    certified = s.certified
    lower = _certified_eigenvalue(fitted, CERTIFY_FULL if effort == "full" else CERTIFY_QUICK)
    shifted = None if lower is None else (lower + certified.ridge) * (1.0 - 2.0**-52)
    guess = shifted if shifted is not None else s.smallest.value if s.smallest.value > 0.0 else None
    low, high = certified.norm()
    interpolates = certified.ridge == 0.0
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
        certified_eigenvalue=shifted,
        condition=s.largest.value / s.smallest.value if s.smallest.value > 0.0 else None,
        condition_up=None if shifted is None else _largest_up(fitted) / shifted,
        rank=s.rank,
        rank_known=s.rank_known,
        distance=None if guess is None else certified.distance(guess),
        coefficient_error=None if guess is None else certified.coefficient_error(guess),
        distance_certified=lower is not None,
        leave_one_out=None if left is None else _leave_one_out(left, labels),
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


def _leave_one_out(left: LeftOut, labels: np.ndarray) -> LeaveOneOut:
    wrong, _ = mistakes(left.values, labels)
    return LeaveOneOut(int(wrong.sum()), float(wrong.mean()), left.uncertainty, left.errors is not None)


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
