"""Projections without rounding, held against rational numbers; the direction that separates."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from boundcheck.constructions.direction import separating_line
from boundcheck.constructions.projection import as_points, exact_projection
from boundcheck.errors import InputError
from boundcheck.networks.memorizer import project

entries = st.floats(-1e300, 1e300, allow_nan=False).filter(lambda v: v == 0.0 or abs(v) > 1e-290)


def dot(row: list[float], direction: list[float]) -> Fraction:
    return sum((Fraction(a) * Fraction(b) for a, b in zip(row, direction, strict=True)), Fraction(0))


def integers_of(x: np.ndarray, a: np.ndarray) -> list[Fraction]:
    whole, exponent = exact_projection(x, a).integers()
    return [Fraction(v) * Fraction(2) ** exponent for v in whole]


@given(st.lists(st.lists(st.floats(-(2.0**800), 2.0**800, width=64), min_size=3, max_size=3), min_size=1, max_size=6))
def test_floats_of_any_size_are_projected_exactly(rows: list[list[float]]) -> None:
    a = [3.0, -(2.0**40) - 1.0, 0.1]
    assert integers_of(np.array(rows), np.array(a)) == [dot(row, a) for row in rows]


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_bytes_and_wide_directions(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, a = rng.integers(0, 256, (4, d), dtype=np.uint8), rng.integers(-(2**40), 2**40, d).astype(np.float64)
    assert integers_of(x, a) == [dot(row, a.tolist()) for row in x.tolist()]


def test_the_pair_is_the_sum_to_a_hundred_bits() -> None:
    rng = np.random.default_rng(0)
    x, a = rng.standard_normal((200, 30)), rng.integers(-(2**32), 2**32, 30).astype(np.float64)
    z, rest = exact_projection(x, a).pair()
    for row, high, low in zip(x.tolist(), z.tolist(), rest.tolist(), strict=True):
        true = dot(row, a.tolist())
        assert high == float(true)  # the nearest float
        assert abs(Fraction(high) + Fraction(low) - true) <= abs(true) / 2**100


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_network_projects_as_exactly_by_other_means(dtype: type) -> None:
    rng = np.random.default_rng(1)
    x, a = rng.standard_normal((200, 30)).astype(dtype), rng.integers(-(2**16), 2**16, 30).astype(np.float64)
    expected = exact_projection(x, a).pair()
    got = project(torch.from_numpy(x).double(), torch.from_numpy(a))
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_columns_of_unlike_scales_are_told_apart(scale: float) -> None:
    # The points differ in a column that is 1e-9 of the other.
    x = np.stack([np.full(50, 3.0), 1e-9 * np.arange(50)], axis=1) * scale
    line = separating_line(x)
    assert len(line.z) == 50
    assert line.smallest_gap > 1e-3


def test_points_of_a_lattice_are_told_apart_surely() -> None:
    # All of {0, 1}^10: on directions of few bits many of them meet.
    x = ((np.arange(1024)[:, None] >> np.arange(10)) & 1).astype(np.int64)
    for seed in range(3):
        line = separating_line(x, seed=seed, candidates=1)
        assert len(line.z) == 1024
        assert (line.gaps >= 1.0).all()
        assert not len(line.twins)


def test_a_single_column_needs_no_direction() -> None:
    line = separating_line(np.array([[3.0], [1.0], [2.0]]))
    assert line.direction.tolist() == [1.0]
    assert line.z.tolist() == [1.0, 2.0, 3.0]
    assert line.rows.tolist() == [1, 2, 0]


def test_equal_rows_are_found_and_minus_zero_is_zero() -> None:
    x = np.array([[0.0, 1.0], [2.0, 2.0], [-0.0, 1.0], [2.0, 2.0], [2.0, 2.0]])
    line = separating_line(x)
    assert sorted(line.rows.tolist()) == [0, 1]
    assert sorted(map(tuple, line.twins.tolist())) == [(2, 0), (3, 1), (4, 1)]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.array([["a"]]), "floats of at most 64 bits"),
        (np.array([[1.0], [np.nan]]), "row 1"),
        (np.array([[2**53 + 1]]), "integers up to 2"),
        (np.zeros((0, 3)), "shape"),
        (np.array(3.0), "shape"),
    ],
)
def test_what_is_no_points_is_refused(x: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_points(x)


def test_more_directions_never_make_the_gap_smaller() -> None:
    x = np.random.default_rng(2).standard_normal((300, 4))
    gaps = [max(separating_line(x, seed=s, candidates=c).smallest_gap for s in range(5)) for c in (1, 64)]
    assert gaps[1] > gaps[0]
