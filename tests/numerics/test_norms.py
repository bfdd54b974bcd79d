"""Sums of squares against exact rationals: a root is on the right side when its square is."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from boundcheck.numerics import data_norms, norms


def square_sum(values) -> Fraction:
    return sum((Fraction(float(x)) ** 2 for x in np.ravel(values)), Fraction(0))


def arrays(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 9, 2)
    base = rng.standard_normal((m, n))
    return [
        base,
        base.astype(np.float32),
        base * 1e300,
        base * 1e-310,
        np.ldexp(np.rint(base * 4), -1074),
        rng.integers(-5, 6, (m, n)),
        np.zeros((m, n)),
        base * np.ldexp(1.0, rng.integers(-1000, 1000, (m, n))),
        rng.integers(0, 256, (m, n)).astype(np.uint8),
    ]


@pytest.mark.parametrize("seed", range(25))
def test_norms_enclose_the_exact_values(seed):
    for array in arrays(seed):
        exact = square_sum(array)
        upper, lower = norms.frobenius_norm(array), norms.frobenius_norm_lower(array)
        assert Fraction(lower) ** 2 <= exact <= Fraction(upper) ** 2
        if exact > Fraction(10) ** -560:
            assert upper <= lower * (1 + 1e-13)
        pairs = zip(norms.row_norms_lower(array), norms.row_norms(array), array, strict=True)
        assert all(Fraction(low) ** 2 <= square_sum(row) <= Fraction(high) ** 2 for low, high, row in pairs)
        columns = norms.column_norms(array)
        assert all(square_sum(column) <= Fraction(high) ** 2 for high, column in zip(columns, array.T, strict=True))
        largest = max(square_sum(column) for column in array.T)
        bound = norms.max_column_sum_of_squares(array)
        assert math.isinf(bound) or largest <= Fraction(bound)
        assert not (math.isinf(bound) and largest < Fraction(10) ** 307)


@pytest.mark.parametrize("seed", range(25))
def test_row_norm_sum_is_above_fifty_digits(seed):
    for array in arrays(seed):
        with mpmath.workdps(50):
            exact = mpmath.fsum(mpmath.sqrt(mpmath.fsum(mpmath.mpf(float(x)) ** 2 for x in row)) for row in array)
            bound = norms.row_norm_sum(array)
            assert math.isinf(bound) or mpmath.mpf(bound) >= exact
            if exact > 1e-280:
                assert mpmath.mpf(bound) <= exact * (1 + mpmath.mpf("1e-13"))


def test_pythagoras_zero_and_infinity():
    assert 5.0 <= norms.frobenius_norm([3.0, 4.0]) <= 5.0 * (1 + 1e-13)
    assert norms.frobenius_norm(np.zeros((2, 3))) == 0.0
    assert norms.frobenius_norm([]) == 0.0
    assert norms.row_norms(np.array([[0.0, 0.0], [3.0, 4.0]]))[0] == 0.0
    assert norms.frobenius_norm([1.0, np.inf]) == math.inf
    assert norms.frobenius_norm([1.7e308, 1.7e308]) == math.inf
    assert math.isfinite(norms.frobenius_norm([1e308, 1e308]))
    with pytest.raises(ValueError, match="NaN"):
        norms.frobenius_norm([np.nan])


@pytest.mark.parametrize("seed", range(20))
def test_difference_norms_are_above_those_of_the_exact_difference(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((6, 4)) * 10.0 ** rng.integers(-9, 9, (6, 4))
    m = (a * (1 + 1e-9 * rng.standard_normal(a.shape))).astype(np.float32 if seed % 2 else np.float64)
    found = norms.difference_norms(a, m)
    rows = [
        sum((Fraction(x) - Fraction(y)) ** 2 for x, y in zip(p, q, strict=True))
        for p, q in zip(a.tolist(), m.astype(float).tolist(), strict=True)
    ]
    assert sum(rows) <= Fraction(found.frobenius) ** 2
    with mpmath.workdps(50):
        roots = [mpmath.sqrt(mpmath.mpf(r.numerator) / r.denominator) for r in rows]
        assert mpmath.fsum(roots) <= found.row_sum
        exact = mpmath.matrix(6, 4)
        for i in range(6):
            for j in range(4):
                exact[i, j] = mpmath.mpf(float(a[i, j])) - mpmath.mpf(float(m[i, j]))
        top = mpmath.svd_r(exact, compute_uv=False)[0]
        assert top <= found.spectral <= top * (1 + 1e-9)


def test_difference_with_itself_is_zero_and_shapes_are_checked():
    a = np.random.default_rng(0).standard_normal((3, 4))
    assert norms.difference_norms(a, a) == norms.DifferenceNorms(0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="shape"):
        norms.difference_norms(a, a.T)


def test_log_products_are_above_fifty_digits():
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = np.exp(rng.normal(0, rng.choice([1e-12, 1.0, 300.0]), rng.integers(1, 30)).clip(-700, 700))
        with mpmath.workdps(50):
            exact = mpmath.fsum(mpmath.log(mpmath.mpf(float(v))) for v in values)
            size = mpmath.fsum(abs(mpmath.log(mpmath.mpf(float(v)))) for v in values)
            assert exact <= norms.log_product_up(values) <= exact + 1e-14 * size + mpmath.mpf("1e-300")
    assert norms.log_product_up([]) == 0.0
    assert norms.log_product_up([1.0, 1.0]) == 0.0
    assert norms.log_product_up([0.0, 2.0]) == -math.inf
    assert norms.log_product_up([1e300] * 400) == pytest.approx(400 * 300 * math.log(10))
    with pytest.raises(ValueError, match="at least 0"):
        norms.log_product_up([-1.0])


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e150])
def test_data_norms_in_chunks_of_any_scale(scale):
    rng = np.random.default_rng(1)
    data = rng.standard_normal((2500, 3, 4)) * scale
    data[:700] *= 1e-30  # the common power of two changes on the way
    whole = data_norms.data_matrix_norms(data)
    parts = data_norms.data_matrix_norms(iter([data[:600], data[600:601], data[601:]]))
    flat = data.reshape(2500, -1) / scale
    for found in (whole, parts):
        assert found.rows == 2500
        assert found.frobenius / scale == pytest.approx(np.linalg.norm(flat), rel=1e-11)
        assert found.spectral / scale == pytest.approx(np.linalg.norm(flat, 2), rel=1e-9)
        assert Fraction(found.frobenius) ** 2 >= square_sum(data)
        if 1e-150 < scale < 1e140:
            assert Fraction(found.max_column_square_sum) >= max(square_sum(c) for c in data.reshape(2500, -1).T)


def test_data_norms_of_float32_and_of_more_columns_than_rows():
    rng = np.random.default_rng(2)
    for shape in ((50, 784), (1100, 20)):
        data = rng.random(shape).astype(np.float32)
        found = data_norms.data_matrix_norms(data)
        exact = data.astype(np.float64)
        assert square_sum(data) <= Fraction(found.frobenius) ** 2
        assert np.linalg.norm(exact, 2) * (1 - 1e-12) <= found.spectral <= np.linalg.norm(exact, 2) * (1 + 1e-9)
        assert found.max_column_square_sum == pytest.approx((exact**2).sum(axis=0).max(), rel=1e-11)


@pytest.mark.parametrize("chunks", [[], [np.zeros((2, 3)), np.zeros((2, 4))], [np.array([[np.inf]])], [np.array([[np.nan]])]])
def test_data_that_cannot_be_used(chunks):
    with pytest.raises(ValueError, match="expected"):
        data_norms.data_matrix_norms(chunks)


@pytest.mark.parametrize("shape", [(50, 7), (7, 50), (9000, 3), (1, 1), (5, 2, 3)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e-200, 1e12])
def test_a_column_of_ones_is_measured_with_the_rest(shape: tuple[int, ...], scale: float) -> None:
    x = np.random.default_rng(1).normal(size=shape) * scale
    rows = x.reshape(len(x), -1)
    plain, augmented = data_norms.plain_and_augmented_norms(x)
    with_ones = np.column_stack([rows, np.ones(len(rows))])
    for found, matrix in ((plain, rows), (augmented, with_ones)):
        truth = np.linalg.svd(matrix, compute_uv=False)[0]
        slack = 1.0 + 1e-9  # far above what the SVD errs by
        assert truth <= found.spectral * slack
        assert found.spectral <= max(truth * (1.0 + 1e-6), 1e-150)  # underflow of squares may raise a tiny norm
        assert np.linalg.norm(matrix) <= found.frobenius * slack
        assert found.rows == len(rows)
    assert augmented.frobenius >= plain.frobenius
