"""Intervals against sample size and width: what a job returns."""

from __future__ import annotations

from boundcheck.studies.capacity_sizes import one_class

JOB = {"d": 3, "draws": 1, "epochs": 30, "lr": 0.02, "batch_size": 50, "delta": 0.05, "seed": 0}


def test_a_narrow_class_is_bounded_from_above_and_a_wide_one_from_below() -> None:
    narrow = {row["key"]: row for row in one_class(JOB | {"n": 3000, "width": 1, "epochs": 3})}
    wide = {row["key"]: row for row in one_class(JOB | {"n": 100, "d": 30, "width": 256, "epochs": 100})}
    assert narrow["exact"]["upper"] < 0.25
    assert wide["exact"]["lower"] > 0.25
    assert wide["exact"]["upper"] == 0.5
    assert narrow["exact"]["parameters"] == 5
    for row in (*narrow.values(), *wide.values()):
        assert row["lower"] <= row["upper"]
