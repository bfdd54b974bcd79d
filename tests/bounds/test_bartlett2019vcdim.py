"""The VC dimension in closed form: worked values, the counting below it, the lemma behind it, and dimensions that are known."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.bartlett2019vcdim import Bartlett2019VcDim, vc_dimension_closed
from boundcheck.bounds.mohri2018growth import Mohri2018Growth
from boundcheck.numerics.growth import vc_dimension_upper

formula = Bartlett2019VcDim.formula
NETWORKS = [
    {"tests": [3, 1], "degrees": [1, 2], "parameters": [9, 13]},
    {"tests": [5, 1], "degrees": [1, 2], "parameters": [105, 111]},
    {"tests": [100, 100, 9], "degrees": [1, 2, 3], "parameters": [78500, 88600, 89610]},
    {"tests": [1], "degrees": [1], "parameters": [2]},
]


def test_worked_value() -> None:
    # mpmath: network 2-3-1 with biases.
    assert vc_dimension_closed(**NETWORKS[0]) == pytest.approx(178.373675335774, rel=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_counting_gives_no_larger_dimension(network: dict[str, list[int]]) -> None:
    assert vc_dimension_upper(**network) <= vc_dimension_closed(**network)


@pytest.mark.parametrize("weights", [1, 2, 5, 20])
@pytest.mark.parametrize("inputs", [1, 3, 10])
def test_it_is_above_the_dimension_of_half_spaces(inputs: int, weights: int) -> None:
    """d + 1 for affine functions of d inputs; and of ReLU networks with one hidden layer of q units it grows with q."""
    assert vc_dimension_closed(tests=[1], degrees=[1], parameters=[inputs + 1]) >= inputs + 1
    hidden = (inputs + 1) * weights
    closed = vc_dimension_closed(tests=[weights, 1], degrees=[1, 2], parameters=[hidden, hidden + weights + 1])
    assert closed >= 2 * hidden + weights + 1


@pytest.mark.parametrize("r", [16.0, 20.0, 1e3, 1e9])
@pytest.mark.parametrize("w", [1, 3, 50, 10_000])
@pytest.mark.parametrize("t", [0, 1])
def test_the_lemma_that_solves_for_the_dimension(r: float, w: int, t: int) -> None:
    """Beyond t + w log2(2 r log2 r), 2^m exceeds 2^t (m r/w)^w: at the next integer, and m - w log2(m) grows from there."""
    edge = t + w * math.log2(2 * r * math.log2(r))
    m = math.floor(edge) + 1
    assert m > t + w * math.log2(m * r / w)
    assert m > w / math.log(2)


def test_it_is_the_formula_of_the_book() -> None:
    n, errors, delta = 20_000, 400, 0.05
    d = vc_dimension_closed(**NETWORKS[0])
    value = errors / n + math.sqrt(2 * d * math.log(math.e * n / d) / n) + math.sqrt(math.log(1 / delta) / (2 * n))
    assert formula(n=n, errors=errors, delta=delta, **NETWORKS[0]).value == pytest.approx(value, rel=1e-12)


def test_a_dimension_above_the_sample_says_nothing() -> None:
    bound = formula(n=1000, errors=0, delta=0.05, **NETWORKS[2])
    assert bound.terms["VC dimension"] == pytest.approx(math.sqrt(2 * math.log(2)), rel=1e-12)


@pytest.mark.parametrize("network", NETWORKS[:2])
def test_the_direct_count_is_smaller(network: dict[str, list[int]]) -> None:
    for n in (20_000, 600_000):
        direct = Mohri2018Growth.formula(n=n, errors=0, delta=0.05, blocks=[], **network).value
        assert direct <= formula(n=n, errors=0, delta=0.05, **network).value


def test_a_level_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        vc_dimension_closed(tests=[0], degrees=[1], parameters=[3])
    with pytest.raises(ValueError, match="level"):
        vc_dimension_closed(tests=[2], degrees=[1], parameters=[0])
