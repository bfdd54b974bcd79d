"""The interpolant of smallest norm in the Hilbert space of a kernel, as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from boundcheck.data.fingerprint import fingerprint
from boundcheck.errors import InputError
from boundcheck.kernels.catalogue import make_kernel
from boundcheck.kernels.certificate import Certified
from boundcheck.kernels.factor import width_for
from boundcheck.kernels.gram import Gram
from boundcheck.kernels.kernel import Array, Kernel
from boundcheck.kernels.merging import distinct_rows
from boundcheck.kernels.parallel import workers
from boundcheck.kernels.plan import Plan, plan_fit
from boundcheck.kernels.solve import Keeper, solve
from boundcheck.kernels.store import Folder
from boundcheck.progress import Progress, silent

_ROWS = 1024  # test points at a time


def _has_classes(estimator: MinNormInterpolant) -> bool:
    """Whether there are scores of classes: known before the fit only where the type says it."""
    return estimator._kind == "classification" or hasattr(estimator, "classes_")


class MinNormInterpolant(BaseEstimator):  # type: ignore[misc]
    r"""The function of smallest norm through the training points, f = sum_j a_j k(x_j, .) with K a = Y.

    Integer, boolean and string labels mean classification: one function for each class through the unit vectors of the labels,
    or for two classes one function through -1 and 1. Real targets mean regression. The fit is exact: the relative residual is
    certified to be within ``tolerance``, rounding included, or the fit is refused.

    Args:
        kernel: A name (``gaussian``, ``laplacian``, ``polynomial``, ``linear``, ``arc-cosine``, ``first-layer``, ``nngp``,
            ``ntk``, ``precomputed``), a function from arrays (n, d) and (m, d) to (n, m), or a
            :class:`boundcheck.kernels.kernel.Kernel`.
        bandwidth: b in exp(-\|x-x'\|^2 / (2 b^2)) and exp(-\|x-x'\| / b).
        degree: Degree of the polynomial.
        offset: Offset of the polynomial.
        scale: Factor of the inner product in the polynomial.
        depth: Hidden layers of ``ntk`` and ``nngp``.
        divisor: Inputs are divided by this before anything else; integers, such as pixels from 0 to 255, are then computed with
            exactly.
        ridge: lambda >= 0; where positive, f minimizes the average squared error plus lambda times the squared norm instead.
        tolerance: On |K a - Y| / |Y|, Frobenius norms.
        factor: A folder that keeps the factor as it grows, so that an interrupted fit goes on where it was.
        memory: Bytes that may be taken; what the machine has free when ``None``.
        seed: Of the vectors that look for the ends of the spectrum.
        progress: Told what is being done and how far it is.

    Attributes:
        dual_coef_: a, shape (n, q); rows that repeat an earlier one have 0.
        norm_: Norm of f, root of the sum of squares over outputs.
        norm_interval_: It lies in here, rounding included.
        residual_: |K a - Y| / |Y| (with the ridge on K), rounded up.
        solution_: How the fit came about: route, spectrum, certificate.
        classes_: The labels, for classification.
        n_features_in_: Coordinates of an input.
        X_fit_: The distinct training inputs, shape (m, d).
        distinct_: Which training rows these are, shape (m,).
        inverse_: For each training row, which of the distinct ones it is, shape (n,).
    """

    _kind: str | None = None

    def __init__(
        self,
        kernel: str | Callable[..., Any] | Kernel = "gaussian",
        *,
        bandwidth: float = 1.0,
        degree: int = 3,
        offset: float = 1.0,
        scale: float = 1.0,
        depth: int = 1,
        divisor: float = 1.0,
        ridge: float = 0.0,
        tolerance: float = 1e-6,
        factor: str | os.PathLike[str] | None = None,
        memory: float | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> None:
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.degree = degree
        self.offset = offset
        self.scale = scale
        self.depth = depth
        self.divisor = divisor
        self.ridge = ridge
        self.tolerance = tolerance
        self.factor = factor
        self.memory = memory
        self.seed = seed
        self.progress = progress

    def __sklearn_tags__(self) -> Any:
        """A precomputed kernel is sliced on both axes; targets may have several columns."""
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.target_tags.required = True
        tags.target_tags.multi_output = self._kind != "classification"
        return tags

    def make_kernel(self) -> Kernel:
        """The kernel that the parameters stand for.

        Raises:
            InputError: A parameter is out of its range.
        """
        return make_kernel(
            self.kernel, bandwidth=self.bandwidth, degree=self.degree, offset=self.offset, scale=self.scale, depth=self.depth,
            divisor=self.divisor,
        )  # fmt: skip

    def fit(self, X: Any, y: Any) -> Self:
        """Solve K a = Y.

        Args:
            X: Shape (n, d), or the kernel matrix (n, n) when it is precomputed.
            y: Shape (n,) labels or targets, or (n, q) targets.

        Raises:
            InputError: Equal inputs have different targets, the matrix is singular to working precision, or memory is short.
        """
        kernel = self.make_kernel()
        if not (0.0 <= self.ridge < np.inf and 0.0 < self.tolerance < 1.0):
            raise InputError(
                "a ridge of at least 0 and a tolerance in (0, 1)", f"{self.ridge} and {self.tolerance}", "choose others"
            )
        X, y = validate_data(self, X, y, multi_output=self._kind != "classification", dtype="numeric")
        targets = self._targets(y)
        whole = np.arange(len(X)), np.arange(len(X))
        rows, inverse = whole if self.kernel == "precomputed" or self.ridge else distinct_rows(X, targets)
        inputs = X if len(rows) == len(X) else X[rows]
        plan = plan_fit(len(rows), X.shape[1], targets.shape[1], memory=self.memory)
        self.X_fit_, self.distinct_, self.inverse_, self._kernel = inputs, rows, inverse, kernel
        with workers() as crew:
            self._points = kernel.prepare(inputs)
            gram = Gram(kernel, self._points, crew, ridge=self.ridge * len(X), keep=plan.keep)
            self.solution_ = solve(
                gram, targets[rows], tolerance=self.tolerance, keeper=self._keeper(inputs, targets[rows], kernel),
                room=plan.available - plan.bytes, seed=self.seed, progress=self.progress,
            )  # fmt: skip
        self._finish(len(X), targets.shape[1], plan)
        return self

    def _finish(self, n: int, outputs: int, plan: Plan) -> None:
        certified: Certified = self.solution_.certified
        self.dual_coef_ = np.zeros((n, outputs))
        self.dual_coef_[self.distinct_] = certified.coefficients
        self.residual_ = certified.residual
        self.norm_interval_ = certified.norm()
        self.norm_ = 0.5 * (self.norm_interval_[0] + self.norm_interval_[1])
        self.plan_ = plan

    def _targets(self, y: NDArray[Any]) -> Array:
        """Y, shape (n, q); sets ``classes_`` where there are classes."""
        classifies = self._kind == "classification" or (self._kind is None and y.dtype.kind not in "fc")
        self._one_column = y.ndim == 1
        if not classifies:
            self.__dict__.pop("classes_", None)
            return np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if y.ndim != 1:
            raise InputError("labels of shape (n,)", f"shape {y.shape}", "pass one label a row, or real targets for regression")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("at least two classes", "one class", "a sample of one class says nothing about the other")
        if len(self.classes_) == 2:
            return np.where(codes == 1, 1.0, -1.0)[:, None]
        return np.eye(len(self.classes_))[codes]

    def _keeper(self, inputs: NDArray[Any], targets: Array, kernel: Kernel) -> Callable[[str, float], Keeper | None]:
        def keep(dtype: str, shift: float) -> Keeper | None:
            if self.factor is None:
                return None
            identity = {
                "sample": fingerprint({"x": inputs}), "n": len(inputs), "kernel": repr(kernel), "ridge": float(self.ridge),
                "dtype": dtype, "shift": shift, "width": width_for(len(inputs)),
            }  # fmt: skip
            return Folder.open(os.path.join(self.factor, f"{dtype}-{shift:.3g}"), identity, fingerprint({"y": targets}))

        return keep

    def values(self, X: Any) -> Array:
        """The functions at inputs, shape (m, q), in float64.

        Args:
            X: Shape (m, d), or kernel values (m, n) with the training points when precomputed.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype="numeric")
        a = self.solution_.certified.coefficients

        def part(start: int) -> Array:
            rows = self._kernel.prepare(X[start : start + _ROWS], self._points)
            out = np.zeros((len(rows), a.shape[1]))
            for first in range(0, len(a), _ROWS):
                columns = slice(first, min(first + _ROWS, len(a)))
                out += self._kernel.block(rows, slice(0, len(rows)), self._points, columns).values @ a[columns]
            return out

        starts = range(0, len(X), _ROWS)
        parts = []
        with workers() as crew:
            for done, found in enumerate(crew.map(part, starts)):
                self.progress("predicting", done / len(starts))
                parts.append(found)
        return np.concatenate(parts)

    @available_if(_has_classes)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Values of the functions: shape (m,) for two classes, (m, k) for k classes; a regression has none."""
        values = self.values(X)
        return values[:, 0] if values.shape[1] == 1 else values

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels, or values for regression, shape (m,) or (m, q)."""
        check_is_fitted(self)
        if not hasattr(self, "classes_"):
            values = self.values(X)
            return values[:, 0] if self._one_column else values
        scores = self.decision_function(X)
        return np.asarray(self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy for labels, R^2 for real targets."""
        measure = accuracy_score if hasattr(self, "classes_") else r2_score
        return float(measure(y, self.predict(X), sample_weight=sample_weight))


class MinNormClassifier(ClassifierMixin, MinNormInterpolant):  # type: ignore[misc]
    """:class:`MinNormInterpolant` for labels of any kind, real numbers included."""

    _kind = "classification"


class MinNormRegressor(RegressorMixin, MinNormInterpolant):  # type: ignore[misc]
    """:class:`MinNormInterpolant` for targets, integers included."""

    _kind = "regression"
