"""The quadratic bound: the worked value, and that it solves the inequality that it comes from."""

from __future__ import annotations

import mpmath
import pytest

from boundcheck.bounds.maurer2004sqrt import Maurer2004Sqrt
from boundcheck.bounds.perezortiz2021quadratic import Perezortiz2021Quadratic

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_value() -> None:
    assert Perezortiz2021Quadratic.formula(**WORKED).value == pytest.approx(0.0918614462, abs=1e-8)


def test_it_solves_the_relaxed_inequality() -> None:
    # (R - r)^2 / (2 R) = B / n at the bound R; r is the risk of draws that cost about 1e-9.
    value = mpmath.mpf(Perezortiz2021Quadratic.formula(**WORKED).value)
    nats = 200 + mpmath.log(2 * 100 / mpmath.mpf("0.05"))
    assert float((value - mpmath.mpf("0.03")) ** 2 / (2 * value)) == pytest.approx(float(nats / 10_000), rel=1e-6)


@pytest.mark.parametrize("mean_loss", [0.0, 0.002, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 30, 10_000])
def test_never_below_the_kl_form(mean_loss: float, n: int) -> None:
    symbols = {**WORKED, "draws": 5000, "mean_loss": mean_loss, "n": n}
    assert Maurer2004Sqrt.formula(**symbols).value <= Perezortiz2021Quadratic.formula(**symbols).value * (1 + 1e-9)
