"""Covers and chains at 1e5 inputs each, against ball arithmetic and whole numbers.

The best split of the radius and the best chain are not unique, so what is compared is the statement for the splits and
radii that the program uses: any positive shares with a sum of at most 1 are valid, which is checked in rationals, and so
is any chain of falling radii. A value is safe if it is at least the best over *all* of these, and tight if it is hardly more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache, lru_cache

import numpy as np
import pytest
from flint import arb, ctx, fmpz

from boundcheck.numerics import covering
from boundcheck.numerics.covering import CoveredLayer, log_cover_up, rademacher_up

TIGHT = 1e-9  # the promised relative excess
# Rounding may push x over a whole number, which counts one more atom: the statement at a radius this much smaller is met.
NUDGE = 1e-11
COUNTABLE = 2.0**40  # as in the program: for more atoms only the volume is used, though both are valid
STEPS = 8  # radii per octave
LINKS = 105
SCALES = 401
UNIT = 1 << 60

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """160 bits: the ln-gammas, below 1e15, keep 110 bits behind the point."""
    with ctx.workprec(160):
        yield


def some_layers(rng: np.random.Generator, extreme: bool) -> list[CoveredLayer]:
    """One to three layers of 1 to 1e8 parameters; reaches within e^12, or any that floats have."""
    count = int(rng.integers(1, 4))
    middle, spread = (rng.uniform(-650.0, 650.0), 300.0) if extreme else (rng.uniform(-5.0, 8.0), 6.0)
    sizes = [int(10.0 ** rng.uniform(0.0, 8.0)) for _ in range(count)]
    return [CoveredLayer(float(middle + rng.uniform(-spread, spread)), 2 * p * int(rng.integers(1, 3)), p) for p in sizes]


@cache
def log_gamma(N: int) -> arb:
    return arb(fmpz(N)).lgamma()


@lru_cache(maxsize=8192)  # the two ends of a ball, whose radii are hardly apart, mostly ask for the same
def counted(N: int, k: int) -> arb:
    """ln(1 + C(N + k - 1, k))."""
    return (1 + (arb(fmpz(N + k)).lgamma() - arb(fmpz(k + 1)).lgamma() - log_gamma(N)).exp()).log()


def layer_entropy(x: arb, layer: CoveredLayer, end: str) -> arb:
    """min{ln(1 + C(N + K - 1, K)), p ln(1 + 2 sqrt x)}, with K from the lower or upper end of the ball x."""
    edge = x.lower() if end == "lower" else x.upper()
    if edge <= 1:
        return arb(0)
    volume = layer.parameters * (1 + 2 * edge.sqrt()).log()
    if edge >= COUNTABLE:
        return volume
    atoms, k = layer.atoms, int(edge.ceil().unique_fmpz()) - 1
    if volume <= k * (1 + arb(atoms - 1) / k).log():
        return volume  # each of the k factors (N - 1 + i)/i of the count is at least the last
    return volume.min(counted(atoms, k))


Split = Sequence[tuple[CoveredLayer, arb, arb]]


def splits(layers: Sequence[CoveredLayer]) -> list[Split]:
    """The two splits of the program: layers, what they reach, squared, and the squares of their shares of the radius."""
    reaches = [(2 * arb(layer.log_reach)).exp() for layer in layers]
    return [
        [(layer, reach, arb(share) ** 2) for layer, reach, share in zip(layers, reaches, shares, strict=True)]
        for shares in covering._shares(layers)
    ]


def entropy(log_inverse: arb, both: Sequence[Split], end: str) -> arb:
    """ln N(eps), the better of two splits."""
    square = (2 * log_inverse).exp()
    totals = [sum((layer_entropy(reach * square / share, layer, end) for layer, reach, share in split), arb(0)) for split in both]
    return totals[0].min(totals[1])


@pytest.mark.parametrize("extreme", [False, True])
def test_shares_are_positive_and_sum_to_at_most_one(extreme: bool) -> None:
    rng = np.random.default_rng(50 + extreme)
    for _ in range(10_000):
        for shares in covering._shares(some_layers(rng, extreme)):
            assert min(shares) > 0.0
            assert sum(map(Fraction, shares)) <= 1


@pytest.mark.parametrize(("seed", "extreme"), [(60, False), (61, False), (62, False), (63, True), (64, True)])
def test_entropies_of_many_covers(seed: int, extreme: bool) -> None:
    """20,500 radii and layers a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(500):
        layers = some_layers(rng, extreme)
        top, both = max(layer.log_reach for layer in layers), splits(layers)
        log_inverse = np.concatenate([rng.uniform(-4.0, 12.0, 33) - top, rng.uniform(-700.0, 700.0, 8)])
        for value, exact in zip(log_cover_up(log_inverse, layers).tolist(), log_inverse.tolist(), strict=True):
            assert entropy(arb(exact), both, "lower") <= value, (layers, exact)
            assert value <= entropy(arb(exact) + NUDGE, both, "upper") * (1 + TIGHT), (layers, exact)


def scaled_roots(layers: Sequence[CoveredLayer], n: int, lowest: arb, end: str) -> np.ndarray:
    """2^60 2^(-r/8)/2 sqrt(2 ln N_t / n), at most 2^60 and rounded down, shape (8, t); t counts eighths of octaves."""
    eighth = arb(2).log() / STEPS
    # Radii are floats, within one unit in the last place of the powers of two: entropies at a radius that much larger.
    offset = -(arb(2) ** -51) if end == "lower" else arb(NUDGE)
    factors = [(-r * eighth).exp() / 2 * (1 - arb(2) ** -52) * UNIT for r in range(STEPS)]
    found, both = np.empty((STEPS, SCALES + LINKS), dtype=np.int64), splits(layers)
    for t in range(SCALES + LINKS):
        root = (2 * entropy(lowest + t * eighth + offset, both, end) / n).sqrt()
        for r, factor in enumerate(factors):
            link = (root * factor).lower().floor()
            found[r, t] = UNIT if link >= UNIT else int(link.unique_fmpz())
    return found


def best_chains(roots: np.ndarray) -> np.ndarray:
    """2^60 times the least cost of a chain for each scale, from below; radii 2^(-j/8)/2 and whole numbers rounded down."""
    ends = np.array([int(UNIT * 0.5 * 2.0 ** (-j / STEPS) * (1.0 - 2.0**-51)) for j in range(LINKS)], dtype=np.int64)
    octaves = np.arange(-(-LINKS // STEPS))[:, None, None]
    spent = np.zeros((LINKS, SCALES), dtype=np.int64)
    for j in range(1, LINKS):
        links = (roots[None, :, j : j + SCALES] >> octaves).reshape(-1, SCALES)[:j]  # from radius i: eighth i % 8, octave i // 8
        spent[j] = (spent[:j] + links).min(axis=0)
    return np.minimum((spent + ends[:, None]).min(axis=0), UNIT // 2)


@pytest.mark.parametrize("seed", range(6))
def test_complexities_of_many_classes(seed: int) -> None:
    """401 scales of 43 classes a seed; scales in steps of 2^(1/8), so that scale over radius takes few values."""
    rng = np.random.default_rng(70 + seed)
    for _ in range(43):
        layers, n = some_layers(rng, False), int(10.0 ** rng.uniform(0.0, 7.0))
        first = -int(rng.integers(100, 350))
        logs = [k * arb(2).log() / STEPS for k in range(first, first + SCALES)]
        top = max(layer.log_reach for layer in layers)
        shift = round(top - 0.5 * math.log(n))  # so that the scales lie around the one where the bound becomes 1/2
        # The logarithm of the scale is given from above, as is asked for.
        given = np.array([math.nextafter(float((x - shift).mid()), math.inf) for x in logs])
        values = rademacher_up(given, layers, n)
        # Scale k at radius j: ln(2^(k/8) e^-shift / (2^(-j/8)/2 sqrt n)).
        lowest = first * arb(2).log() / STEPS - shift + arb(2).log() - arb(n).log() / 2
        safe = best_chains(scaled_roots(layers, n, lowest, "lower"))
        near = best_chains(scaled_roots(layers, n, lowest, "upper"))
        for k, (value, low, high) in enumerate(zip(values.tolist(), safe.tolist(), near.tolist(), strict=True)):
            assert Fraction(low, UNIT) <= Fraction(value), (layers, n, first, k)
            # Whole numbers rounded down cost the oracle less than 1e-15.
            assert value <= high / UNIT * (1 + TIGHT) + 1e-15, (layers, n, first, k)
