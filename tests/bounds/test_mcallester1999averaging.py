"""McAllester's square root: the worked value, and that Pinsker's inequality only loses."""

from __future__ import annotations

import pytest

from boundcheck.bounds.maurer2004sqrt import Maurer2004Sqrt
from boundcheck.bounds.mcallester1999averaging import McAllester1999Averaging

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_value() -> None:
    assert McAllester1999Averaging.formula(**WORKED).value == pytest.approx(0.1320524497, abs=1e-8)


@pytest.mark.parametrize("mean_loss", [0.0, 0.001, 0.03, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("divergence", [0.0, 3.0, 300.0, 1e5])
def test_never_below_the_kl_form(mean_loss: float, divergence: float) -> None:
    symbols = {**WORKED, "draws": 1000, "mean_loss": mean_loss, "divergence": divergence}
    kl, root = Maurer2004Sqrt.formula(**symbols).value, McAllester1999Averaging.formula(**symbols).value
    assert kl <= root * (1.0 + 1e-9)  # both are rounded up by less


def test_an_error_of_a_half_is_where_pinsker_is_sharp() -> None:
    symbols = {**WORKED, "n": 10**8, "mean_loss": 0.5, "divergence": 10.0}
    kl, root = Maurer2004Sqrt.formula(**symbols).value, McAllester1999Averaging.formula(**symbols).value
    assert root - kl < 1e-6 < root - 0.5
