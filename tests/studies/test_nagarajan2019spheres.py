"""Concentric spheres: the flipped sample has the law of the sample, and what follows from runs holds as often as said."""

from __future__ import annotations

import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.studies.nagarajan2019spheres import RADII, conclude, draw, one_run

JOB = {"m": 300, "d": 100, "widths": [100], "lr": 0.1, "momentum": 0.9, "batch_size": 20, "epochs": 60, "stop": "loss:0.02",
       "test": 2000, "seed": 0}  # fmt: skip


def test_points_lie_on_the_spheres_that_their_labels_name() -> None:
    drawn = draw(500, 30, np.random.default_rng(0))
    for directions in (drawn, drawn.flipped()):
        sample = directions.sample()
        norms = np.linalg.norm(sample.x.astype(np.float64), axis=1)
        assert norms == pytest.approx(np.asarray(RADII)[sample.y], rel=1e-6)  # float32
    assert np.array_equal(drawn.flipped().sample().y, 1 - drawn.sample().y)
    assert np.array_equal(drawn.flipped().flipped().sample().x, drawn.sample().x)
    assert abs(drawn.labels.mean() - 0.5) < 5 * 0.5 / np.sqrt(500)


def test_a_trained_network_errs_on_the_flipped_sample() -> None:
    (row,) = one_run(JOB)
    assert row["train_errors"] == 0
    assert row["flipped_errors"] > 0.9 * 300
    assert row["test_errors"] / 2000 < row["test_error_upper"]
    assert row["gap"] <= row["flipped_errors"] / 300 - row["test_errors"] / 2000
    assert row == one_run(JOB)[0]
    assert row != one_run(JOB | {"seed": 1})[0]


def test_the_smallest_gap_is_exceeded_as_often_as_said() -> None:
    """Gaps of a known law, uniform: P(G >= g) = 1 - g, so the statement is false where 1 - min < q."""
    rng, alpha, trials, misses = np.random.default_rng(0), 0.2, 4000, 0
    for _ in range(trials):
        gaps = rng.random(3)
        found = conclude([{"gap": g} for g in gaps], alpha)
        assert found.lower_bound == gaps.min()
        misses += 1.0 - found.lower_bound < 2.0 * found.failure
    # failure spends 0.001 on the test error besides, so misses are a little rarer than alpha.
    assert misses <= alpha * trials + 3.0 * np.sqrt(trials * alpha)
    assert misses >= 0.9 * alpha * trials


def test_more_runs_speak_of_more_bounds() -> None:
    failures = [conclude([{"gap": 0.5}] * runs, 0.05).failure for runs in (1, 2, 5, 20)]
    assert failures == sorted(failures)
    assert failures[2] == pytest.approx((0.05**0.2 - 1e-3) / 2.0, rel=1e-9)


def test_negative_gaps_say_nothing() -> None:
    assert conclude([{"gap": -0.1}, {"gap": 0.5}], 0.05).lower_bound == 0.0


@pytest.mark.parametrize(("rows", "alpha"), [([], 0.05), ([{"gap": 0.5}], 0.0), ([{"gap": 0.5}], 1.0)])
def test_nothing_follows_from_nothing(rows: list[dict[str, float]], alpha: float) -> None:
    with pytest.raises(InputError, match="at least one run"):
        conclude(rows, alpha)


@pytest.mark.parametrize("bad", [{"m": 1}, {"d": 0}, {"test": 1}])
def test_sizes_out_of_range_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(InputError, match="--m, --d and --test"):
        one_run(JOB | bad)
