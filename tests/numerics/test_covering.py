"""Covers of layers: worked values, brute-force chains, an actual cover of a tiny class, speed."""

from __future__ import annotations

import itertools
import math
import time

import mpmath
import numpy as np
import pytest

from boundcheck.numerics.covering import CoveredLayer, log_cover_up, rademacher_up


def layers(reaches: list[float], atoms: list[int]) -> list[CoveredLayer]:
    return [CoveredLayer(math.log(r) * (1 + 2.0**-50), a, a // 2) for r, a in zip(reaches, atoms, strict=True)]


WORKED = layers([2683.281573, 2683.281573, 2012.461180], [156800, 20000, 2000])
TINY = layers([36.0, 30.0], [12, 6])


def slow_log_cover(reaches: list[float], atoms: list[int], radius: float) -> float:
    """The statement itself, by mpmath."""
    mp, best = mpmath.mpf, mpmath.inf
    maurey = [(mp(r) ** 2 * mpmath.log(a)) ** (mp(1) / 3) for r, a in zip(reaches, atoms, strict=True)]
    for weights in (maurey, [mp(a) for a in atoms]):
        total = mp(0)
        for r, a, w in zip(reaches, atoms, weights, strict=True):
            x = (mp(r) * mpmath.fsum(weights) / (w * mp(radius))) ** 2
            if x > 1:
                k = int(mpmath.ceil(x)) - 1
                counted = mpmath.log(1 + mpmath.binomial(a + k - 1, k)) if k < 10**5 else mpmath.inf
                total += min(counted, (a // 2) * mpmath.log(1 + 2 * mpmath.sqrt(x)))
        best = min(best, total)
    return float(best)


def geometric(reaches: list[float], atoms: list[int], n: int, scale: float) -> float:
    """The smallest over geometric chains of ratio .2 ... .8, as the worked values were computed."""
    best = 0.5
    for ratio in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        spent, radius = 0.0, 0.5
        while radius > 1e-3:
            below = radius * ratio
            spent += radius * math.sqrt(2.0 * slow_log_cover(reaches, atoms, below * math.sqrt(n) / scale) / n)
            radius = below
            best = min(best, radius + spent)
    return best


def test_worked_values_of_the_cover() -> None:
    assert float(log_cover_up(np.array([-math.log(5.0)]), TINY)[0]) == pytest.approx(29.54045, abs=5e-6)


def test_the_worked_value_of_the_complexity_and_better_chains() -> None:
    scale = math.sqrt(2.0) / 100.0
    reference = geometric([2683.281573, 2683.281573, 2012.461180], [156800, 20000, 2000], 50000, scale)
    assert reference == pytest.approx(0.1321446717, rel=1e-9)
    found = float(rademacher_up(np.array([math.log(scale)]), WORKED, 50000)[0])
    assert 0.99 * reference <= found <= reference  # the best chain of a finer set; a percent is what it gains
    assert float(rademacher_up(np.array([math.log(math.sqrt(2.0))]), WORKED, 50000)[0]) == 0.5


@pytest.mark.parametrize("seed", range(10))
def test_never_below_the_statement(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reaches = np.exp(rng.uniform(-3, 6, size=3)).tolist()
    atoms = (2 * rng.integers(1, 3000, size=3)).tolist()
    for radius in np.exp(rng.uniform(-2, 6, size=4)).tolist():
        exact = slow_log_cover(reaches, atoms, radius)
        found = float(log_cover_up(np.array([-math.log(radius) + 1e-15]), layers(reaches, atoms))[0])
        # Where ceil jumps, one more atom may be counted; elsewhere shares give up 1e-9 of the radius.
        assert exact <= found <= exact * (1 + 1e-6) + math.log(max(atoms) + 1e3) * 1e-6


def test_every_chain_of_a_few_radii_costs_at_least_as_much() -> None:
    """The best chain by trying all subsets of ten radii of the grid."""
    scale, n = math.sqrt(2.0), 1000
    radii = [0.5 * 2.0 ** (-j / 8.0) for j in range(0, 80, 8)]
    cost = {a: math.sqrt(2.0 * slow_log_cover([36.0, 30.0], [12, 6], a * math.sqrt(n) / scale) / n) for a in radii[1:]}
    best = 0.5
    for size in range(1, 10):
        for chain in itertools.combinations(radii[1:], size):
            links = zip((0.5, *chain[:-1]), chain, strict=True)
            best = min(best, chain[-1] + sum(above * cost[below] for above, below in links))
    found = float(rademacher_up(np.array([math.log(scale)]), TINY, n)[0])
    assert 0.0 < found <= best
    assert found < 0.1764529  # what geometric chains give


@pytest.mark.parametrize("cover", [WORKED, TINY, [CoveredLayer(-20.0, 12, 6)]])
def test_scales_that_need_no_chain_have_the_value_of_the_best_chain(cover: list[CoveredLayer]) -> None:
    """Scales whose ends settle the answer are answered without a search; the search finds the same numbers."""
    scales, n = np.linspace(-40.0, 80.0, 241), 100
    found = rademacher_up(scales, cover, n)
    roots = [
        np.sqrt(2.0 * log_cover_up(scales - math.log(0.5 * 2.0 ** (-j / 8.0) * math.sqrt(n)), cover) / n) for j in range(1, 105)
    ]
    spent = [np.zeros(241)]
    for j, root in enumerate(roots, start=1):
        spent.append(np.min([spent[i] + 0.5 * 2.0 ** (-i / 8.0) * root for i in range(j)], axis=0))
    slow = np.min([np.full(241, 0.5), *(cost + 0.5 * 2.0 ** (-j / 8.0) for j, cost in enumerate(spent))], axis=0)
    assert found == pytest.approx(slow, rel=1e-9)  # roundings upwards on one side, to nearest on the other
    assert (found[0], found[-1]) == (pytest.approx(0.5 * 2.0**-13, rel=1e-12), 0.5)


def test_it_covers_an_actual_class() -> None:
    """One linear layer with one output on points of the line: the exact Rademacher complexity is below."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=12)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=12)))
    slopes = np.linspace(-1.0, 1.0, 401)
    losses = np.clip(1.0 - slopes[:, None] * x[None, :], 0.0, 1.0)
    truth = float((signs @ losses.T).max(axis=1).mean()) / 12
    reach = float(np.linalg.norm(x))
    found = float(rademacher_up(np.array([0.0]), [CoveredLayer(math.log(reach) + 1e-12, 2, 1)], 12)[0])
    assert 0.0 < truth <= found


def test_it_grows_with_every_number() -> None:
    scales = np.log(2.0) * np.linspace(-30.0, 30.0, 61)
    base = rademacher_up(scales, WORKED, 50000)
    assert (np.diff(base) >= -1e-12).all()  # the last digits of logarithms
    assert (rademacher_up(scales, [*WORKED, TINY[0]], 50000) >= base - 1e-12).all()
    assert (rademacher_up(scales, WORKED, 100000) <= base + 1e-12).all()
    assert base[0] < 1e-3
    assert base[-1] == 0.5


def test_a_class_of_one_network_costs_nothing() -> None:
    frozen = [CoveredLayer(-math.inf, 10, 5)]
    assert rademacher_up(np.array([0.0, 50.0]), frozen, 100).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("log_reach", [-700.0, 300.0, 2000.0])
def test_extreme_norms_give_no_nan(log_reach: float) -> None:
    found = rademacher_up(np.linspace(-69.0, 69.0, 11), [CoveredLayer(log_reach, 2000, 1000), TINY[0]], 1000)
    assert ((found > 0.0) & (found <= 0.5)).all()


@pytest.mark.slow
def test_five_layers_take_less_than_a_second() -> None:
    scales = np.linspace(-69.0, 69.0, 401)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        rademacher_up(scales, [*WORKED, *WORKED[:2]], 60000)
        times.append(time.perf_counter() - start)
    assert min(times) < 1.0
