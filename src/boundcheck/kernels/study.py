"""One kernel study from words to a report: the sample, the fit, what is known of it, and what theorems say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boundcheck.bounds import CATALOGUE
from boundcheck.data import load_dataset, parse_labels
from boundcheck.errors import InputError
from boundcheck.evaluation import ask, check_delta, check_effort, chosen_theorems
from boundcheck.kernels.catalogue import make_kernel
from boundcheck.kernels.facts import KernelFacts, gather
from boundcheck.kernels.features import make_features
from boundcheck.kernels.leave_one_out import LeftOut, leave_each_out
from boundcheck.kernels.measurement import KernelSample, fit_sample, measure_kernel, sample_of
from boundcheck.kernels.plan import Plan, plan_fit
from boundcheck.measures import Measured
from boundcheck.progress import Progress, silent

if TYPE_CHECKING:
    from boundcheck.evidence.record import Evidence
    from boundcheck.kernels.interpolant import MinNormInterpolant
    from boundcheck.report.report import Report

LEAVE_ONE_OUT_QUICK = 10_000  # rows up to which each is left out without being asked to
CERTIFIED_LEFT_OUT_QUICK = 4000  # and up to which that is certified, for a ridge
_SECTIONS = frozenset({"kernel", "margins", "problem", "errors"})


@dataclass(frozen=True)
class KernelJob:
    """What to fit to what.

    Attributes:
        data: Name or path of the data.
        labels: Law of the training labels.
        n: Training examples used; ``None`` for all.
        features: ``gabor``, ``patches:M`` or ``None``.
        kernel: Its name.
        parameters: Those of the kernel: bandwidth, degree, offset, depth.
        ridge: Weight of the squared norm beside the average squared error; 0 interpolates.
        seed: Of the labels, the choice of examples and the random filters.
    """

    data: str
    labels: str
    n: int | None
    features: str | None
    kernel: str
    parameters: Mapping[str, Any]
    ridge: float
    seed: int


@dataclass(frozen=True, eq=False)
class PreparedKernel:
    """A job whose sample is there and whose size is known to fit in memory.

    Attributes:
        job: The description.
        sample: The samples.
        plan: What the fit will take.
    """

    job: KernelJob
    sample: KernelSample
    plan: Plan

    @property
    def estimated_seconds(self) -> float:
        """Seconds that the fit takes on an idle machine, about."""
        return self.plan.seconds(self.sample.x.shape[1])


@dataclass(frozen=True, eq=False)
class KernelResult:
    """What a study found.

    Attributes:
        job: The description.
        facts: What is known of the fit.
        evidence: What theorems read.
        report: What they say, beside the measured error.
    """

    job: KernelJob
    facts: KernelFacts
    evidence: Evidence
    report: Report

    def to_json(self) -> str:
        """The report with a further field ``kernel``: the facts."""
        from boundcheck.report.serialize import as_dict

        content = as_dict(self.report) | {"kernel": _finite(self.facts.to_dict())}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def kernel_theorems(names: str | None) -> tuple[str, ...]:
    """The theorems to ask: those named, else those that speak of a kernel predictor or of held-out errors.

    Raises:
        InputError: A name is not in the catalogue.
    """
    if names is not None:
        return chosen_theorems(names)
    return tuple(name for name, theorem in CATALOGUE.items() if set(theorem.reads) <= _SECTIONS)


def prepare(job: KernelJob, *, data_dir: str | None = None, memory: float | None = None) -> PreparedKernel:
    """Load the data, make the features, and see whether the fit will fit.

    Args:
        job: The description.
        data_dir: Folder of the named data sets.
        memory: Bytes that may be taken; what the machine has free when ``None``.

    Raises:
        InputError: Something can't be used, or memory is short.
    """
    law = parse_labels(job.labels)
    if not 0.0 <= job.ridge < math.inf:
        raise InputError("a ridge of at least 0", repr(job.ridge), "0 interpolates")
    make_kernel(job.kernel, **job.parameters)  # a parameter out of its range is refused before the data are read
    dataset = load_dataset(job.data, data_dir=data_dir)
    features = None if job.features is None else make_features(job.features, dataset.shape, job.seed)
    sample = sample_of(dataset, law, n=job.n, seed=job.seed, features=features)
    outputs = 1 if dataset.classes == 2 else dataset.classes
    return PreparedKernel(job, sample, plan_fit(len(sample.y), sample.x.shape[1], outputs, memory=memory))


def run(
    prepared: PreparedKernel,
    *,
    delta: float = 0.05,
    joint: bool = False,
    bounds: Iterable[str] | None = None,
    effort: str = "quick",
    leave_one_out: bool | None = None,
    factor: str | None = None,
    memory: float | None = None,
    progress: Progress = silent,
) -> KernelResult:
    """Fit, measure, ask.

    Args:
        prepared: The job.
        delta: Confidence parameter in (0, 1).
        joint: Divide ``delta``, so that all rows hold together.
        bounds: Names of theorems; see :func:`kernel_theorems`.
        effort: ``quick`` or ``full``.
        leave_one_out: Whether to; by default for samples that are not too large.
        factor: Folder that keeps the factor.
        memory: Bytes that may be taken.
        progress: Told what is being done.

    Raises:
        InputError: The system can't be solved exactly, or an argument is out of its range.
    """
    check_delta(delta)
    check_effort(effort)
    job, sample = prepared.job, prepared.sample
    fitted = fit_sample(
        sample, kernel=job.kernel, **job.parameters, ridge=job.ridge, factor=factor, memory=memory, seed=job.seed,
        progress=lambda what, share: progress(what, 0.9 * share),
    )  # fmt: skip
    fitted.progress = lambda what, share: progress(what, 0.9 + 0.05 * share)
    left = _left_out(fitted, leave_one_out, lambda what, share: progress(what, 0.9 + 0.1 * share))
    facts = gather(fitted, sample.y, effort=effort, left=left, seed=job.seed)
    evidence = measure_kernel(sample, fitted, left=left, seed=job.seed, notes=tuple(sentences(facts))).evidence
    names = kernel_theorems(None) if bounds is None else tuple(bounds)
    report = ask(evidence, delta=delta, bounds=names, joint=joint)
    return KernelResult(job, facts, evidence, _with_measures(report, facts))


def _left_out(fitted: MinNormInterpolant, wanted: bool | None, progress: Progress) -> LeftOut | None:
    """What the predictors without one example each say: certified where a ridge allows it and the size, or who asked, does."""
    m = len(fitted.distinct_)
    if wanted is False or (wanted is None and m > LEAVE_ONE_OUT_QUICK):
        return None
    return leave_each_out(fitted, certify=wanted is True or m <= CERTIFIED_LEFT_OUT_QUICK, progress=progress)


def _with_measures(report: Report, facts: KernelFacts) -> Report:
    """The report with the numbers that are no bounds."""
    from dataclasses import replace

    values = [("kernel_complexity", math.sqrt(2.0 / facts.n) * facts.norm[1])]
    if facts.effective is not None:
        values += [("effective_rank_r", facts.effective.r), ("effective_rank_R", facts.effective.R)]
    if facts.leave_one_out is not None:
        values.append(("leave_one_out_error", facts.leave_one_out.error))
    found = Measured(tuple(values), ())
    return replace(report, measures=found.values, unmeasured=found.absent)


def sentences(facts: KernelFacts) -> list[str]:
    """The facts as a reader wants them, each with how it is known."""
    low, high = facts.norm
    says = [
        f"the relative residual of the fit is at most {facts.residual:.1e}, rounding included "
        f"({facts.route}, {facts.steps} refinement steps; computed {facts.computed_residual:.1e})",
        f"the norm of the predictor is {0.5 * (low + high):.6g} +- {max(0.5 * (high - low), 0.0):.1e}",
    ]
    if facts.smallest_norm is not None and facts.duality_gap is not None:
        lowest, highest = facts.smallest_norm
        end = "no certified upper end" if highest is None else f"at most {highest:.6g}"
        says.append(
            f"the smallest norm of any interpolant is at least {lowest:.6g} by duality, {end}; relative duality gap "
            f"{facts.duality_gap:.1e}, largest defect at a training point {facts.largest_defect:.1e}"
        )
    says.append(_spectrum(facts))
    if facts.distance is not None and facts.coefficient_error is not None:
        how = "certified" if facts.distance_certified else "by the estimated smallest eigenvalue, not certified"
        says.append(
            f"forward error {how}: at most {facts.distance:.1e} in the norm of the Hilbert space, {facts.coefficient_error:.1e} "
            "in the coefficients"
        )
    if facts.leave_one_out is not None:
        left = facts.leave_one_out
        how = "certified" if left.certified else "estimated"
        bar = f" (diagonal of the inverse known to {left.uncertainty:.1g} of it, {how})" if left.uncertainty else ""
        says.append(f"leave-one-out error {left.error:.4g} in closed form{bar}: an estimate of the risk at n - 1, no bound")
    if facts.effective is not None:
        e = facts.effective
        where = f"k = {e.k}" if e.split else "k = 0, as no k has r_k >= rows / 10"
        says.append(f"effective ranks of {e.rows} rows at {where}: r = {e.r:.4g}, R = {e.R:.4g}; a diagnostic")
    return says


def _spectrum(facts: KernelFacts) -> str:
    (low, off), (high, above) = facts.smallest_eigenvalue, facts.largest_eigenvalue
    end = "not certified from below" if facts.certified_eigenvalue is None else f"certified >= {facts.certified_eigenvalue:.3g}"
    condition = "" if facts.condition is None else f", condition number about {facts.condition:.2g}"
    if facts.condition_up is not None:
        condition += f" (at most {facts.condition_up:.2g})"
    return (
        f"smallest eigenvalue {low:.3g} +- {off:.1g} ({end}), largest {high:.5g} +- {above:.1g}{condition}; numerical rank "
        f"{facts.rank} of {facts.distinct} by {facts.rank_known}"
    )


def _finite(value: Any) -> Any:
    """Strict JSON: infinity and NaN are ``null``."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
