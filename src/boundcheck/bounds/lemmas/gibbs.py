r"""What the bounds on a Gibbs predictor share: the posterior's divergence, its Monte Carlo risk, and how delta is split.

The empirical risk of a posterior rho is an integral; m independent draws in [0, 1] with mean :math:`\hat R_{mc}` bound it by
:math:`kl^{-1}(\hat R_{mc}, \ln(K/\delta')/m)` with probability at least 1 - delta', given the sample and rho, where K posteriors
were compared on these draws (J. Langford and R. Caruana, (Not) Bounding the True Error, NIPS 2001, with the sharper one-sided
tail). delta' is a fifth of delta; the theorem itself holds at the other four fifths. Every bound here grows with the empirical
risk, so it may be evaluated at this upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs_hypotheses import DRAWS_INDEPENDENT, posterior_hypotheses
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up
from boundcheck.bounds.lemmas.variance_mixture import Choice, cheapest, kl_divergences
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, log_up, mul_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

SAMPLE, MONTE_CARLO = 0.8, 0.2
"""Shares of delta: for the theorem on the sample, and for the draws."""

Level = Callable[[float, float], float]
"""From the empirical risk and nats of divergence to the bound; it grows with both."""


class GibbsTheorem(Theorem):
    """A bound on the Gibbs predictor that reads its posterior through one number, KL(rho | pi)."""

    family = "pac-bayes"
    about = "gibbs"
    reads = ("posterior", "problem")
    shares: ClassVar[Mapping[str, float]] = {"sample": SAMPLE, "Monte Carlo": MONTE_CARLO}
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "divergence": 1, "draws": -1, "mean_loss": 1, "candidates": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior needs, and what the Monte Carlo estimate needs."""
        return (*posterior_hypotheses(evidence), DRAWS_INDEPENDENT)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The divergence from the cheapest component of the prior, and the Monte Carlo average."""
        return gibbs_symbols(evidence)


def posterior_of(evidence: Evidence) -> Posterior:
    """The posterior of an evidence record.

    Raises:
        NotApplicable: There is none.
    """
    if evidence.posterior is None:
        raise NotApplicable("no posterior was measured")
    return evidence.posterior


def divergence_of(posterior: Posterior) -> Choice:
    """KL of a posterior from the mixture over prior variances, rounded up.

    Raises:
        NotApplicable: It is not finite.
    """
    groups = list(posterior.groups.values())
    table = kl_divergences(
        [g.parameters for g in groups],
        [g.variance_sum for g in groups],
        [g.log_variance_sum for g in groups],
        [g.squared_distance for g in groups],
        posterior.prior_variances,
    )
    choice = cheapest(table, posterior.prior_variances, posterior.configurations)
    if not math.isfinite(choice.nats):
        raise NotApplicable("the divergence of the posterior from the prior is too large for a float")
    return choice


def gibbs_symbols(evidence: Evidence) -> dict[str, Any]:
    """Symbols of a bound on the Gibbs predictor, all but delta."""
    posterior = posterior_of(evidence)
    return {
        "n": posterior.counted(evidence.problem.n),
        "divergence": divergence_of(posterior).nats,
        "draws": posterior.draws,
        "mean_loss": posterior.mean_loss,
        "candidates": posterior.candidates,
    }


def monte_carlo_risk(mean_loss: float, draws: int, candidates: int, delta: float) -> float:
    """Upper confidence bound on the empirical risk of the posterior at the Monte Carlo share of delta.

    Args:
        mean_loss: Mean of the draws, in [0, 1].
        draws: Number m >= 1 of them.
        candidates: Number K >= 1 of posteriors compared on them.
        delta: Confidence of the whole bound.
    """
    return kl_bound(mean_loss, log_inverse_up(delta, MONTE_CARLO / candidates), draws)


def gibbs_bound(
    level: Level,
    *,
    divergence: float,
    draws: int,
    mean_loss: float,
    candidates: int,
    delta: float,
    choices: Mapping[str, float | int | str] | None = None,
) -> Bound:
    """The additive terms of a bound: risk of the draws, its confidence, the confidence of the theorem, the divergence.

    Args:
        level: The theorem at its share of delta.
        divergence: KL(rho | pi), nats.
        draws: Number of Monte Carlo numbers.
        mean_loss: Their mean.
        candidates: Posteriors compared on them.
        delta: Confidence of the whole bound.
        choices: What else was chosen, for the reader.

    Raises:
        ValueError: A symbol is out of its range.
    """
    if not (divergence >= 0.0 and 0.0 <= mean_loss <= 1.0 and draws >= 1 and candidates >= 1):
        raise ValueError("expected a divergence >= 0, a mean loss in [0, 1], at least one draw and one candidate")
    risk = monte_carlo_risk(mean_loss, draws, candidates, delta)
    terms = increments(
        Monte_Carlo_risk=mean_loss,
        Monte_Carlo_confidence=risk,
        confidence=level(risk, 0.0),
        divergence=level(risk, divergence),
    )
    return Bound(terms, {"KL": divergence, **(choices or {})})


def log_two_root_over(n: int, log_inverse_delta: float) -> float:
    """``ln(2 sqrt(n) / delta)``, rounded up; never below ``ln(xi(n) / delta)``."""
    return add_up(log_up(2.0), mul_up(0.5, log_up(float(n))), log_inverse_delta)


def geometric_grid(first: float, last: float, size: int) -> tuple[float, ...]:
    """``size`` numbers from ``first`` to ``last``, each the same multiple of the one before, up to rounding."""
    step = math.log(last / first) / (size - 1)
    return tuple(first * math.exp(step * i) for i in range(size))
