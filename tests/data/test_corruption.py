"""Label laws: their words, their draws and their exact expectations."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from boundcheck.data import LabelLaw, corrupt, expected_error, parse_labels
from boundcheck.errors import InputError


@pytest.mark.parametrize(
    ("spec", "p"), [("true", 0.0), ("random", 1.0), ("corrupt:0.3", 0.3), ("corrupt:1", 1.0), ("corrupt:0", 0.0)]
)
def test_words(spec: str, p: float) -> None:
    law = parse_labels(spec)
    assert law.p == p
    assert parse_labels(law.spec) == law


@pytest.mark.parametrize(
    "spec", ["corrupt", "corrupt:", "corrupt:x", "corrupt:1.1", "corrupt:-0.1", "corrupt:nan", "corrupt:inf", "corrupt:30%"]
)
def test_what_is_no_probability(spec: str) -> None:
    with pytest.raises(InputError, match=r"corrupt:0\.3"):
        parse_labels(spec)


@pytest.mark.parametrize(("spec", "near"), [("randm", "random"), ("ture", "true"), ("corupt:0.2", "corrupt:P")])
def test_the_nearest_law_is_offered(spec: str, near: str) -> None:
    with pytest.raises(InputError, match=near):
        parse_labels(spec)


def test_true_labels_stay() -> None:
    y = np.arange(10)
    np.testing.assert_array_equal(corrupt(y, 10, parse_labels("true"), 1), y)


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("p", [0.25, 0.7, 1.0])
def test_the_law_is_the_stated_one(k: int, p: float) -> None:
    n = 60_000
    y = np.arange(n) % k
    drawn = corrupt(y, k, LabelLaw("corrupt", p), seed=11)
    law = np.full((k, k), p / k) + (1 - p) * np.eye(k)
    counts = np.zeros((k, k))
    np.add.at(counts, (y, drawn), 1)
    # Fixed seed; a correct program would have failed at the first choice of seed with probability 1e-6 per case.
    assert stats.chisquare(counts.ravel(), (law * n / k).ravel(), ddof=k - 1).pvalue > 1e-6
    shifted = np.roll(drawn == y, 1)
    assert abs(np.corrcoef(drawn == y, shifted)[0, 1]) < 5 / np.sqrt(n)  # five standard errors of independence


def test_draws_depend_on_seed_and_stream_only() -> None:
    y, law = np.zeros(1000, np.uint8), parse_labels("random")
    first = corrupt(y, 10, law, 3, "train")
    np.testing.assert_array_equal(first, corrupt(y, 10, law, 3, "train"))
    for other in (corrupt(y, 10, law, 4, "train"), corrupt(y, 10, law, 3, "test")):
        # Independent uniform labels agree on a tenth; 0.05 is more than five standard errors.
        assert abs(np.mean(first == other) - 0.1) < 0.05
    # The same numbers with every NumPy: a run is repeated from its seed.
    assert corrupt(np.zeros(12), 10, law, 0).tolist() == [6, 6, 1, 2, 4, 7, 6, 4, 4, 6, 8, 1]
    with pytest.raises(InputError, match="seed"):
        corrupt(y, 10, law, -1)


def test_levels_are_nested() -> None:
    y = np.zeros(5000, np.int64)
    levels = [corrupt(y, 10, LabelLaw("corrupt", p), 2) for p in (0.2, 0.5, 0.9, 1.0)]
    for small, large in itertools.pairwise(levels):
        changed = small != 0
        np.testing.assert_array_equal(small[changed], large[changed])


@given(
    rows=st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=6),
    p=st.floats(0, 1),
)
def test_expectation_by_enumeration(rows: list[tuple[int, int]], p: float) -> None:
    """Sum over every label of the law, for predictions in 0..3 and -1 for none, with k = 4."""
    k, total = 4, Fraction(0)
    for predicted, clean in rows:
        for label in range(k):
            weight = Fraction(p) / k + (1 - Fraction(p)) * (label == clean)
            total += weight * (predicted != label)
    predicted, clean = np.array(rows).T
    got = expected_error(predicted != clean, predicted < 0, k, LabelLaw("corrupt", p))
    assert got == float(total / len(rows))


def test_expectation_by_drawing() -> None:
    rng = np.random.default_rng(0)
    clean, predicted = rng.integers(0, 5, (2, 400))
    predicted[:20] = -1
    law = LabelLaw("corrupt", 0.4)
    errors = [np.mean(predicted != corrupt(clean, 5, law, seed)) for seed in range(400)]
    # Each of the 160,000 terms has variance at most 1/4: five standard errors.
    assert abs(np.mean(errors) - expected_error(predicted != clean, predicted < 0, 5, law)) < 5 * 0.5 / 400


def test_misuse() -> None:
    with pytest.raises(ValueError, match="equal nonempty"):
        expected_error(np.zeros(3, bool), np.zeros(2, bool), 2, LabelLaw("true", 0.0))
    with pytest.raises(ValueError, match="equal nonempty"):
        expected_error(np.zeros(0, bool), np.zeros(0, bool), 2, LabelLaw("true", 0.0))
