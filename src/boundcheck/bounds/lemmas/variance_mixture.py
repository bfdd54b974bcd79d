r"""A Gaussian prior whose variance is chosen after seeing the data, paid for inside the prior.

The prior is one probability, fixed before the data: with J variances on a grid and G blocks of parameters,

.. math:: \pi = \tfrac12 \cdot \tfrac1J \sum_j \bigotimes_g N(w_0^g, \lambda_j I)
              + \tfrac12 \cdot \bigotimes_g \Big(\tfrac1J \sum_j N(w_0^g, \lambda_j I)\Big).

It is at least p times each of its components, p = 1/(2J) for one variance in all blocks and 1/(2 J^G) for one in each.
Hence, whatever the component, for a posterior rho

* KL(rho | pi) <= KL(rho | component) + ln(1/p),
* D_2(rho | pi) = ln of the integral of rho^2/pi <= D_2(rho | component) + ln(1/p),
* ln(d rho/d pi)(h) <= ln(d rho/d component)(h) + ln(1/p) at every point h,

so the smallest right side may be taken, and the theorem is applied once, to pi. With one block the two halves agree and the
factor 1/2 is not paid. (G. K. Dziugaite and D. M. Roy, Computing nonvacuous generalization bounds for deep (stochastic)
neural networks with many more parameters than training data, UAI 2017, pay for one variance by a union bound.)

The numbers of a block are those of a Gaussian N(w, diag s): d coordinates, V >= sum s, L <= sum ln s, D >= |w - w_0|^2.
Every value is rounded up: the expressions are sums of a few products, each partial result at most the sum S of the absolute
values of the parts, so that their rounding errors (at most 2^-53 S each, 4 ulp for a logarithm) stay below 2^-48 S, which is
added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_SLACK = 2.0**-48
_STEPS_PER_OCTAVE = 32
_OCTAVES = 32

PRIOR_VARIANCES: tuple[float, ...] = tuple(2.0 ** (4.0 - j / _STEPS_PER_OCTAVE) for j in range(_STEPS_PER_OCTAVE * _OCTAVES))
"""The grid of prior variances, the same for every network: 1024 values from 16 down to 3.8e-9.

A step of 2^(1/32) lets the variance miss its best value by 1.1 %, which costs at most 3e-5 nats per parameter."""


@dataclass(frozen=True)
class Choice:
    """The cheapest component of the prior.

    Attributes:
        nats: Divergence to it plus the price of choosing it, rounded up.
        kind: ``one variance`` or ``one variance per block``.
        smallest: Smallest prior variance in it.
        largest: Largest prior variance in it.
    """

    nats: float
    kind: str
    smallest: float
    largest: float

    def describe(self, what: str) -> dict[str, float | int | str]:
        """For the reader: the component and its price, which is called ``what``."""
        if self.smallest == self.largest:
            return {what: self.nats, "prior": self.kind, "prior variance": self.smallest}
        ends = {"smallest prior variance": self.smallest, "largest prior variance": self.largest}
        return {what: self.nats, "prior": self.kind, **ends}


def kl_divergences(
    dimension: Sequence[int],
    variance_sum: Sequence[float],
    log_variance_sum: Sequence[float],
    squared_distance: Sequence[float],
    prior_variances: Sequence[float],
) -> NDArray[np.float64]:
    """KL(N(w, diag s) | N(w_0, lambda I)) = (sum s/lambda - d + |w - w_0|^2/lambda + d ln lambda - sum ln s) / 2, rounded up.

    Args:
        dimension: d of each of G blocks.
        variance_sum: V of each block.
        log_variance_sum: L of each block.
        squared_distance: D of each block.
        prior_variances: The J variances lambda, positive.

    Returns:
        Shape (G, J), nats.

    Raises:
        ValueError: A divergence is negative: the numbers are not those of a Gaussian.
    """
    d, total, logs, distance, prior = _columns(dimension, variance_sum, log_variance_sum, squared_distance, prior_variances)
    scaled, logged = (total + distance) / prior, d * np.log(prior)
    value = 0.5 * (scaled - d + logged - logs) + _SLACK * (scaled + d + np.abs(logged) + np.abs(logs))
    if (value < 0.0).any():
        raise ValueError("expected sums of a Gaussian's variances and of their logarithms; got a negative divergence")
    return value


def renyi_divergences(
    dimension: Sequence[int],
    log_variance_sum: Sequence[float],
    max_variance: Sequence[float],
    squared_distance: Sequence[float],
    prior_variances: Sequence[float],
) -> NDArray[np.float64]:
    """Rényi divergence of order 2 of N(w, diag s) from N(w_0, lambda I), rounded up; infinite where some s >= 2 lambda.

    In one dimension, completing the square in the integral of rho^2/pi gives
    D_2 = ln(lambda/s)/2 + ln(lambda/(2 lambda - s))/2 + (w - w_0)^2/(2 lambda - s).
    The two last summands grow with s, so the largest s of a block stands for all; for equal variances this is exact.

    Args:
        dimension: d of each of G blocks.
        log_variance_sum: L of each block.
        max_variance: A number that no s of the block exceeds.
        squared_distance: D of each block.
        prior_variances: The J variances lambda, positive.

    Returns:
        Shape (G, J), nats.
    """
    d, top, logs, distance, prior = _columns(dimension, max_variance, log_variance_sum, squared_distance, prior_variances)
    rest = 2.0 * prior - top
    legal = rest > 0.0
    rest = np.where(legal, rest, 1.0)
    logged, logged_rest, scaled = d * np.log(prior), 0.5 * d * np.log(rest), distance / rest
    value = logged - 0.5 * logs - logged_rest + scaled
    value += _SLACK * (2.0 * np.abs(logged) + np.abs(logs) + np.abs(logged_rest) + scaled)
    return np.where(legal, value, np.inf)


def log_ratios(
    dimension: Sequence[int],
    log_variance_sum: Sequence[float],
    drawn_squared_distance: Sequence[float],
    drawn_noise: Sequence[float],
    prior_variances: Sequence[float],
) -> NDArray[np.float64]:
    """Logarithm of the density of N(w, diag s) over that of N(w_0, lambda I) at a point h, rounded up.

    Equals (d ln lambda - sum ln s - sum (h - w)^2/s + |h - w_0|^2/lambda) / 2; it may be negative.

    Args:
        dimension: d of each of G blocks.
        log_variance_sum: L of each block.
        drawn_squared_distance: At least |h - w_0|^2, each block.
        drawn_noise: At most the sum of (h - w)^2/s, each block.
        prior_variances: The J variances lambda, positive.

    Returns:
        Shape (G, J), nats.
    """
    d, noise, logs, distance, prior = _columns(dimension, drawn_noise, log_variance_sum, drawn_squared_distance, prior_variances)
    scaled, logged = distance / prior, d * np.log(prior)
    return 0.5 * (logged - logs - noise + scaled) + _SLACK * (np.abs(logged) + np.abs(logs) + noise + scaled)


def cheapest(divergences: NDArray[np.float64], prior_variances: Sequence[float], configurations: int = 1) -> Choice:
    """The smallest divergence from a component of the mixture, the price of choosing it included.

    Args:
        divergences: Shape (G, J): of each block from its component of each variance; for product measures they add up.
        prior_variances: The J variances.
        configurations: Ways to train, each with a prior of its own, among which results chose: the prior is the even mixture of
            theirs, which costs the logarithm of their number, as any other choice inside the prior.

    Raises:
        ValueError: There is no configuration.
    """
    if configurations < 1:
        raise ValueError(f"expected at least one configuration; got {configurations}")
    blocks, size = divergences.shape
    tried = math.log(configurations) * (1.0 + _SLACK)
    price = math.log(size) * (1.0 + _SLACK)
    both = math.log(2.0) * (1.0 + _SLACK) if blocks > 1 else 0.0
    # Sequential addition of G numbers errs by at most G 2^-53 times the sum of their absolute values.
    slack = 2.0**-52 * (blocks + 2)
    with np.errstate(invalid="ignore"):  # infinite divergences stay infinite
        common = divergences.sum(axis=0)
        common = np.where(np.isinf(common), np.inf, common + slack * np.abs(divergences).sum(axis=0))
    index = int(np.argmin(common))
    one = Choice(_add_up(float(common[index]), price, both), "one variance", prior_variances[index], prior_variances[index])
    one = replace(one, nats=_add_up(one.nats, tried)) if configurations > 1 else one
    if blocks == 1:
        return one
    indices = np.argmin(divergences, axis=1)
    least = [float(row[j]) for row, j in zip(divergences, indices, strict=True)]
    chosen = [prior_variances[j] for j in indices]
    each = Choice(_add_up(*least, *[price] * blocks, both, tried), "one variance per block", min(chosen), max(chosen))
    return min(one, each, key=lambda choice: choice.nats)


def _add_up(*values: float) -> float:
    """The sum, rounded up."""
    return math.nextafter(math.fsum(values), math.inf)


def _columns(
    dimension: Sequence[int],
    first: Sequence[float],
    second: Sequence[float],
    third: Sequence[float],
    prior_variances: Sequence[float],
) -> tuple[NDArray[np.float64], ...]:
    """Numbers of G blocks as columns, beside the J prior variances as a row."""
    columns = [np.asarray(part, dtype=np.float64)[:, None] for part in (dimension, first, second, third)]
    prior = np.asarray(prior_variances, dtype=np.float64)[None, :]
    if prior.size == 0 or not (prior > 0.0).all() or len({column.size for column in columns}) != 1 or columns[0].size == 0:
        raise ValueError("expected at least one block, as many numbers of each kind, and positive prior variances")
    return (*columns, prior)
