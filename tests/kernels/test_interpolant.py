"""The interpolant of smallest norm: exact, of smallest norm, certified, or refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from boundcheck.errors import InputError
from boundcheck.kernels import MinNormClassifier, MinNormInterpolant, MinNormRegressor
from boundcheck.kernels import interpolant as module
from boundcheck.kernels import solve as solver
from boundcheck.kernels.certificate import Certified
from boundcheck.kernels.facts import gather
from boundcheck.kernels.leave_one_out import inverse_diagonal, inverse_diagonal_within, leave_each_out, left_out
from boundcheck.kernels.plan import plan_fit


def cloud(n: int = 60, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.integers(0, 3, n)


def gaussian(x: np.ndarray, y: np.ndarray, bandwidth: float) -> np.ndarray:
    return np.exp(-((x[:, None] - y[None]) ** 2).sum(axis=2) / (2 * bandwidth**2))


NOT_HELD = {
    "check_estimators_dtypes": "it fits integer inputs with repeated rows and different labels, through which no function passes",
    "check_classifiers_one_label": "one class is refused in words of our own",
    "check_classifiers_one_label_sample_weights": "there are no sample weights",
}


@pytest.mark.parametrize("estimator", [MinNormInterpolant, MinNormClassifier, MinNormRegressor])
def test_conventions_of_scikit_learn(estimator: type) -> None:
    """A narrow Laplacian, whose matrix is never nearly singular: an interpolant rightly refuses what a check calls a fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that were skipped
        results = check_estimator(estimator(kernel="laplacian", bandwidth=0.3), on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert {name for name in failed if name not in NOT_HELD} == set(), failed
    assert sum(r["status"] == "passed" for r in results) > 30


def test_interface() -> None:
    x, y = cloud()
    k = MinNormInterpolant(kernel="gaussian", bandwidth=0.8)
    assert clone(k).bandwidth == 0.8
    k.fit(x, y)
    assert np.array_equal(k.predict(x), y)
    assert k.score(x, y) == 1.0
    matrix = gaussian(x, x, 0.8)
    a = np.linalg.solve(matrix, np.eye(3)[y])
    assert np.allclose(k.dual_coef_, a, rtol=0, atol=1e-9 * np.abs(a).max())
    assert k.norm_ == pytest.approx(np.sqrt(np.trace(np.eye(3)[y].T @ a)), rel=1e-9)
    assert 0.0 < k.residual_ < 1e-9
    fresh = np.random.default_rng(9).normal(size=(7, 3))
    assert np.allclose(k.decision_function(fresh), gaussian(fresh, x, 0.8) @ a, atol=1e-8)


def test_two_classes_real_targets_and_words() -> None:
    x, y = cloud()
    two = MinNormInterpolant(bandwidth=0.8).fit(x, np.where(y == 1, "yes", "no"))
    assert two.dual_coef_.shape == (60, 1)
    assert set(two.predict(x)) == {"yes", "no"}
    line = MinNormInterpolant(bandwidth=0.8).fit(x, x[:, 0])
    assert np.allclose(line.predict(x), x[:, 0], atol=1e-6)
    both = MinNormInterpolant(bandwidth=0.8).fit(x, x[:, :2])
    assert both.predict(x).shape == (60, 2)
    with pytest.raises(AttributeError, match="decision_function"):
        line.decision_function(x)


@pytest.mark.parametrize(
    ("kernel", "parameters"),
    [
        ("gaussian", {"bandwidth": 0.7}), ("laplacian", {"bandwidth": 2.0}), ("polynomial", {"degree": 6}), ("ntk", {"depth": 2}),
        ("nngp", {"depth": 3}), ("arc-cosine", {}),
    ],
)  # fmt: skip
def test_it_is_the_interpolant_of_smallest_norm(kernel: str, parameters: dict[str, float]) -> None:
    """cvxpy, over all functions in the span of the training points and of as many others, finds no smaller norm."""
    import cvxpy as cp

    rng = np.random.default_rng(2)
    x = rng.normal(size=(24, 3))
    y = rng.normal(size=12)
    ours = MinNormInterpolant(kernel, **parameters).fit(x[:12], y)
    built = ours.make_kernel()
    points = built.prepare(x)
    matrix = built.block(points, slice(0, 24), points, slice(0, 24)).values
    root = np.linalg.cholesky(matrix + 1e-12 * np.trace(matrix) * np.eye(24))
    a = cp.Variable(24)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(root.T @ a)), [matrix[:12] @ a == y])
    problem.solve(solver="CLARABEL")
    # Interior points stop at a relative gap of 1e-8.
    assert ours.norm_ == pytest.approx(np.sqrt(problem.value), rel=1e-5)
    assert np.abs(matrix[12:] @ a.value - ours.predict(x[12:])).max() < 1e-3 * np.abs(y).max()


def test_norm_and_residual_hold_in_exact_arithmetic() -> None:
    """The interval for the norm and the bound on the residual, against a'Ka and Ka - Y in 60 digits from the definition."""
    import mpmath

    x, y = cloud(25, 2, seed=4)
    k = MinNormInterpolant(bandwidth=0.75).fit(x, y)
    c: Certified = k.solution_.certified
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(float(v)) for v in row] for row in x]
        half = 1 / (2 * mpmath.mpf(0.75) ** 2)
        matrix = mpmath.matrix(25, 25)
        for i in range(25):
            for j in range(25):
                matrix[i, j] = mpmath.exp(-sum((p - q) ** 2 for p, q in zip(rows[i], rows[j], strict=True)) * half)
        a = mpmath.matrix(c.coefficients.tolist())
        targets = mpmath.matrix(c.targets.tolist())
        values = matrix * a
        defect = mpmath.sqrt(sum((values[i, j] - targets[i, j]) ** 2 for i in range(25) for j in range(3)))
        square = sum(a[i, j] * values[i, j] for i in range(25) for j in range(3))
        smallest = mpmath.sqrt(sum((targets.T * mpmath.lu_solve(matrix, targets[:, j]))[j] for j in range(3)))
        mean = [sum(a[i, j] for j in range(3)) / 3 for i in range(25)]
        centred = mpmath.matrix([[a[i, j] - mean[i] for j in range(3)] for i in range(25)])
        centred_norm = mpmath.sqrt(sum((centred.T * matrix * centred)[j, j] for j in range(3)))
        size = mpmath.sqrt(25)
        assert defect / size <= k.residual_
        low, high = k.norm_interval_
        assert low <= mpmath.sqrt(square) <= high
        assert centred_norm <= c.centred_norm_up() <= centred_norm * (1 + mpmath.mpf(10) ** -6)
        facts = gather(k, np.asarray(y))
        least, most = facts.smallest_norm
        assert least <= smallest <= most
        assert most - least < 1e-4 * least
        eigenvalues = [float(v) for v in mpmath.eigsy(matrix, eigvals_only=True)]
    assert 0.0 < facts.certified_eigenvalue <= min(eigenvalues)
    assert facts.smallest_eigenvalue[0] + facts.smallest_eigenvalue[1] >= min(eigenvalues)
    assert facts.condition_up >= max(eigenvalues) / min(eigenvalues)
    assert facts.distance_certified
    assert facts.duality_gap >= 0.0


def test_leave_one_out_is_what_leaving_out_gives() -> None:
    """Also the reference numbers: K = [[1, .5, .2], ...], y = (1, -1, 1) has residuals (1.6, -1.8333, 1.6)."""
    x, y = cloud(40, 3, seed=7)
    x[39], y[39] = x[0], y[0]  # a twin is predicted exactly
    k = MinNormInterpolant(bandwidth=0.9).fit(x, y)
    wrong = 0
    for i in range(40):
        rest = np.arange(40) != i
        wrong += int(MinNormInterpolant(bandwidth=0.9).fit(x[rest], y[rest]).predict(x[[i]])[0] != y[i])
    facts = gather(k, y, left=leave_each_out(k, certify=True))
    assert facts.leave_one_out.errors == wrong
    assert not facts.leave_one_out.certified  # there is no ridge
    assert 0 < wrong < 40
    matrix = np.array([[1, 0.5, 0.2], [0.5, 1, 0.5], [0.2, 0.5, 1]])
    targets = np.array([1.0, -1.0, 1.0])
    for ridge, expected in ((0.0, (1.6, -1.8333333, 1.6)), (0.1 / 3, (1.5, -1.7692308, 1.5))):
        fitted = MinNormInterpolant("precomputed", ridge=ridge).fit(matrix, targets)
        s = fitted.solution_
        with module.workers(1) as crew:
            left = left_out(s.certified.coefficients, s.certified.targets, inverse_diagonal(s.factor, crew), np.ones(3, int))
        assert np.allclose(targets - left[:, 0], expected, atol=5e-8)
    assert MinNormInterpolant("precomputed").fit(matrix, targets).norm_ == pytest.approx(2.725540575, abs=5e-10)


@pytest.mark.parametrize(("penalty", "widest"), [(1e-1, 1e-5), (1e-4, 1e-3)])
def test_certified_values_hold_those_of_machines_trained_again(
    penalty: float, widest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a float32 factor, the weight of the others kept, a pair of equal inputs; the oracle solves each system in float64."""
    monkeypatch.setattr(solver, "DOUBLE_UP_TO", 10)
    n = 700  # more than one batch of columns
    x, y = cloud(n, 3, seed=8)
    x[n - 1] = x[0]
    k = MinNormInterpolant(bandwidth=0.9, ridge=penalty).fit(x, y)
    assert k.solution_.route == "float32 factor"
    left = leave_each_out(k, certify=True)
    assert left is not None
    assert left.errors is not None
    assert left.errors.max() < widest
    matrix, targets = gaussian(x, x, 0.9), np.eye(3)[y]
    for i in (0, 1, 350, n - 1):
        rest = np.arange(n) != i
        a = np.linalg.solve(matrix[np.ix_(rest, rest)] + n * penalty * np.eye(n - 1), targets[rest])
        # The oracle errs by its condition number, below 700 / 0.07, times a few roundings.
        assert (np.abs(matrix[i, rest] @ a - left.values[i]) <= left.errors[i] + 1e-11).all()
    facts = gather(k, y, left=left)
    assert facts.leave_one_out.certified
    assert facts.leave_one_out.uncertainty < 1e-3
    estimated = leave_each_out(k, certify=False)
    assert estimated.errors is None
    assert np.abs(estimated.values - left.values).max() < 1e-2


def test_what_is_certain_of_the_inverse_needs_no_good_factor() -> None:
    """A factor of another matrix: intervals are wide and hold the truth."""
    x, y = cloud(80, 3)
    near, far = (MinNormInterpolant(bandwidth=b, ridge=0.01).fit(x, y) for b in (0.9, 0.85))
    kernel = near.make_kernel()
    with module.workers(1) as crew:
        gram = module.Gram(kernel, kernel.prepare(x), crew, ridge=0.8)
        truth = np.diagonal(np.linalg.inv(gaussian(x, x, 0.9) + 0.8 * np.eye(80)))
        for fitted, width in ((near, 1e-9), (far, 1.0)):
            low, high = inverse_diagonal_within(gram, fitted.solution_.factor)
            assert (low - 1e-13 <= truth).all()
            assert (truth <= high + 1e-13).all()
            assert (high - low).max() < width


def test_duplicates() -> None:
    x, y = cloud(30)
    x2, y2 = np.concatenate([x, x[:5]]), np.concatenate([y, y[:5]])
    doubled, single = MinNormInterpolant(bandwidth=0.8).fit(x2, y2), MinNormInterpolant(bandwidth=0.8).fit(x, y)
    assert doubled.norm_ == pytest.approx(single.norm_, rel=1e-12)
    assert np.allclose(doubled.dual_coef_[:30], single.dual_coef_)
    assert not doubled.dual_coef_[30:].any()
    y2[31] = (y2[31] + 1) % 3
    with pytest.raises(InputError, match="rows 1 and 31"):
        MinNormInterpolant(bandwidth=0.8).fit(x2, y2)
    signed = np.array([[0.0], [-0.0]])
    with pytest.raises(InputError, match="rows 0 and 1"):
        MinNormInterpolant().fit(signed, np.array([0, 1]))


def test_singular_matrices_take_the_pseudo_inverse_or_are_refused() -> None:
    """A linear kernel in 3 dimensions has rank 3: linear targets lie in its range, others do not."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(20, 3)), np.array([1.0, -2.0, 0.5])
    k = MinNormInterpolant("linear").fit(x, x @ w)
    assert k.solution_.route == "eigenvalues"
    assert k.solution_.rank == 3
    assert k.norm_ == pytest.approx(np.linalg.norm(w), rel=1e-9)
    assert k.residual_ < 1e-6
    with pytest.raises(InputError, match=r"numerical rank is 3 of 20 .* not in its range"):
        MinNormInterpolant("linear").fit(x, rng.normal(size=20))
    with pytest.raises(InputError, match="the kernel matrix is zero"):
        MinNormInterpolant("linear").fit(np.zeros((1, 2)), np.array([1.0]))
    with pytest.raises(InputError, match="positive semi-definite"):
        MinNormInterpolant(lambda a, b: -a @ b.T).fit(x, x @ w)


def test_float32_is_refined_and_a_hopeless_factor_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A float32 factor of a matrix of condition 1e5 is enough; where it breaks down float64 takes over."""
    monkeypatch.setattr(solver, "DOUBLE_UP_TO", 10)
    x, y = cloud(200, 3)
    k = MinNormInterpolant(bandwidth=0.5).fit(x, y)
    assert k.solution_.route == "float32 factor"
    assert k.residual_ < 1e-6
    assert k.solution_.shift > 0.0
    a = np.linalg.solve(gaussian(x, x, 0.5), np.eye(3)[y])
    assert np.abs(k.dual_coef_ - a).max() < 1e-4 * np.abs(a).max()
    monkeypatch.setattr(solver, "_STEPS", 1)
    wide = MinNormInterpolant(bandwidth=0.6).fit(x, y)
    assert wide.solution_.route == "float64 factor"
    assert wide.residual_ < 1e-6


def test_a_factor_that_breaks_down_is_tried_with_a_larger_shift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(solver, "DOUBLE_UP_TO", 10)
    monkeypatch.setattr(solver, "_SHIFTS", (-1e9, 1.0))
    x, y = cloud(200, 3)
    k = MinNormInterpolant(bandwidth=0.5, factor=tmp_path / "kept").fit(x, y)
    assert k.solution_.route == "float32 factor"
    assert k.solution_.shift > 0.0
    assert k.residual_ < 1e-6


def test_own_kernels() -> None:
    x, y = cloud(30)

    def mine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return gaussian(a, b, 0.8)

    ours = MinNormInterpolant(mine).fit(x, y)
    matrix = MinNormInterpolant("precomputed").fit(mine(x, x), y)
    named = MinNormInterpolant(bandwidth=0.8).fit(x, y)
    fresh = cloud(9, seed=3)[0]
    for other in (ours.decision_function(fresh), matrix.decision_function(mine(fresh, x))):
        assert np.allclose(other, named.decision_function(fresh), atol=1e-7)
    with pytest.raises(InputError, match="square"):
        MinNormInterpolant("precomputed").fit(np.ones((2, 3)), np.array([0, 1]))
    with pytest.raises(InputError, match="symmetric"):
        MinNormInterpolant("precomputed").fit(np.array([[1.0, 0.5], [0.1, 1.0]]), np.array([0, 1]))
    with pytest.raises(InputError, match="shape"):
        MinNormInterpolant(lambda a, b: np.ones(3)).fit(x, y)
    with pytest.raises(InputError, match="finite"):
        MinNormInterpolant(lambda a, b: np.full((len(a), len(b)), np.nan)).fit(x, y)


def test_ridge() -> None:
    """The minimizer of the average squared error plus lambda |f|^2 solves (K + n lambda I) a = Y."""
    x = cloud(50)[0]
    k = MinNormInterpolant(bandwidth=0.8, ridge=0.01).fit(x, x[:, 0])
    a = np.linalg.solve(gaussian(x, x, 0.8) + 0.5 * np.eye(50), x[:, 0])
    assert np.allclose(k.dual_coef_[:, 0], a, atol=1e-10)
    x[1] = x[0]  # equal inputs with different labels are no obstacle
    MinNormInterpolant(bandwidth=0.8, ridge=0.01).fit(x, np.arange(50) % 3)


def test_an_interrupted_fit_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the refinement: nothing that was done is repeated, and other labels share the factor."""
    monkeypatch.setattr(solver, "DOUBLE_UP_TO", 10)
    x, y = cloud(200, 3)

    def stop(what: str, fraction: float) -> None:
        if what.startswith("refinement step 1,"):
            raise KeyboardInterrupt

    folder = tmp_path / "factor"
    settings = {"bandwidth": 0.5, "tolerance": 1e-12, "factor": str(folder)}
    with pytest.raises((InputError, KeyboardInterrupt)):
        MinNormInterpolant(**settings, progress=stop).fit(x, y)
    times = {path.name: path.stat().st_mtime_ns for path in folder.rglob("column-*")}
    settings["tolerance"] = 1e-6
    k = MinNormInterpolant(**settings).fit(x, y)
    assert times
    assert {path.name: path.stat().st_mtime_ns for path in folder.rglob("column-*")} == times
    assert k.residual_ < 1e-6
    other = MinNormInterpolant(**settings).fit(x, (y + 1) % 3)
    assert {path.name: path.stat().st_mtime_ns for path in folder.rglob("column-*")} == times
    assert np.array_equal(other.predict(x), (y + 1) % 3)


def test_memory_is_counted_before_the_work() -> None:
    with pytest.raises(InputError, match=r"0\.10 GB"):
        plan_fit(60_000, 784, 10, memory=1e8)
    full = plan_fit(60_000, 784, 10, memory=20e9)
    assert full.bytes < 10e9  # the factor takes 7.3 GB
    assert not full.keep
    with pytest.raises(InputError, match="memory"):
        MinNormInterpolant(memory=1e6).fit(*cloud())


@pytest.mark.parametrize("wrong", [{"ridge": -1.0}, {"tolerance": 0.0}, {"bandwidth": -2.0}])
def test_settings_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        MinNormInterpolant(**wrong).fit(*cloud())
