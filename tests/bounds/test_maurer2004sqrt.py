"""PAC-Bayes-kl with 2 sqrt(n): the worked value, and its place beside xi(n)."""

from __future__ import annotations

import mpmath
import pytest

from boundcheck.bounds.lemmas.gibbs import MONTE_CARLO, SAMPLE, log_two_root_over, monte_carlo_risk
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_xi_over
from boundcheck.bounds.maurer2004kl import Maurer2004Kl
from boundcheck.bounds.maurer2004sqrt import Maurer2004Sqrt
from boundcheck.evidence.example import example_evidence

# The whole delta for the sample, and draws that cost nothing: the statement alone.
WORKED = {
    "n": 10_000,
    "divergence": 200.0,
    "draws": 10**18,
    "mean_loss": 0.03,
    "candidates": 1,
    "delta": 0.05 / SAMPLE,
}


def test_the_worked_value() -> None:
    assert Maurer2004Sqrt.formula(**WORKED).value == pytest.approx(0.0783984522, abs=1e-8)  # the draws cost under 1e-9


def test_xi_is_never_above_two_roots() -> None:
    for n in (*range(1, 60), 100, 1000, 20_000, 10**6, 10**12):
        assert log_xi_over(n, 0.0) <= log_two_root_over(n, 0.0) * (1 + 1e-13)  # equal at n = 1; both round up
        with mpmath.workdps(30):
            assert mpmath.mpf(log_two_root_over(n, 0.0)) >= mpmath.log(2 * mpmath.sqrt(n))


def test_the_sharper_constant_is_never_larger() -> None:
    evidence = example_evidence()
    for delta in (0.5, 0.05, 1e-6):
        sharp, paper = Maurer2004Kl()(evidence, delta), Maurer2004Sqrt()(evidence, delta)
        assert sharp.value < paper.value
        assert sharp.choices["KL"] == paper.choices["KL"]


def test_delta_is_split_between_sample_and_draws() -> None:
    symbols = {**WORKED, "draws": 1000, "candidates": 3, "delta": 0.05}
    risk = kl_bound(0.03, float(mpmath.log(3 / (MONTE_CARLO * mpmath.mpf("0.05")))), 1000)
    assert monte_carlo_risk(0.03, 1000, 3, 0.05) == pytest.approx(risk, rel=1e-12)
    whole = kl_bound(risk, 200.0 + log_two_root_over(10_000, float(mpmath.log(1 / (SAMPLE * mpmath.mpf("0.05"))))), 10_000)
    assert Maurer2004Sqrt.formula(**symbols).value == pytest.approx(whole, rel=1e-12)
    assert SAMPLE + MONTE_CARLO == 1.0


@pytest.mark.parametrize("wrong", [{"divergence": -1.0}, {"mean_loss": 1.5}, {"draws": 0}, {"candidates": 0}])
def test_symbols_out_of_their_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="divergence >= 0"):
        Maurer2004Sqrt.formula(**{**WORKED, **wrong})
