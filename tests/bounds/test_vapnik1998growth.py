"""The textbook bound: special cases, worked values, and the inequality on a class whose supremum is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boundcheck.bounds.vapnik1998growth import Vapnik1998Growth
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.growth_layer import GrowthLayer
from boundcheck.evidence.record import Evidence, Problem, Provenance, Structure
from boundcheck.theorem import Status

formula = Vapnik1998Growth.formula
LINE = {"tests": [1], "degrees": [1], "parameters": [2], "blocks": [[(1, 1, 2)]]}  # sign(a x + b)


def evidence(lowered: bool = True, margins: int = 50, levels: tuple[GrowthLayer, ...] | None = None) -> Evidence:
    values = tuple(1.0 if i >= 3 else (0.0, -1.0, -math.inf)[i] for i in range(margins))
    return Evidence(
        Provenance(None, None, "mlp", "hand", "true", "zero", 2, 0, "quick"),
        Problem(50, 1, 2, None, False, 0.0, 0),
        Errors(50, 2, 0),
        structure=Structure(("w",), None, (), True, False, False, (), lowered),
        margins=values,
        growth=(GrowthLayer("w", 1, 1, 2, ((1, 1, 2),)),) if levels is None else levels,
    )


def test_it_is_the_formula_of_the_textbook_for_lines() -> None:
    n, errors, delta = 1000, 30, 0.05
    size = math.log(1 + 2 * n + math.comb(2 * n, 2))
    value = errors / n + math.sqrt(8 * (size + math.log(2 / delta)) / n)
    assert value * (1 - 1e-14) <= formula(n=n, errors=errors, delta=delta, **LINE).value <= value * (1 + 1e-9)


def test_worked_value_of_the_network_20_5_1() -> None:
    # n = 60000, 600 errors, no refinement: 0.5323 (four digits), recomputed with exact binomial sums.
    levels = {"tests": [5, 1], "degrees": [1, 2], "parameters": [105, 111], "blocks": []}
    value = formula(n=60000, errors=600, delta=0.05, **levels).value
    size = sum(
        math.log(2 * (2 * d) ** w * sum(math.comb(q * 120000, j) for j in range(w + 1))) for q, d, w in ((5, 1, 105), (1, 2, 111))
    )
    assert value == pytest.approx(0.01 + math.sqrt(8 * (size + math.log(40)) / 60000), rel=1e-9)
    assert round(value - 0.01, 4) == 0.5323


def test_the_supremum_over_all_lines_stays_below() -> None:
    """Thresholds of both directions, noisy labels on [0, 1]: the exact sup of R - R_hat over the class, 300 samples."""
    rng = np.random.default_rng(11)
    n, noise, delta = 200, 0.2, 0.05
    promised = formula(n=n, errors=0, delta=delta, **LINE).value
    worst = 0.0
    for _ in range(300):
        x = np.sort(rng.uniform(size=n))
        y = (x > 0.5) ^ (rng.uniform(size=n) < noise)
        cuts = np.concatenate(([0.0], x, [1.0]))
        for flip in (False, True):
            below = np.concatenate(([0], np.cumsum(y ^ flip)))  # predicted 0 below the cut
            above = np.concatenate((np.cumsum((~(y ^ flip))[::-1])[::-1], [0]))
            empirical = (below + above) / n
            for ends in (cuts[:-1], cuts[1:]):
                risk = noise + (1 - 2 * noise) * np.abs(ends - 0.5)
                worst = max(worst, float((np.where(flip, 1 - risk, risk) - empirical).max()))
    assert 0.05 < worst <= promised  # far above: the bound holds on each of the samples


def test_errors_are_counted_by_lowered_margins() -> None:
    assert Vapnik1998Growth().measure(evidence())["errors"] == 3  # zero, negative, and not a number


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lowered": False}, "without an error bound"),
        ({"margins": 40}, "40 margins for 50"),
        ({"levels": ()}, "no level of sign tests"),
    ],
)
def test_what_it_can_not_speak_of(changed: dict[str, object], why: str) -> None:
    certificate = Vapnik1998Growth()(evidence(**changed), 0.05)  # type: ignore[arg-type]
    assert certificate.status is Status.NOT_APPLICABLE
    assert certificate.why is not None
    assert why in certificate.why
