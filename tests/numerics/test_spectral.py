"""Norms against exact arithmetic: (bound)^2 I - A'A must have no negative eigenvalue, decided in rationals."""

import math

import flint
import numpy as np
import pytest

from boundcheck.numerics.spectral import eigenvalue_excess, spectral_norm, spectral_norm_lower


def rational(x: float) -> flint.fmpq:
    return flint.fmpq(*float(x).as_integer_ratio())


def is_upper_bound(bound: float, matrix: np.ndarray) -> bool:
    """Whether bound^2 I - A'A is positive semidefinite: all coefficients of its characteristic polynomial alternate."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    exact = flint.fmpq_mat([[rational(x) for x in row] for row in matrix.tolist()])
    size = matrix.shape[1]
    square = rational(bound) ** 2
    gap = flint.fmpq_mat([[square if i == j else flint.fmpq(0) for j in range(size)] for i in range(size)])
    gap = gap - exact.transpose() * exact
    coefficients = gap.charpoly().coeffs()
    return all(c * (-1) ** (size - k) >= 0 for k, c in enumerate(coefficients))


def test_oracle_tells_above_from_below():
    matrix = np.array([[3.0, 0.0], [4.0, 0.0]])
    assert is_upper_bound(5.0, matrix)
    assert not is_upper_bound(math.nextafter(5.0, 0.0), matrix)


def kinds(rng: np.random.Generator, m: int, n: int) -> list[np.ndarray]:
    base = rng.standard_normal((m, n))
    graded = base * np.exp(-rng.uniform(0, 40, n))
    rank_one = np.outer(rng.standard_normal(m), rng.standard_normal(n))
    orthogonal = np.linalg.qr(rng.standard_normal((max(m, n), max(m, n))))[0][:m, :n]
    integers = rng.integers(-3, 4, (m, n)).astype(np.float64)
    return [
        base,
        graded,
        rank_one,
        orthogonal,
        integers,
        np.ones((m, n)),
        base.astype(np.float32),
        base * 1e300,
        base * 1e-300,
        np.ldexp(np.rint(base * 8), -1074),
        base * (rng.random((m, n)) < 0.3),
        base * np.ldexp(1.0, rng.integers(-1000, 900, (m, n))),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_bounds_enclose_the_exact_norm(seed):
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 8, 2)
    for matrix in kinds(rng, m, n):
        upper, lower = spectral_norm(matrix), spectral_norm_lower(matrix, steps=20, seed=seed)
        assert is_upper_bound(upper, matrix)
        assert lower == 0.0 or not is_upper_bound(math.nextafter(lower, 0.0), matrix)
        assert lower <= upper
        if np.abs(matrix).max() > 1e-290:
            truth = np.linalg.svd(np.ldexp(matrix.astype(float), -np.frexp(np.abs(matrix).max())[1]), compute_uv=False)[0]
            assert upper <= math.ldexp(truth, int(np.frexp(np.abs(matrix).max())[1])) * (1 + 1e-9)


@pytest.mark.slow
def test_thousands_of_matrices_are_never_below_the_exact_norm():
    rng = np.random.default_rng(2024)
    for _ in range(250):
        m, n = rng.integers(1, 7, 2)
        for matrix in kinds(rng, m, n):
            assert is_upper_bound(spectral_norm(matrix), matrix)


def test_known_norms():
    assert spectral_norm(np.zeros((3, 4))) == 0.0
    assert spectral_norm(np.zeros((0, 4))) == 0.0
    assert spectral_norm_lower(np.zeros((3, 4))) == 0.0
    for size in (1, 5, 500):
        assert 1.0 <= spectral_norm(np.eye(size)) <= 1 + 1e-10
        assert size <= spectral_norm(np.ones((size, size))) <= size * (1 + 1e-10)
    assert 5.0 <= spectral_norm([[3.0], [4.0]]) <= 5.0 * (1 + 1e-11)
    # Hilbert matrix of size 5: 1.567050691098231 (its largest eigenvalue, in every table).
    hilbert = [[1 / (i + j + 1) for j in range(5)] for i in range(5)]
    assert 1.567050691098 < spectral_norm(hilbert) < 1.5670506912


def test_extremes():
    assert spectral_norm([[np.inf, 0.0]]) == math.inf
    assert spectral_norm(np.full((3, 3), 1.7e308)) == math.inf  # the norm is 5.1e308
    assert math.isfinite(spectral_norm(np.diag([1.7e308, 1.0])))
    assert 5e-324 <= spectral_norm([[5e-324]]) <= 1e-322
    assert spectral_norm_lower([[5e-324]]) <= 5e-324


@pytest.mark.parametrize("bad", [[[np.nan]], [1.0, 2.0], [[1j]], np.zeros((2, 2, 2)), [[2**60 + 1]]])
def test_refuses_what_it_cannot_bound(bad):
    with pytest.raises(ValueError, match="expected"):
        spectral_norm(bad)


@pytest.mark.parametrize("power", [-600, -3, 1, 600])
def test_scaling_by_powers_of_two_is_exact(power):
    matrix = np.random.default_rng(0).standard_normal((30, 20))
    assert spectral_norm(np.ldexp(matrix, power)) == math.ldexp(spectral_norm(matrix), power)
    assert spectral_norm_lower(np.ldexp(matrix, power)) == math.ldexp(spectral_norm_lower(matrix), power)


def test_float32_is_taken_exactly_and_the_transpose_has_the_same_norm():
    matrix = np.random.default_rng(1).standard_normal((30, 20)).astype(np.float32)
    assert spectral_norm(matrix) == spectral_norm(matrix.astype(np.float64)) == spectral_norm(matrix.T)


@pytest.mark.parametrize("shape", [(400, 700), (3000, 50), (1500, 500)])
def test_large_matrices_are_tight(shape):
    """Within the stated 1e-9 of LAPACK, whose own error is some n u: that is what 1e-12 allows for below."""
    matrix = np.random.default_rng(2).standard_normal(shape)
    truth = np.linalg.svd(matrix, compute_uv=False)[0]
    assert truth * (1 - 1e-12) <= spectral_norm(matrix) <= truth * (1 + 1e-9)
    assert 0.9 * truth <= spectral_norm_lower(matrix) <= truth * (1 + 1e-12)


def test_a_planted_singular_value_is_never_missed():
    """Q diag(s) P with Q, P orthogonal, also where Lanczos meets many equal or close values."""
    rng = np.random.default_rng(3)
    left, right = (np.linalg.qr(rng.standard_normal((450, 450)))[0] for _ in range(2))
    for values in (np.ones(450), np.r_[1.0, np.full(449, 1 - 1e-9)], np.r_[1.0, np.zeros(449)]):
        norm = spectral_norm(left * values @ right)
        assert 1 - 1e-12 <= norm <= 1 + 1e-9  # the product itself is rounded to some 1e-14


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_a_wrong_shift_is_refused_or_paid_for(dtype):
    rng = np.random.default_rng(4)
    half = rng.standard_normal((6, 6)) + (1j * rng.standard_normal((6, 6)) if dtype is np.complex128 else 0)
    gram = half @ half.conj().T
    top = float(np.linalg.eigvalsh(gram)[-1])
    assert eigenvalue_excess(gram[None], 0.99 * top) is None
    excess = eigenvalue_excess(np.stack([gram, 0.5 * gram]), 1.01 * top)
    assert excess is not None
    assert 0 < excess < 1e-12 * top
