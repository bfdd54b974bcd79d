"""The spectral norm of 1e5 small matrices against rational arithmetic: s is a bound iff s^2 I - A'A has no negative minor."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from boundcheck.numerics.spectral import spectral_norm

TIGHT = 1e-9  # the promised relative excess
ORDINARY = 1e-300  # below, the result itself is nearly subnormal: the bound is safe, and need not be tight
KINDS = (
    "normal",
    "graded",
    "rank one",
    "nearly rank one",
    "integers",
    "equal",
    "float32",
    "huge",
    "small",
    "subnormal",
    "sparse",
    "mixed scales",
)
EACH = 8_400  # times twelve kinds


def draw(kind: str, rng: np.random.Generator) -> np.ndarray:
    """One matrix with one to three rows and columns."""
    m, n = rng.integers(1, 4, 2)
    base = rng.standard_normal((m, n))
    if kind == "graded":
        return base * np.exp(-rng.uniform(0.0, 40.0, n))
    if kind in ("rank one", "nearly rank one"):
        outer = np.outer(rng.standard_normal(m), rng.standard_normal(n))
        return outer + base * 10.0 ** rng.uniform(-17.0, -6.0) if kind == "nearly rank one" else outer
    if kind == "integers":
        return rng.integers(-3, 4, (m, n))
    if kind == "equal":
        return np.full((m, n), base[0, 0])
    if kind == "float32":
        return (base * 10.0 ** rng.uniform(-44.0, 37.0)).astype(np.float32)
    if kind == "subnormal":
        return np.ldexp(np.rint(base * 8.0), -1074)
    if kind == "sparse":
        return base * (rng.random((m, n)) < 0.4)
    if kind == "mixed scales":
        return np.ldexp(base, rng.integers(-1000, 1000, (m, n)))
    return base * {"normal": 1.0, "huge": 1e307, "small": 1e-297}[kind]


def whole_gram(matrix: np.ndarray) -> tuple[list[list[int]], int]:
    """G in whole numbers and an exponent e with A'A = 4^-e G: floats are dyadic."""
    columns = [[float(x).as_integer_ratio() for x in column] for column in matrix.T]
    widest = max(d for column in columns for _, d in column)
    whole = [[p * (widest // d) for p, d in column] for column in columns]
    gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in whole[: i + 1]] for i, a in enumerate(whole)]
    return [[gram[max(i, j)][min(i, j)] for j in range(len(gram))] for i in range(len(gram))], widest.bit_length() - 1


def is_upper_bound(bound: tuple[int, int], gram: list[list[int]], exponent: int) -> bool:
    """Whether all principal minors of (p/q)^2 I - A'A are at least 0, in whole numbers."""
    p, q = bound[0] ** 2 << 2 * exponent, bound[1] ** 2
    g = [[p * (i == j) - q * entry for j, entry in enumerate(row)] for i, row in enumerate(gram)]
    pairs = [(i, j) for i in range(len(g)) for j in range(i)]
    if any(g[i][i] < 0 for i in range(len(g))) or any(g[i][i] * g[j][j] < g[i][j] ** 2 for i, j in pairs):
        return False
    if len(g) < 3:
        return True
    (a, b, c), (_, d, e), (_, _, f) = g
    return a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d) >= 0


def less(bound: float) -> tuple[int, int]:
    """The bound over 1 + TIGHT, exactly."""
    (p, q), (more, unit) = bound.as_integer_ratio(), TIGHT.as_integer_ratio()
    return p * unit, q * (unit + more)


def test_the_oracle_tells_above_from_below() -> None:
    for matrix, norm in (([[3.0, 0.0], [4.0, 0.0]], 5), (np.diag([1.0, 3.0, 2.0]), 3), (np.full((3, 3), 0.5), Fraction(3, 2))):
        gram = whole_gram(np.asarray(matrix))
        assert is_upper_bound(Fraction(norm).as_integer_ratio(), *gram)
        assert not is_upper_bound((norm * (1 - Fraction(1, 10**30))).as_integer_ratio(), *gram)
    assert Fraction(*less(0.7)) == Fraction(0.7) / (1 + Fraction(TIGHT))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_bounds_of_many_matrices(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(EACH):
        matrix = draw(kind, rng)
        bound, gram = spectral_norm(matrix), whole_gram(matrix)
        assert not math.isnan(bound)
        if math.isinf(bound):
            # Only where the norm is beyond the largest float, or within the promised excess of it.
            assert not is_upper_bound(less(np.finfo(float).max), *gram), matrix
            continue
        assert is_upper_bound(bound.as_integer_ratio(), *gram), (matrix, bound)
        if np.abs(matrix).max() >= ORDINARY:
            assert not is_upper_bound(less(bound), *gram), (matrix, bound)
