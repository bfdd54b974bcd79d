"""From a sample to a fitted kernel predictor and the evidence that theorems read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.data import (
    Dataset,
    LabelLaw,
    chosen_examples,
    corrupt,
    count_duplicates,
    count_overlap,
    expected_error,
)
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.evidence.record import Evidence, Problem, Provenance
from boundcheck.kernels.features import Features
from boundcheck.kernels.interpolant import MinNormInterpolant, MinNormRegressor
from boundcheck.kernels.kernel import Array
from boundcheck.kernels.leave_one_out import LeftOut
from boundcheck.kernels.mistakes import margins_below, mistakes
from boundcheck.numerics.rounding import div_up, mul_up, sum_up, up


@dataclass(frozen=True, eq=False)
class KernelSample:
    """The two samples of a kernel study.

    Attributes:
        dataset: Where they come from.
        law: Law of the training labels.
        x: Training inputs, shape (n, d); integers where they are stored so and no features were made of them.
        y: Training labels, shape (n,), as drawn from the law.
        x_test: Held-out inputs, shape (m, d).
        y_test: Clean held-out labels, shape (m,).
        divisor: Inputs are to be divided by this.
        radius: A bound on the norm of the divided inputs that is known beforehand, or ``None``.
        features: What was made of the inputs, in words.
    """

    dataset: Dataset
    law: LabelLaw
    x: NDArray[Any]
    y: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    divisor: float
    radius: float | None
    features: str = "raw inputs"


def sample_of(dataset: Dataset, law: LabelLaw, *, n: int | None, seed: int, features: Features | None = None) -> KernelSample:
    """The training sample with labels drawn from a law, and the held-out one; the same as ``train`` takes.

    Args:
        dataset: The data.
        law: Law of the training labels.
        n: Size of the training sample, ``None`` for all.
        seed: Of the labels and of the choice of examples.
        features: A fixed map of the inputs, or ``None``.
    """
    y = corrupt(dataset.labels("train"), dataset.classes, law, seed)
    index = chosen_examples(n, len(y), seed)
    whole = slice(None) if index is None else index
    if features is None:
        x, x_test = (array.reshape(len(array), -1) for array in (dataset.x_train[whole], dataset.x_test))
        return KernelSample(dataset, law, x, y[whole], x_test, dataset.labels("test"), dataset.divisor, dataset.norm_bound)
    x, x_test = features(dataset.inputs("train")[whole]), features(dataset.inputs("test"))
    return KernelSample(dataset, law, x, y[whole], x_test, dataset.labels("test"), 1.0, None, features.describe())


def targets_of(labels: NDArray[np.int64], classes: int) -> Array:
    """Unit vectors of the labels, shape (n, k); for two classes -1 and 1, shape (n, 1)."""
    if classes == 2:
        return np.where(labels == 1, 1.0, -1.0)[:, None]
    return np.asarray(np.eye(classes)[labels])


def fit_sample(sample: KernelSample, **parameters: Any) -> MinNormInterpolant:
    """Fit a kernel predictor to a sample.

    Args:
        sample: The sample.
        parameters: Of :class:`MinNormInterpolant`.

    Raises:
        InputError: See :meth:`MinNormInterpolant.fit`.
    """
    model = MinNormRegressor(divisor=sample.divisor, **parameters)
    return model.fit(sample.x, targets_of(sample.y, sample.dataset.classes))


@dataclass(frozen=True, eq=False)
class KernelStudy:
    """A fitted predictor and what was measured of it.

    Attributes:
        fitted: The predictor.
        evidence: What theorems read.
        test_values: The functions on the held-out sample, shape (m, q).
    """

    fitted: MinNormInterpolant
    evidence: Evidence
    test_values: Array = field(repr=False)


def measure_kernel(
    sample: KernelSample,
    fitted: MinNormInterpolant,
    *,
    left: LeftOut | None = None,
    seed: int = 0,
    notes: tuple[str, ...] = (),
) -> KernelStudy:
    """The evidence of a fitted predictor.

    Args:
        sample: The sample that it was fitted to.
        fitted: What :func:`fit_sample` returned.
        left: What the predictors say that have not seen one example each.
        seed: For the record.
        notes: What a reader of the report has to know.
    """
    certified = fitted.solution_.certified
    values, errors = certified.values[fitted.inverse_], certified.errors[fitted.inverse_]
    test_values = fitted.values(sample.x_test)
    dataset = sample.dataset
    return KernelStudy(
        fitted,
        Evidence(
            provenance=Provenance(
                checkpoint=None,
                sha256=None,
                model=_name(fitted, sample.features),
                data=dataset.name,
                labels=sample.law.spec,
                reference="none",
                parameters=certified.coefficients.size,
                seed=seed,
                effort="quick",
                notes=notes,
            ),
            problem=Problem(
                n=len(sample.y),
                d=sample.x.shape[1],
                classes=dataset.classes,
                input_radius=sample.radius,
                nonnegative=sample.radius is not None and dataset.low is not None and dataset.low >= 0.0,
                corruption=sample.law.p,
                train_duplicates=count_duplicates(sample.x),
            ),
            errors=_errors(sample, values, test_values),
            margins=tuple(margins_below(values, errors, sample.y).tolist()),
            kernel=_predictor(sample, fitted, left),
            absent={},
        ),
        test_values,
    )


def _name(fitted: MinNormInterpolant, features: str) -> str:
    kind = "kernel ridge regression" if fitted.ridge else "interpolant of smallest norm"
    made = "" if features == "raw inputs" else f", on {features}"
    return f"{kind} ({fitted.make_kernel().describe()}{made})"


def _errors(sample: KernelSample, values: Array, test_values: Array) -> Errors:
    wrong, invalid = mistakes(values, sample.y)
    test_wrong, test_invalid = mistakes(test_values, sample.y_test)
    return Errors(
        n=len(wrong),
        errors=int(wrong.sum()),
        invalid=int(invalid.sum()),
        test_n=len(test_wrong),
        test_errors=int(test_wrong.sum()),
        test_invalid=int(test_invalid.sum()),
        test_error=expected_error(test_wrong, test_invalid, sample.dataset.classes, sample.law),
        overlap=count_overlap(sample.x_test, sample.x),
    )


def _predictor(sample: KernelSample, fitted: MinNormInterpolant, left: LeftOut | None) -> KernelPredictor:
    """What theorems ask of it."""
    certified, kernel = fitted.solution_.certified, fitted.make_kernel()
    outputs, n = certified.targets.shape[1], len(sample.y)
    diagonal, relative = kernel.diagonal(kernel.prepare(fitted.X_fit_))
    trace = up(mul_up(sum_up(diagonal[fitted.inverse_]), 1.0 + relative))
    ridge = fitted.ridge if fitted.ridge > 0.0 else None
    return KernelPredictor(
        kernel=kernel.describe(),
        outputs=outputs,
        norm=certified.centred_norm_up() if outputs >= 3 else certified.norm()[1],
        trace=trace,
        diagonal=kernel.diagonal_bound(sample.radius),
        lowered=kernel.exact_errors,
        ridge=ridge,
        loss=None if ridge is None else "squared",
        loss_scale=None if ridge is None else 1.0,
        gap=None if ridge is None else _gap(certified.defect_up, trace, ridge, n),
        left_out=_left_out_margins(left, sample.y),
    )


def _left_out_margins(left: LeftOut | None, labels: NDArray[np.int64]) -> tuple[float, ...] | None:
    """Margins from below, where the values are certain."""
    if left is None or left.errors is None:
        return None
    return tuple(margins_below(left.values, left.errors, labels).tolist())


def _gap(defect: float, trace: float, ridge: float, n: int) -> float:
    r"""How far the objective can lie above its minimum.

    Its gradient is (2/n) sum_i s_i k(x_i, .) with s the defect of the linear system, of squared norm at most 4 tr(K) |s|^2 / n^2,
    and the objective is 2 ridge-strongly convex: the gap is at most the squared norm of the gradient over 4 ridge.
    """
    return (
        div_up(mul_up(trace, defect, defect), ridge * float(n) * float(n) * (1.0 - 2.0**-50))
        if math.isfinite(defect)
        else math.inf
    )
