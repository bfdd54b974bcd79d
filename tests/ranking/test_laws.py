"""What the statistics say of designed measures, and what they do not depend on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from boundcheck.ranking import Ranking, Settings, rank
from boundcheck.ranking.bootstrap import kendall_replicates, percentiles, replicates
from boundcheck.ranking.networks import from_table
from boundcheck.ranking.sign_error import hoeffding_weights

NAMES = ("width", "depth", "lr")


def ranked(table: pd.DataFrame, **settings: float) -> Ranking:
    chosen = Settings(**{"threshold": 0.0, "effective_size": 0.0, "bootstrap": 0, **settings})
    return rank(from_table(table, hyperparameters=NAMES, gap="gap", measures=_measures(table), test_size=2000), chosen)


def _measures(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name not in (*NAMES, "gap", "seed")]


def numbers(ranking: Ranking, name: str) -> tuple:
    line = ranking[name]
    return line.tau, line.mean_psi, line.information, line.sign_error, tuple(line.psi.values())


def test_the_gap_itself_is_perfect_and_its_negative_the_reverse(make_table: Callable[..., pd.DataFrame]) -> None:
    found = ranked(make_table(decimals=9))
    same, reverse = found["same"], found["reverse"]
    assert (same.sign_error.mean, same.sign_error.largest, same.tau, same.mean_psi) == (0.0, 0.0, 1.0, 1.0)
    assert (reverse.sign_error.mean, reverse.sign_error.largest, reverse.tau, reverse.mean_psi) == (1.0, 1.0, -1.0, -1.0)
    assert same.information == reverse.information == pytest.approx(1.0, abs=1e-9)


def test_an_independent_measure_has_sign_error_one_half() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    table = pd.DataFrame({"width": rng.integers(0, 3, n), "depth": rng.integers(0, 3, n), "lr": rng.integers(0, 2, n)})
    table["gap"], table["chance"] = rng.random(n), rng.random(n)
    line = ranked(table)["chance"]
    # Some 2e5 pairs of 4000 networks: the standard deviation of the mean is below 1/sqrt(4000); five of them.
    assert line.sign_error.mean == pytest.approx(0.5, abs=0.08)
    assert abs(line.tau) < 0.08
    assert line.information < 0.01


@pytest.mark.parametrize("seed", range(2))
def test_only_the_order_of_the_values_counts(make_table: Callable[..., pd.DataFrame], seed: int) -> None:
    table = make_table(seed)
    table["stretched"] = np.exp(5.0 * table["chance"]) - 3.0
    found = ranked(table)
    assert numbers(found, "stretched") == numbers(found, "chance")


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_the_rows_does_not_count(make_table: Callable[..., pd.DataFrame], seed: int) -> None:
    table = make_table(seed)
    shuffled = table.sample(frac=1.0, random_state=seed)
    one, other = ranked(table)["chance"], ranked(shuffled)["chance"]
    assert (one.tau, one.information) == pytest.approx((other.tau, other.information), abs=1e-12)  # sums in another order
    assert one.sign_error.mean == pytest.approx(other.sign_error.mean, abs=1e-12)


def test_turning_a_measure_around_turns_its_statistics_around(make_table: Callable[..., pd.DataFrame]) -> None:
    table = make_table(2)
    table["turned"] = -table["coarse"]
    found = ranked(table)
    one, other = found["coarse"], found["turned"]
    assert (other.tau, other.mean_psi) == pytest.approx((-one.tau, -one.mean_psi), abs=1e-12)
    assert other.sign_error.mean == pytest.approx(1.0 - one.sign_error.mean, abs=1e-12)
    assert other.information == pytest.approx(one.information, abs=1e-12)


def test_kendall_agrees_with_scipy_without_ties() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"width": rng.integers(0, 3, 60), "depth": 1, "lr": 2, "gap": rng.random(60), "m": rng.random(60)})
    expected = stats.kendalltau(table["gap"], table["m"], variant="b").statistic
    assert ranked(table)["m"].tau == pytest.approx(expected, abs=1e-12)


def test_a_hyperparameter_that_moves_both_is_seen_through_by_the_granulated_coefficient() -> None:
    """A measure that knows the width alone: tau is large, and within each width it says nothing."""
    rng = np.random.default_rng(4)
    rows = [(w, d, lr, w * 0.2 + rng.random() * 0.15, float(w)) for w in range(5) for d in range(4) for lr in range(4)]
    found = ranked(pd.DataFrame(rows, columns=[*NAMES, "gap", "width-only"]))["width-only"]
    assert found.tau > 0.7
    assert (found.psi["width"], found.psi["depth"], found.psi["lr"]) == (1.0, 0.0, 0.0)
    assert (found.sign_error_by["width"].largest, found.sign_error_by["depth"].mean) == (0.0, 0.5)
    assert found.given == "width"
    assert found.information == 0.0


def test_weights_grow_with_distance_and_size_and_pairs_of_unknown_size_weigh_one() -> None:
    difference = np.linspace(0.0, 0.2, 50)
    weights = hoeffding_weights(difference, np.full(50, 1000), 0.2)
    assert np.all(np.diff(weights) >= 0)
    assert weights[0] == 0.0
    assert np.all(hoeffding_weights(difference, np.full(50, 4000), 0.2) >= weights)
    assert np.all(hoeffding_weights(difference, np.zeros(50, dtype=np.int64), 0.2) == 1.0)
    # Worked by hand: 1 - 2 exp(-2 * 10000 * 0.01^2) = 1 - 2 exp(-2), squared.
    assert hoeffding_weights(np.array([0.02]), np.array([10000]), 0.0)[0] == pytest.approx((1 - 2 * np.exp(-2.0)) ** 2, rel=1e-12)


def test_missing_values_cost_their_networks_alone(make_table: Callable[..., pd.DataFrame]) -> None:
    table = make_table(1)
    gone = [2, 5]
    table["holed"] = table["chance"]
    table.loc[gone, "holed"] = np.nan
    found, shorter = ranked(table), ranked(table.drop(index=gone))
    assert (found["holed"].networks, found["holed"].missing) == (len(table) - 2, 2)
    assert numbers(found, "holed") == numbers(shorter, "chance")
    assert found["chance"].networks == len(table)


def test_replicates_weight_pairs_of_different_networks(make_table: Callable[..., pd.DataFrame]) -> None:
    table = make_table(3)
    measure, gap = table["coarse"].to_numpy(), table["gap"].to_numpy()
    drawn = replicates(len(table), 5, seed=0)
    product = np.sign(measure[:, None] - measure) * np.sign(gap[:, None] - gap)
    for weight, tau in zip(drawn, kendall_replicates(measure, gap, drawn), strict=True):
        both = np.outer(weight, weight) * ~np.eye(len(weight), dtype=bool)
        assert tau == pytest.approx((both * product).sum() / both.sum(), abs=1e-12)


def test_intervals_hold_the_statistic_of_the_population() -> None:
    """Networks drawn from a law with known tau: for a Gaussian pair it is 2/pi arcsin(correlation)."""
    rng = np.random.default_rng(5)
    truth, inside = 2 / np.pi * np.arcsin(0.6), 0
    for trial in range(60):
        gap = rng.normal(size=100)
        measure = 0.6 * gap + 0.8 * rng.normal(size=100)
        low, high = percentiles(kendall_replicates(measure, gap, replicates(100, 100, seed=trial)))
        inside += low <= truth <= high
    # 95 % intervals hold the truth in 57 of 60 trials; fewer than 50 has a probability of about 1e-4 at 95 %, 0.02 at 90 %.
    assert inside >= 50


def test_sign_error_intervals_surround_the_estimate(make_table: Callable[..., pd.DataFrame]) -> None:
    line = ranked(make_table(0, repeats=6, drop=3), bootstrap=100)["coarse"]
    low, high = line.mean_interval
    assert low < line.sign_error.mean < high
    assert high - low < 0.5
