r"""Recursive PAC-Bayes: a prior that is learned step by step, while every example still counts.

Y.-S. Wu, Y. Zhang, B.-E. Chérief-Abdellatif and Y. Seldin, Recursive PAC-Bayes: a frequentist approach to sequential prior
updates with no information loss, NeurIPS 2024.

Statement: let the sample be cut into S_1, ..., S_T without looking at it, n_t the number of examples in S_t, ..., S_T, and
:math:`\gamma_2, \dots, \gamma_T \in (0, 1)` be fixed before. Let :math:`\pi_0` be fixed before the data, and :math:`\pi_t`, for
t < T, depend on :math:`S_1, \dots, S_t` alone. Write :math:`\hat F_{t,1}, \hat F_{t,2}, \hat F_{t,3}` for the shares, over the
examples of S_t, ..., S_T and over independent :math:`h \sim \pi_t`, :math:`h' \sim \pi_{t-1}`, of the events "h errs or h' is
right", "h errs", "h errs and h' is right". With probability at least 1 - delta, :math:`E_{\pi_t} R(h) \le B_t` for all t, where

.. math:: B_1 = kl^{-1}\Big(\hat R_1(\pi_1), \frac{KL(\pi_1\|\pi_0) + \ln(T \xi(n_1)/\delta)}{n_1}\Big),

.. math:: B_t = \gamma_t B_{t-1} - \gamma_t + \gamma_t u_{t,1} + (1 - \gamma_t) u_{t,2} + \gamma_t u_{t,3}, \qquad
          u_{t,j} = kl^{-1}\Big(\hat F_{t,j}, \frac{KL(\pi_t\|\pi_{t-1}) + \ln(3 T \xi(n_t)/\delta)}{n_t}\Big).

Proof. The excess loss :math:`Z = \ell(h) - \gamma\,\ell(h')` of a pair takes the values :math:`-\gamma < 0 < 1 - \gamma < 1`, so
:math:`Z = -\gamma + \gamma\,1[Z \ge 0] + (1 - \gamma)\,1[Z \ge 1 - \gamma] + \gamma\,1[Z \ge 1]`, and the three events are those
above. Each indicator is a loss in {0, 1} of the pair. Given :math:`S_1, \dots, S_{t-1}`, the law
:math:`\pi_{t-1} \otimes \pi_{t-1}` of a pair is fixed and the other examples are independent of it, so ``maurer2004kl`` at
confidence :math:`\delta/(3T)` bounds the mean of each indicator under :math:`\pi_t \otimes \pi_{t-1}`, whose divergence from that
prior is :math:`KL(\pi_t\|\pi_{t-1})`. The weights of the indicators are not negative, so their bounds add up to one of E Z, and
:math:`E_{\pi_t} R = E Z + \gamma_t E_{\pi_{t-1}} R \le E Z + \gamma_t B_{t-1}`. The 3(T-1) + 1 events have at most delta.

What differs from the paper: xi(n) where it has 2 sqrt(n); the Monte Carlo step of ``lemmas/gibbs``, whose share of delta is
divided evenly among the 3T - 2 averages: pairs :math:`(h, h')` are drawn afresh for every example, so that each average is one of
independent indicators; :math:`\pi_0` is a mixture over variances (``lemmas/variance_mixture``); K ways to train among which
results chose share delta. Where B falls below zero, an event of probability delta has happened; the positive part is taken so
that it is still a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs import MONTE_CARLO, SAMPLE
from boundcheck.bounds.lemmas.gibbs_hypotheses import DRAWS_INDEPENDENT, IID
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, mul_up, sub_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Wu2024Recursive(Theorem):
    """Recursive PAC-Bayes: the excess loss over the prior's predictions pays the next divergence, all examples count."""

    name = "wu2024recursive"
    title = "recursive PAC-Bayes"
    family = "pac-bayes"
    cite = (
        "Wu, Zhang, Chérief-Abdellatif and Seldin, Recursive PAC-Bayes: a frequentist approach to sequential prior updates with "
        "no information loss, NeurIPS 2024"
    )
    about = "gibbs"
    measured_as = "recursive"
    statement = (
        r"R(\pi_T) \le B_T, \quad B_t = \gamma_t B_{t-1} - \gamma_t + \gamma_t u_{t,1} + (1-\gamma_t) u_{t,2} + "
        r"\gamma_t u_{t,3}, \quad "
        r"u_{t,j} = kl^{-1}\Big(\hat F_{t,j}, \tfrac{1}{n_t}\big(KL(\pi_t\|\pi_{t-1}) + \ln(3TK\xi(n_t)/\delta)\big)\Big)"
    )
    reads = ("recursive",)
    shares: ClassVar[Mapping[str, float]] = {"sample": SAMPLE, "Monte Carlo": MONTE_CARLO}
    moves: ClassVar[Mapping[str, int]] = {
        "n": -1,
        "divergences": 1,
        "draws": -1,
        "risks": 1,
        "not_better": 1,
        "worse": 1,
        "configurations": 1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """A sample cut beforehand, and priors that have not seen what they are judged on."""
        found = evidence.recursive
        overlap = found.overlap if found else 0
        says = "each step's prior depends on no example that the step counts"
        return (
            IID,
            Hypothesis.assume(
                "the architecture, the first prior, the order of the examples and every gamma were fixed before the data"
            ),
            Hypothesis.check(says, False, f"{overlap} examples are counted by a step whose prior has seen them")
            if overlap
            else Hypothesis.assume(says, "the rows that each step names as its prior's are others"),
            DRAWS_INDEPENDENT,
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """What was counted in each step."""
        found = evidence.recursive
        if found is None:
            raise NotApplicable("no chain of posteriors was trained")
        steps = found.steps
        return {
            "n": [s.n for s in steps],
            "divergences": [s.divergence for s in steps],
            "gammas": [s.gamma for s in steps[1:]],
            "draws": [s.draws for s in steps],
            "risks": [s.risk for s in steps],
            "not_better": [s.not_better for s in steps[1:]],
            "worse": [s.worse for s in steps[1:]],
            "configurations": found.configurations,
        }

    @staticmethod
    def formula(
        *,
        n: Sequence[int],
        divergences: Sequence[float],
        gammas: Sequence[float],
        draws: Sequence[int],
        risks: Sequence[float],
        not_better: Sequence[float],
        worse: Sequence[float],
        configurations: int,
        delta: float,
    ) -> Bound:
        """The bound on the Gibbs risk of the last posterior.

        Args:
            n: Examples that each of the T steps counts.
            divergences: KL of each posterior from the one before it, the first from the first prior; nats.
            gammas: In (0, 1), of every step but the first.
            draws: Independent Monte Carlo draws of each step.
            risks: Share of draws of each step in which h errs.
            not_better: Share in which h errs or h' is right, from the second step on.
            worse: Share in which h errs and h' is right, from the second step on.
            configurations: Number K >= 1 of ways to train among which results chose.
            delta: Confidence in (0, 1), over sample and draws.

        Raises:
            ValueError: A symbol is out of its range.
        """
        steps = len(n)
        shares = [*risks, *not_better, *worse]
        fits = steps >= 1 and {len(divergences), len(draws), len(risks)} == {steps}
        fits = fits and {len(gammas), len(not_better), len(worse)} == {steps - 1}
        if not (fits and all(0.0 < g < 1.0 for g in gammas) and all(0.0 <= s <= 1.0 for s in shares) and min(divergences) >= 0.0):
            raise ValueError("expected one number of each kind a step, shares in [0, 1], gammas in (0, 1), divergences >= 0")
        averages = 3 * steps - 2
        drawn = log_inverse_up(delta, MONTE_CARLO / (averages * configurations))
        sample = log_inverse_up(delta, SAMPLE / (steps * configurations))
        thirds = log_inverse_up(delta, SAMPLE / (3 * steps * configurations))

        def inverted(share: float, step: int, confidence: float | None, kinds: tuple[bool, bool]) -> float:
            with_draws, with_divergence = kinds
            risk = kl_bound(share, drawn, draws[step]) if with_draws else share
            if confidence is None:
                return risk
            nats = add_up(log_xi_over(n[step], confidence), divergences[step] if with_divergence else 0.0)
            return kl_bound(risk, nats, n[step])

        def level(with_draws: bool, with_sample: bool, with_divergence: bool) -> float:
            kinds = (with_draws, with_divergence)
            value = inverted(risks[0], 0, sample if with_sample else None, kinds)
            for t in range(1, steps):
                g, confidence = gammas[t - 1], thirds if with_sample else None
                u = [inverted(share, t, confidence, kinds) for share in (not_better[t - 1], risks[t], worse[t - 1])]
                parts = (mul_up(g, value), mul_up(g, u[0]), mul_up(sub_up(1.0, g), u[1]), mul_up(g, u[2]))
                value = add_up(add_up(*parts), -g)
            return max(value, 0.0)

        terms = increments(
            Monte_Carlo_risk=level(False, False, False),
            Monte_Carlo_confidence=level(True, False, False),
            confidence=level(True, True, False),
            divergence=level(True, True, True),
        )
        return Bound(terms, {"steps": steps, "KL of the last step": divergences[-1]})
