"""The standard deviations of a posterior: divergence against risk, weighed by the certificate itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES, cheapest, kl_divergences
from boundcheck.evidence.selection import score
from boundcheck.pac_bayes.gaussian import Gaussian

Sigmas = dict[str, float]
_GRID = tuple(2.0**k for k in range(-6, 4))  # multiples of the typical distance from the prior's mean
_WITHOUT_DISTANCE = 2.0**-5  # a scale to start from where the network equals the prior's mean


def divergence(gaussian: Gaussian, sigmas: Mapping[str, float]) -> float:
    """KL to the cheapest component of the prior, its price included, in nats."""
    blocks = list(gaussian.blocks)
    sizes = [gaussian.sizes[b] for b in blocks]
    squares = [sigmas[b] ** 2 for b in blocks]
    table = kl_divergences(
        sizes,
        [d * s * (1.0 + 2.0**-50) for d, s in zip(sizes, squares, strict=True)],
        [d * math.log(s) for d, s in zip(sizes, squares, strict=True)],
        [gaussian.squared_distance[b] for b in blocks],
        PRIOR_VARIANCES,
    )
    return cheapest(table, PRIOR_VARIANCES).nats


def search(
    gaussian: Gaussian,
    risk: Callable[[Sigmas], float],
    *,
    n: int,
    delta: float,
    guess: float,
    evaluations: int,
    deadline: float = math.inf,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Sigmas:
    """Good standard deviations, found by trying: one scale for all on a grid, then block by block.

    Nothing is certified here: draws made for this search are thrown away.

    Args:
        gaussian: The posterior but for its standard deviations.
        risk: Monte Carlo estimate of the empirical Gibbs risk; with common random numbers differences show early.
        n: Sample size.
        delta: Confidence that the certificate will be asked for.
        guess: The error of guessing.
        evaluations: Most calls of ``risk``.
        deadline: Time (``time.monotonic``) at which to stop.
        progress: Told the fraction done.

    Returns:
        Standard deviation of each block.
    """
    confidence = log_xi_over(n, log_inverse_up(delta))
    done = 0

    def loss(sigmas: Sigmas) -> float:
        nonlocal done
        done += 1
        progress(min(done / evaluations, 1.0))
        found, nats = risk(sigmas), divergence(gaussian, sigmas) + confidence
        return score(kl_bound(found, nats, n), found, nats / n, guess)

    def spent() -> bool:
        return done >= evaluations or time.monotonic() >= deadline

    best, lowest = None, math.inf
    for sigmas in _starts(gaussian):
        if best is not None and spent():
            break
        value = loss(sigmas)
        if best is None or value < lowest:
            best, lowest = sigmas, value
    if best is None:
        raise ValueError("expected at least one block of parameters; got none")
    every = tuple(gaussian.blocks)
    groups = [every, *((block,) for block in every)] if len(every) > 1 else [every]
    for factor in (2.0, 2.0**0.5, 2.0**0.25):
        improved = True
        while improved and not spent():
            improved = False
            for moved in groups:
                for step in (factor, 1.0 / factor):
                    if spent():
                        break
                    trial = best | {block: best[block] * step for block in moved}
                    value = loss(trial)
                    if value < lowest:
                        best, lowest, improved = trial, value, True
                        break
    return best


def _starts(gaussian: Gaussian) -> Iterator[Sigmas]:
    """Multiples of the typical distance from the prior's mean: of all parameters, and of each block."""
    total = math.sqrt(sum(gaussian.squared_distance.values()) / sum(gaussian.sizes.values())) or _WITHOUT_DISTANCE
    own = {b: math.sqrt(gaussian.squared_distance[b] / d) or total for b, d in gaussian.sizes.items()}
    for multiple in _GRID:
        yield dict.fromkeys(gaussian.blocks, multiple * total)
        if len(own) > 1:
            yield {block: multiple * scale for block, scale in own.items()}
