"""A posterior whose standard deviations grow with how far each weight has moved from the prior's mean."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES, cheapest, kl_divergences
from boundcheck.evidence.magnitude import Magnitude
from boundcheck.evidence.selection import score
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.fusing import fused
from boundcheck.pac_bayes.gaussian import Gaussian, Weights
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.posterior import refuse_learned_buffers
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

_STREAM = 16  # streams of random numbers from here on are this module's
_DRAWS, _SEARCH_DRAWS = 2000, 48
_FLOORS = tuple(2.0**k for k in range(-3, 3))  # multiples of the typical distance from the prior's mean
_SLOPES = (0.0, 0.25, 0.5, 1.0)
_WITHOUT_DISTANCE = 2.0**-5
_UNIT = 2.0**-53


class MagnitudeNoise:
    """Draws weights with standard deviation sqrt(floor^2 + slope^2 (w - w_0)^2), rounded to the network's number format."""

    def __init__(self, gaussian: Gaussian) -> None:
        self.gaussian = gaussian
        self._kept: tuple[tuple[float, float], Weights] | None = None  # draw after draw asks for the same

    def deviations(self, scales: Mapping[str, float]) -> Weights:
        """Standard deviation of every weight, exactly the numbers that the draws use; ``scales`` has ``floor`` and ``slope``."""
        key, found = (scales["floor"], scales["slope"]), {}
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        for name, w in self.gaussian.mean.items():
            moved = w.double() - self.gaussian.centre[name].double()
            found[name] = (scales["floor"] ** 2 + (scales["slope"] * moved).square()).sqrt().to(w.dtype)
        self._kept = (key, found)
        return found

    def draw(self, scales: Mapping[str, float], generator: torch.Generator) -> Weights:
        """One draw of all parameters."""
        return {
            name: self.gaussian.mean[name] + sigma * torch.randn(sigma.shape, generator=generator, dtype=sigma.dtype)
            for name, sigma in self.deviations(scales).items()
        }

    def sums(self, scales: Mapping[str, float]) -> tuple[int, float, float, float]:
        """Coordinates, sum of variances (up), sum of their logarithms (down), squared distance (up).

        A sum of d numbers of one sign errs by at most d 2^-53 relative in any order, a logarithm by 4 ulp; logarithms of both
        signs are bounded through the sum of their absolute values.
        """
        deviations = [sigma.double().reshape(-1) for sigma in self.deviations(scales).values()]
        size = sum(sigma.numel() for sigma in deviations)
        slack = (size + 16) * _UNIT
        variance = math.fsum(float(sigma.square().sum()) for sigma in deviations) * (1.0 + slack)
        logs = [2.0 * sigma.log() for sigma in deviations]
        total, spread = (math.fsum(float(part.sum()) for part in parts) for parts in (logs, [part.abs() for part in logs]))
        return size, variance, total - 2.0 * slack * spread, math.fsum(self.gaussian.squared_distance.values()) * (1.0 + slack)


def divergence(sums: tuple[int, float, float, float]) -> float:
    """KL to the cheapest prior of the grid, its price included, in nats."""
    size, variance, logs, distance = sums
    return cheapest(kl_divergences([size], [variance], [logs], [distance], PRIOR_VARIANCES), PRIOR_VARIANCES).nats


def measure_magnitude(subject: Subject) -> Magnitude:
    """Choose floor and slope on draws that are thrown away, then estimate the risk on fresh ones.

    Args:
        subject: The network, its samples and the effort; its reference is the prior's mean.

    Raises:
        Unavailable: The effort is not ``full``, or there is no posterior of this network.
    """
    if subject.effort != "full":
        raise Unavailable("the magnitude-aware posterior is measured with --effort full only")
    network, prior = fused(subject.network), None if subject.reference is None else fused(subject.reference)
    refuse_learned_buffers(network, prior, ())
    noise = MagnitudeNoise(Gaussian.around(network, prior))
    sampler = ExplicitDraws(network, noise)
    scales = _search(noise, sampler, subject)
    wrong, _ = sampler.draw(scales, *subject.train, _DRAWS, generator(subject.seed, _STREAM, 1))
    test, test_error = subject.test, None
    if test is not None:
        test_error = subject.error(*sampler.draw(scales, *test, _DRAWS // 4, generator(subject.seed, _STREAM, 2)))
    size, variance, logs, distance = noise.sums(scales)
    return Magnitude(
        parameters=size,
        floor=scales["floor"],
        slope=scales["slope"],
        variance_sum=variance,
        log_variance_sum=logs,
        squared_distance=distance,
        prior_mean=subject.center,
        prior_variances=PRIOR_VARIANCES,
        draws=_DRAWS,
        mean_loss=ratio_up(int(wrong.sum()), _DRAWS * BATCH),
        candidates=1,
        test_error=test_error,
    )


def _search(noise: MagnitudeNoise, sampler: ExplicitDraws, subject: Subject) -> dict[str, float]:
    """The best of a grid of floors and slopes."""
    train, gaussian = subject.train, noise.gaussian
    n = len(train[1])
    typical = math.sqrt(sum(gaussian.squared_distance.values()) / sum(gaussian.sizes.values())) or _WITHOUT_DISTANCE
    confidence = log_xi_over(n, log_inverse_up(subject.delta))
    tried = [{"floor": floor * typical, "slope": slope} for floor in _FLOORS for slope in _SLOPES]

    def loss(scales: Mapping[str, float]) -> float:
        subject.progress("searching a magnitude-aware posterior", 0.5)
        wrong, _ = sampler.draw(scales, *train, _SEARCH_DRAWS, generator(subject.seed, _STREAM, 0))
        risk, nats = float(wrong.mean()), divergence(noise.sums(scales)) + confidence
        return score(kl_bound(risk, nats, n), risk, nats / n, subject.guess)

    return min(tried, key=loss)
