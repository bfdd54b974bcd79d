"""Picking examples: the order, the ranks, the end, and the law that the bounds are proved from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import binom
from torch import nn

from boundcheck.bounds import CATALOGUE
from boundcheck.compression.pick import Learner, Lessons, NetworkLearner, pick_examples
from boundcheck.numerics.picked import picked_inverse
from boundcheck.studies.settings import settings
from boundcheck.theorem import Status

RNG = np.random.default_rng(0)


class Intervals(Learner):
    """Predicts 1 between the smallest and the largest picked example with label 1; how bad an example is grows with distance."""

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> None:
        self.x, self.y = x, y
        self.low, self.high = np.inf, -np.inf
        self.lessons: list[tuple[int, ...]] = []

    def judge(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        inside = (self.x >= self.low) & (self.x <= self.high)
        middle = 0.5 if not np.isfinite(self.low) else (self.low + self.high) / 2
        return inside != (self.y == 1), np.abs(self.x - middle)

    def learn(self, picked: Sequence[int]) -> None:
        self.lessons.append(tuple(picked))
        ones = [self.x[i] for i in picked if self.y[i] == 1]
        self.low, self.high = (min(ones), max(ones)) if ones else (np.inf, -np.inf)


def draw(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x = rng.uniform(size=n)
    return x, ((x > 0.3) & (x < 0.8)).astype(np.int64)


def test_the_ends_of_the_interval_are_picked_and_nothing_is_wrong_outside() -> None:
    x, y = draw(np.random.default_rng(1), 200)
    learner = Intervals(x, y)
    picked = pick_examples(learner, RNG.random(200), 1)
    assert learner.low == x[y == 1].min()
    assert learner.high == x[y == 1].max()
    assert len(picked) == len(set(picked))
    assert [len(lesson) for lesson in learner.lessons] == list(range(1, len(picked) + 1))
    wrong, _ = learner.judge()
    assert not np.delete(wrong, picked).any()


def test_the_worst_come_first_and_equals_by_their_ranks() -> None:
    x, y = np.array([0.1, 0.9, 0.5, 0.9]), np.ones(4, dtype=np.int64)
    first = [pick_examples(Intervals(x, y), np.array(ranks), 1)[0] for ranks in ([0, 3, 0, 1], [9, 1, 9, 2], [2, 3, 0, 3])]
    assert first == [0, 1, 0]  # 0.1 and both 0.9 are as far from the middle
    assert pick_examples(Intervals(x, y), np.array([0.3, 0.2, 0.1, 0.0]), 3)[:3] == [3, 1, 0]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_each_example_decides_for_itself(batch: int) -> None:
    """For every sample of seven and every Z: the run on all ends with Z if and only if all runs on Z and one more do."""
    rng = np.random.default_rng(2)
    for _ in range(12):
        (x, y), ranks = draw(rng, 7), rng.random(7)
        y = y ^ (rng.uniform(size=7) < 0.2)

        def end(
            rows: tuple[int, ...], x: NDArray[np.float64] = x, y: NDArray[np.int64] = y, r: NDArray[np.float64] = ranks
        ) -> set[int]:
            index = np.array(rows)
            return {rows[i] for i in pick_examples(Intervals(x[index], y[index]), r[index], batch)}

        whole = end(tuple(range(7)))
        for size in range(1, 7):
            for z in itertools.combinations(range(7), size):
                if end(z) != set(z):
                    continue
                alone = all(end(tuple(sorted((*z, w)))) == set(z) for w in range(7) if w not in z)
                assert alone == (whole == set(z))


def test_misses_are_as_rare_as_promised() -> None:
    """The risk of the interval is known; the bound misses at most as often as delta."""
    rng, delta, n, misses = np.random.default_rng(3), 0.2, 60, 0
    table = [picked_inverse(k, n, delta) for k in range(n + 1)]
    for _ in range(400):
        x, y = draw(rng, n)
        learner = Intervals(x, y)
        picked = pick_examples(learner, rng.random(n), 1)
        misses += (0.5 - max(0.0, learner.high - learner.low)) > table[len(picked)]
    assert binom.sf(misses - 1, 400, delta) > 1e-6


def test_stopping_early_leaves_errors_outside() -> None:
    x, y = draw(np.random.default_rng(4), 50)
    learner = Intervals(x, y)
    picked = pick_examples(learner, RNG.random(50), 1, going_on=lambda picked, wrong: len(picked) < 1)
    assert len(picked) == 1
    assert np.delete(learner.judge()[0], picked).any()


def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)).eval()


def test_a_network_that_runs_again_on_what_it_picked_is_the_same() -> None:
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] + 0.3 * x[:, 1] > 0.2).long()
    nothing = (x[:0], y[:0])
    ranks = np.random.default_rng(0).random(200)
    learner = NetworkLearner(network(), (x, y), nothing, Lessons(steps=60, lr=0.05))
    picked = pick_examples(learner, ranks, 4)
    assert 0 < len(picked) < 100
    wrong, _ = learner.judge()
    assert not np.delete(wrong, picked).any()
    rows = np.sort(picked)
    again = NetworkLearner(network(), (x[rows], y[rows]), nothing, Lessons(steps=60, lr=0.05))
    order = pick_examples(again, ranks[rows], 4)
    assert [int(rows[i]) for i in order] == picked
    assert all(torch.equal(a, b) for a, b in zip(again.network.parameters(), learner.network.parameters(), strict=True))


def test_the_audit_s_adversary_is_bad_and_the_bounds_hold() -> None:
    setting, delta, misses, risks = settings()["picked"], 0.3, 0, []
    names = ("campi2023compression", "paccagnan2023pick", "langford2005compression")
    assert all(setting.covers(CATALOGUE[name]) for name in names)
    for seed in np.random.SeedSequence(1).spawn(25):
        trial = setting.trial(("picked",), seed)
        assert trial.evidence.picked.same_again
        found = [CATALOGUE[name](trial.evidence, delta) for name in names]
        assert all((c.status is Status.NOT_APPLICABLE) == (trial.evidence.picked.missed > 0) for c in found[:2])
        assert found[2].value is not None
        misses += any(c.value is not None and c.value < trial.risks["network"] for c in found[:1])
        risks.append(float(trial.risks["network"]))
    assert binom.sf(misses - 1, 25, delta) > 1e-6
    assert max(risks) >= 0.25
