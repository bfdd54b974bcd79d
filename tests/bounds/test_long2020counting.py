"""Parameter counting: worked values, the cover against networks that are drawn, and what it asks for."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from boundcheck.bounds.long2020counting import Long2020Counting
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status

formula = Long2020Counting.formula
TWO = {
    "radius": 1.0,
    "outside": 0,
    "spectral": [1.0, 1.0],
    "distances": [1.0, 1.0],
    "bias_norms": [0.0, 0.0],
    "bias_distances": [0.0, 0.0],
    "positions": [0, 0],
    "lipschitz": [1.0, 1.0],
    "parameters": [60, 40],
}
PRICE = 401 * 24


def kl(q: float, p: float) -> float:
    return (q * math.log(q / p) if q else 0.0) + (1 - q) * math.log((1 - q) / (1 - p))


def test_it_inverts_what_the_statement_says() -> None:
    """Two layers of 60 and 40 parameters, prod s = chi = 1: kl takes the value of the cover at the choices made."""
    n, delta = 60_000, 0.05
    bound = formula(margins=[0.0] * 2 + [1.0] * 98, homogeneous=True, n=n, delta=delta, **TWO)
    gamma, eta = float(bound.choices["margin"]), float(bound.choices["resolution"])
    nats = sum(p * math.log(1 + 2 * math.sqrt(2) * 100 / (p * eta * gamma)) for p in (60, 40)) + math.log(PRICE / delta)
    assert bound.terms["margin loss"] == pytest.approx(0.02, rel=1e-12)
    assert kl(0.02 + eta, bound.value - eta) == pytest.approx(nats / n, rel=1e-8)


def test_worked_value_with_the_grids_paid_for_by_delta() -> None:
    # gamma = 0.5, R_hat = 0.02, n = 60000, delta = 5e-4, the best resolution of all: 0.05790985 (mpmath). The nearest one of
    # the grid, 2^-10, costs less than 1e-4 of that.
    margins = [0.0] * 2 + [0.5] * 98
    value = formula(margins=margins, homogeneous=True, n=60_000, delta=5e-4 * PRICE, **TWO).value
    assert 0.05790985 * (1 - 1e-6) <= value <= 0.05790985 * (1 + 1e-4)


def test_scaling_the_network_changes_nothing() -> None:
    margins = np.array([-0.2, 0.4, 0.8, 1.0, 1.5])
    once = formula(margins=margins, homogeneous=True, n=50_000, delta=0.05, **TWO)
    again = formula(margins=64 * margins, homogeneous=True, n=50_000, delta=0.05, **{**TWO, "spectral": [16.0, 4.0]})
    assert again.value == pytest.approx(once.value, rel=1e-9)


def test_a_short_way_from_the_reference_is_cheap() -> None:
    """Distances 2^-20 in place of 1 save up to 20 ln 2 nats for each parameter; without a reference fewer grids are paid for."""
    margins = [1.0] * 100
    far, near = (
        formula(margins=margins, homogeneous=False, n=20_000, delta=0.05, **{**TWO, "distances": [b, b]}).value
        for b in (1.0, 2.0**-20)
    )
    assert near < far / 2
    assert formula(margins=margins, homogeneous=True, n=20_000, delta=0.05, **TWO).value < far


@pytest.mark.parametrize("seed", range(4))
def test_exchanging_layers_moves_the_outputs_by_what_is_charged(seed: int) -> None:
    """Networks with biases at distance eps_i in the layer's norm: outputs differ by at most sum eps_i rho_i prod s_j rho_j."""
    rng = np.random.default_rng(seed)
    sizes, chi = (4, 5, 3, 2), 1.7
    first = [(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in itertools.pairwise(sizes)]
    second = [(w + 0.1 * rng.normal(size=w.shape), c + 0.1 * rng.normal(size=c.shape)) for w, c in first]
    s = [max(np.linalg.norm(w, 2), np.linalg.norm(v, 2)) for (w, _), (v, _) in zip(first, second, strict=True)]
    t = [max(np.linalg.norm(b), np.linalg.norm(c)) for (_, b), (_, c) in zip(first, second, strict=True)]
    signal, charged = chi, 0.0
    for i, ((w, b), (v, c)) in enumerate(zip(first, second, strict=True)):
        charged += (np.linalg.norm(w - v, 2) * signal + np.linalg.norm(b - c)) * math.prod(s[i + 1 :])
        signal = s[i] * signal + t[i]

    def run(layers: list[tuple[np.ndarray, np.ndarray]], x: np.ndarray) -> np.ndarray:
        for i, (w, b) in enumerate(layers):
            x = x @ w.T + b
            x = np.maximum(x, 0.0) if i < len(layers) - 1 else x
        return x

    x = rng.normal(size=(500, 4))
    x *= chi / np.linalg.norm(x, axis=1, keepdims=True)
    moved = np.linalg.norm(run(first, x) - run(second, x), axis=1).max()
    assert 0.0 < moved <= charged


@pytest.mark.parametrize("ratio", [0.15, 0.4, 1.0])
def test_a_set_of_separated_matrices_is_no_larger_than_the_volume_allows(ratio: float) -> None:
    """Greedy packing of 2 x 1 matrices of operator norm at most 1 at distance more than eps: at most (1 + 2/eps)^2."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, size=(20_000, 2))
    points = points[np.linalg.norm(points, axis=1) <= 1]
    chosen = np.zeros((0, 2))
    for point in points:
        if not len(chosen) or np.linalg.norm(chosen - point, axis=1).min() > ratio:
            chosen = np.vstack([chosen, point])
    assert 1 < len(chosen) <= (1 + 2 / ratio) ** 2


def test_no_linear_predictor_of_a_plane_is_missed() -> None:
    """sign(w x) on the circle, noisy labels, five samples: the bound of every direction is above its risk."""
    rng = np.random.default_rng(2)
    n, noise = 4000, 0.1
    layer = {"radius": 1.0, "outside": 0, "spectral": [math.sqrt(2)], "distances": [math.sqrt(2)], "bias_norms": [0.0]}
    rest = {"bias_distances": [0.0], "positions": [0], "lipschitz": [1.0], "parameters": [4], "homogeneous": True}
    smallest = math.inf
    for _ in range(5):
        angle = rng.uniform(0, 2 * np.pi, size=n)
        y = np.where(np.cos(angle) > 0, 1.0, -1.0) * np.where(rng.uniform(size=n) < noise, -1.0, 1.0)
        for turn in (0.0, 0.05, 0.5, 2.0):
            risk = noise + (1 - 2 * noise) * turn / np.pi
            # Two logits w x and -w x: the margin is 2 y w x, the norm of the matrix sqrt(2).
            value = formula(margins=2 * y * np.cos(angle - turn), n=n, delta=0.05, **layer, **rest).value
            smallest = min(smallest, value - risk)
    assert 0.0 < smallest < 0.2


def test_rows_outside_of_the_ball_are_errors() -> None:
    margins = [1.0] * 100
    inside, outside = (
        formula(margins=margins, homogeneous=True, n=60_000, delta=0.05, **{**TWO, "outside": c}) for c in (0, 600)
    )
    assert inside.terms["margin loss"] <= 1e-322  # 0, rounded up once or twice
    assert outside.terms["margin loss"] == pytest.approx(0.01, rel=1e-12)


def test_where_nothing_is_said_the_margin_is_still_one_of_the_sample() -> None:
    bound = formula(margins=[0.5] * 100, homogeneous=True, n=50, delta=0.05, **TWO)
    assert bound.value >= 1.0
    assert bound.terms["margin loss"] <= 0.5
    assert float(bound.choices["margin"]) <= 1.0


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("problem", {"input_radius": None}, "known before the sample"),
        ("problem", {"input_radius": 0.0}, "radius"),
        ("structure", {"chain": (), "why_no_chain": "two branches"}, "two branches"),
        ("structure", {"lowered": False}, "margins are lowered"),
    ],
)
def test_what_it_can_not_speak_of(part: str, change: dict[str, object], why: str) -> None:
    evidence = example_evidence()
    altered = dataclasses.replace(evidence, **{part: dataclasses.replace(getattr(evidence, part), **change)})
    certificate = Long2020Counting()(altered, 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert certificate.why is not None
    assert why in certificate.why


def test_a_bound_of_1_is_not_shown_above_1() -> None:
    """A risk is at most 1: where nothing is said the terms sum to 1 and not to the next float."""
    assert formula(margins=[0.5] * 100, homogeneous=True, n=50, delta=0.05, **TWO).value == 1.0
