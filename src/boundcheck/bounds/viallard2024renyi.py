r"""The bound on one drawn network with a Rényi divergence of any order, the order chosen on a list.

P. Viallard, P. Germain, A. Habrard and E. Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds,
Machine Learning 113 (2024) 519-604: the general disintegrated bound with the Rényi divergence of order alpha > 1.

Statement: let alpha be one of A numbers above 1 that were fixed before the sample. With probability at least 1 - delta over the
sample and over one draw h from the posterior rho_S, for all alpha of the list,

.. math:: R(h) \le kl^{-1}\Big(\hat R(h), \tfrac1n\Big[D_\alpha(\rho_S\|\pi)
          + \frac{2\alpha - 1}{\alpha - 1} \ln\frac{2A}\delta + \ln\xi(n)\Big]\Big).

Proof, for one alpha at confidence delta: let :math:`\varphi = \exp(\frac{\alpha-1}{\alpha} n\, kl(\hat R(h)\|R(h)))`. With
probability 1 - delta/2 over h, :math:`\varphi \le \frac2\delta E_{\rho_S}\varphi`; by Hölder's inequality
:math:`E_\rho\varphi \le e^{\frac{\alpha-1}{\alpha} D_\alpha} (E_\pi \varphi^{\alpha/(\alpha-1)})^{(\alpha-1)/\alpha}`, and with
probability 1 - delta/2 over S, :math:`E_\pi e^{n\, kl} \le \frac2\delta\xi(n)`. Take logarithms and multiply by
:math:`\alpha/(\alpha-1)`. Then delta/A for each alpha.

For Gaussians N(w, s) and N(w_0, lambda) in one dimension, with :math:`v = \alpha\lambda + (1-\alpha)s > 0`,

.. math:: D_\alpha = \frac{\alpha (w - w_0)^2}{2 v} + \frac{\ln v - (1-\alpha)\ln s - \alpha\ln\lambda}{2(1-\alpha)}.

What differs from the paper: the list of orders, the constant xi(n), and the prior, a mixture over variances
(``lemmas/variance_mixture``): :math:`D_\alpha(\rho\|\pi) \le D_\alpha(\rho\|\text{component}) + \ln(1/p)` for every order.
D_alpha grows with alpha while the price of confidence falls, so which order is best depends on the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boundcheck.bounds.lemmas.drawn import RenyiTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import cheapest
from boundcheck.numerics.rounding import add_up, log_up, mul_up
from boundcheck.theorem import Bound, NotApplicable

ORDERS = (1.125, 1.25, 1.5, 2.0, 3.0)
"""The orders alpha among which the data may choose; every float here is exact."""

_SLACK = 2.0**-47


class Viallard2024Renyi(RenyiTheorem):
    """Disintegrated PAC-Bayes-kl with the Rényi divergence of the best of a few orders."""

    name = "viallard2024renyi"
    title = "disintegrated PAC-Bayes (Rényi, any order)"
    cite = (
        "Viallard, Germain, Habrard and Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds, "
        "Machine Learning 113 (2024)"
    )
    statement = (
        r"R(h) \le \min_{\alpha \in \mathcal A} kl^{-1}\Big(\hat R(h), \tfrac1n \big(D_\alpha(\rho_S\|\pi) + "
        r"\tfrac{2\alpha-1}{\alpha-1}\ln\tfrac{2|\mathcal A|}{\delta} + \ln\xi(n)\big)\Big)"
    )

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: Sequence[int],
        log_variance_sum: Sequence[float],
        max_variance: Sequence[float],
        squared_distance: Sequence[float],
        prior_variances: Sequence[float],
        errors: int,
        delta: float,
    ) -> Bound:
        """The bound on the drawn network's risk.

        Args:
            n: Sample size.
            dimension: Coordinates d of each block of the posterior N(w, diag s).
            log_variance_sum: Sum of ln s in each block.
            max_variance: Largest s in each block.
            squared_distance: |w - w_0|^2 in each block, w_0 the prior's mean.
            prior_variances: The grid of prior variances, fixed before the data.
            errors: Training errors of the drawn network, ties included.
            delta: Confidence in (0, 1), over sample and draw.

        Raises:
            NotApplicable: The divergence is infinite for every order and prior variance.
        """
        best = None
        for order in ORDERS:
            table = divergences(order, dimension, log_variance_sum, max_variance, squared_distance, prior_variances)
            choice = cheapest(table, prior_variances)
            price = price_of(order, len(ORDERS), delta)
            if best is None or choice.nats + price < best[1].nats + best[2]:
                best = (order, choice, price)
        if best is None or best[1].nats == math.inf:
            raise NotApplicable("the posterior's variance is too large for every prior variance of the grid")
        order, choice, price = best
        risk, confidence = ratio_up(errors, n), log_xi_over(n, price)
        terms = increments(
            training_error=risk,
            confidence=kl_bound(risk, confidence, n),
            divergence=kl_bound(risk, confidence + choice.nats, n),
        )
        return Bound(terms, {"order": order, **choice.describe("Rényi divergence")})


def price_of(order: float, orders: int, delta: float) -> float:
    """``(2 alpha - 1)/(alpha - 1) ln(2 A/delta)``, rounded up."""
    factor = (2.0 * order - 1.0) / (order - 1.0)
    return mul_up(math.nextafter(factor, math.inf), add_up(log_up(2.0), log_up(float(orders)), log_inverse_up(delta)))


def divergences(
    order: float,
    dimension: Sequence[int],
    log_variance_sum: Sequence[float],
    max_variance: Sequence[float],
    squared_distance: Sequence[float],
    prior_variances: Sequence[float],
) -> NDArray[np.float64]:
    r"""Rényi divergence of N(w, diag s) from N(w_0, lambda I), rounded up; infinite where it is.

    Of a coordinate, :math:`-\ln(s)/2 + \frac{\alpha}{2(\alpha-1)}\ln\lambda - \frac{1}{2(\alpha-1)}\ln v`
    beside the distance; v falls with s, so the largest s of a block stands for all in v. The value falls with v, which is moved
    down by more than it rounds; where v is less than a millionth of alpha lambda the divergence is given up as infinite.

    Args:
        order: alpha > 1.
        dimension: d of each of G blocks.
        log_variance_sum: Sum of ln s of each block, or less.
        max_variance: A number that no s of the block exceeds.
        squared_distance: |w - w_0|^2 of each block, or more.
        prior_variances: The J variances lambda, positive.

    Returns:
        Shape (G, J), nats.
    """
    d, logs, top, distance = (
        np.asarray(part, dtype=np.float64)[:, None] for part in (dimension, log_variance_sum, max_variance, squared_distance)
    )
    prior = np.asarray(prior_variances, dtype=np.float64)[None, :]
    v = order * prior - (order - 1.0) * top
    legal = v > 1e-6 * order * prior
    # Three roundings, each at most 2^-53 of a summand no larger than order * prior where v is positive.
    v = np.where(legal, v - 2.0**-51 * order * prior, 1.0)
    ratio = order / (order - 1.0)
    logged, inside, scaled = 0.5 * ratio * d * np.log(prior), 0.5 / (order - 1.0) * d * np.log(v), 0.5 * order * distance / v
    value = logged - 0.5 * logs - inside + scaled
    value += _SLACK * (np.abs(logged) + np.abs(logs) + np.abs(inside) + scaled)
    return np.where(legal, value, np.inf)
