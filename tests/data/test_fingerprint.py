"""Digests and repeated rows, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from boundcheck.data import count_duplicates, count_overlap, fingerprint

small = hnp.arrays(np.uint8, st.tuples(st.integers(1, 8), st.just(1), st.just(2)), elements=st.integers(0, 2))


@given(a=small, b=small)
def test_counts_by_brute_force(a: np.ndarray, b: np.ndarray) -> None:
    rows_a, rows_b = a.reshape(len(a), -1).tolist(), b.reshape(len(b), -1).tolist()
    assert count_overlap(a, b) == sum(row in rows_b for row in rows_a)
    assert count_duplicates(a) == sum(row in rows_a[:i] for i, row in enumerate(rows_a))


def test_strides_and_widths_dont_matter() -> None:
    x = np.arange(12.0).reshape(6, 2)
    assert count_overlap(x[::-1], x) == count_overlap(np.asfortranarray(x), x) == count_overlap(x.astype(np.float32), x) == 6


def test_rows_of_another_shape() -> None:
    with pytest.raises(ValueError, match="can't occur"):
        count_overlap(np.zeros((2, 3)), np.zeros((2, 4)))


def test_the_digest_sees_every_part() -> None:
    x = np.arange(6, dtype=np.int32)
    variants = [
        {"x": x},
        {"y": x},
        {"x": x.reshape(2, 3)},
        {"x": x.astype(np.uint32)},
        {"x": x + (np.arange(6) == 5)},
        {"x": x, "y": x},
        {"x": np.concatenate([x, x])},
    ]
    assert len({fingerprint(v) for v in variants}) == len(variants)
    assert fingerprint({"x": x, "y": x + 1}) == fingerprint({"y": (x + 1).astype(">i4"), "x": np.repeat(x, 2)[::2]})
