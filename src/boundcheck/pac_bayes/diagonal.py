r"""Posteriors with a scale of its own for every weight: a Gaussian or Laplace law around a mean, and the sums that theorems read.

A Gaussian posterior is N(w, diag s), its prior N(w_0, lambda I) on each block. A Laplace posterior has the density
:math:`\prod_i e^{-|h_i - w_i|/b_i}/(2 b_i)`, its prior the same with mean w_0 and one scale beta on each block, and

.. math:: KL = \sum_i \Big[\ln\frac{\beta}{b_i} - 1 + \frac{|w_i - w_{0,i}| + b_i e^{-|w_i - w_{0,i}|/b_i}}{\beta}\Big],

.. math:: \ln\frac{d\rho}{d\pi}(h)
          = \sum_i \Big[\ln\frac{\beta}{b_i} - \frac{|h_i - w_i|}{b_i} + \frac{|h_i - w_{0,i}|}{\beta}\Big].

(The absolute mean of a Laplace variable around another point: :math:`E|h - c| = |w - c| + b e^{-|w - c|/b}`.) Both are the
expressions of a Gaussian in ``lemmas/variance_mixture`` with lambda = beta, twice as many coordinates, and twice the sums:
:math:`V + D = 2\sum_i(|w_i - w_{0,i}| + b_i e^{-|w_i - w_{0,i}|/b_i})`, :math:`L = 2\sum_i \ln b_i`,
:math:`2\sum_i|h_i - w_i|/b_i` and :math:`2\sum_i |h_i - w_{0,i}|`. The record of a Laplace posterior holds these, so that one
formula serves both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from boundcheck.evidence.posterior import PosteriorGroup
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.pac_bayes.basis import coordinates, deviation

LAWS = ("gaussian", "laplace")
"""Laws of the noise around the posterior's mean."""

_UNIT = 2.0**-53
Weights = dict[str, torch.Tensor]
State = Mapping[str, torch.Tensor]


def noise(law: str, like: torch.Tensor, generator: torch.Generator | None = None, rows: int | None = None) -> torch.Tensor:
    """Independent numbers of scale one, in the shape and number format of a tensor.

    Args:
        law: One of :data:`LAWS`.
        like: Gives shape and number format.
        generator: Source of randomness.
        rows: Draw this many such tensors, stacked.
    """
    shape = like.shape if rows is None else (rows, *like.shape)
    out = torch.empty(shape, dtype=like.dtype)
    if law == "gaussian":
        return out.normal_(generator=generator)
    # The difference of two exponential variables has the Laplace law.
    return out.exponential_(generator=generator).sub_(torch.empty_like(out).exponential_(generator=generator))


@dataclass(frozen=True, eq=False)
class Diagonal:
    """A law with independent coordinates around the weights of a network.

    Attributes:
        law: One of :data:`LAWS`.
        mean: By name of the parameter, in the number format of the network.
        scales: Standard deviations, or the b of a Laplace law, in the same format, positive.
        centre: The prior's mean.
        bases: For weights of dense layers under Gaussian noise, by name: an orthogonal matrix over the layer's inputs, in whose
            columns the noise of each row is independent (``basis``); the scales are then those along the columns.
    """

    law: str
    mean: Weights
    scales: Weights
    centre: Weights
    bases: Weights = field(default_factory=dict)

    @property
    def blocks(self) -> dict[str, tuple[str, ...]]:
        """Names of the parameters of each block; a block is what one module owns."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.mean:
            owner = name.rpartition(".")[0] or "network"
            found[owner] = (*found.get(owner, ()), name)
        return found

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        return sum(w.numel() for w in self.mean.values())

    def draw(self, generator: torch.Generator, dtype: torch.dtype | None = None) -> Weights:
        """One draw of all parameters.

        Args:
            generator: Source of randomness.
            dtype: Number format of the draw; by default that of each parameter.
        """
        drawn = {}
        for name, w in self.mean.items():
            kind = dtype or w.dtype
            moved = self.scales[name].to(kind) * noise(self.law, w.to(kind), generator)
            drawn[name] = w.to(kind) + (moved @ self.bases[name].to(kind).T if name in self.bases else moved)
        return drawn

    def summaries(self, drawn: Weights) -> dict[str, PosteriorGroup]:
        """The sums that the theorems read, each rounded to its safe side.

        A sum of d numbers of one sign errs by at most d 2^-53 relative in any order, each number by at most 16 units; logarithms,
        which have both signs, are bounded through the sum of their absolute values.

        Args:
            drawn: One draw, float64.

        Raises:
            Unavailable: A scale is not a positive finite number.
        """
        made = _gaussian_sums if self.law == "gaussian" else _laplace_sums
        found = {block: made(*self._columns(names, drawn)) for block, names in self.blocks.items()}
        return {block: self._in_bases(self.blocks[block], group) for block, group in found.items()}

    def _columns(self, names: tuple[str, ...], drawn: Weights) -> tuple[torch.Tensor, ...]:
        parts = [torch.cat([source[n].double().reshape(-1) for n in names]) for source in (self.mean, self.centre, self.scales)]
        scales = parts[2]
        if not bool(((scales > 0.0) & torch.isfinite(scales)).all()):
            raise Unavailable(f"no posterior: a scale of {', '.join(names)} is not a positive finite number")
        drew = torch.cat([drawn[n].double().reshape(-1) for n in names])
        return (*parts, drew, torch.cat([self._noise(n, drawn).reshape(-1) for n in names]))

    def _noise(self, name: str, drawn: Weights) -> torch.Tensor:
        """Noise of one draw along the axes of the scales; in a basis no larger, over the scales, than it really is."""
        moved = drawn[name].double() - self.mean[name].double()
        if name not in self.bases:
            return moved
        scales = self.scales[name].double()
        found, off = coordinates(moved, self.bases[name])
        relative = (off / scales.amin(dim=1)) / (found / scales).square().sum(dim=1).sqrt().clamp(min=1e-300)
        return found * (1.0 - relative).clamp(min=0.0)[:, None]

    def _in_bases(self, names: tuple[str, ...], group: PosteriorGroup) -> PosteriorGroup:
        """The sums of a block moved to their safe side by as much as its bases are off from orthogonal ones."""
        for name in names:
            if name not in self.bases:
                continue
            off = deviation(self.bases[name])
            roundoff = 1.0 + 8.0 * _UNIT
            lost = self.mean[name].numel() * math.log1p(-off) * roundoff
            group = replace(
                group,
                variance_sum=group.variance_sum * (1.0 + off) * roundoff,
                log_variance_sum=group.log_variance_sum + lost - abs(group.log_variance_sum) * 4.0 * _UNIT,
                min_variance=group.min_variance * (1.0 - off) / roundoff,
                max_variance=group.max_variance * (1.0 + off) * roundoff,
            )
        return group


def _gaussian_sums(
    mean: torch.Tensor, centre: torch.Tensor, scales: torch.Tensor, drawn: torch.Tensor, moved: torch.Tensor
) -> PosteriorGroup:
    square = scales.square()
    return PosteriorGroup(
        parameters=mean.numel(),
        variance_sum=_up(square),
        log_variance_sum=_signed_down(2.0 * scales.log()),
        squared_distance=_up((mean - centre).square()),
        min_variance=float(square.min()) * (1.0 - 4.0 * _UNIT),
        max_variance=float(square.max()) * (1.0 + 4.0 * _UNIT),
        drawn_squared_distance=_up((drawn - centre).square()),
        drawn_noise=_down((moved / scales).square()),
    )


def _laplace_sums(
    mean: torch.Tensor, centre: torch.Tensor, scales: torch.Tensor, drawn: torch.Tensor, noise: torch.Tensor
) -> PosteriorGroup:
    """Twice the sums of a Laplace law: see the head of the module."""
    moved = (mean - centre).abs()
    return PosteriorGroup(
        parameters=2 * mean.numel(),
        variance_sum=2.0 * _up(moved + scales * (-moved / scales).exp()),
        log_variance_sum=2.0 * _signed_down(scales.log()),
        squared_distance=0.0,
        min_variance=float(scales.min()),
        max_variance=float(scales.max()),
        drawn_squared_distance=2.0 * _up((drawn - centre).abs()),
        drawn_noise=2.0 * _down((noise / scales).abs()),
    )


def divergence_between(posterior: Diagonal, prior: Diagonal) -> float:
    """KL of one law from another of the same kind with other means and scales, in nats, rounded up.

    A coordinate of Gaussians has (s^2/t^2 - 1 + (w - v)^2/t^2)/2 + ln(t/s), one of Laplace laws the expression at the head of the
    module with beta = t. Each coordinate errs by a few units of the sum of the absolute values of its parts.

    Raises:
        ValueError: The laws or the names differ.
    """
    if posterior.law != prior.law or list(posterior.mean) != list(prior.mean):
        raise ValueError(f"expected two {prior.law} laws of the same parameters; got a {posterior.law} law")
    parts = []
    for name, w in posterior.mean.items():
        s, t = posterior.scales[name].double(), prior.scales[name].double()
        far, logs = (w.double() - prior.mean[name].double()).abs(), t.log() - s.log()
        if posterior.law == "gaussian":
            size = 0.5 * ((s / t).square() + (far / t).square())
            value = size - 0.5 + logs
        else:
            size = (far + s * (-far / s).exp()) / t
            value = size - 1.0 + logs
        rounding = 32.0 * _UNIT * (size + 1.0 + t.log().abs() + s.log().abs())
        parts.append((value + rounding).reshape(-1))
    found = torch.cat(parts)
    return max(math.nextafter(float(found.sum()) + _slack(found.numel()) * float(found.abs().sum()), math.inf), 0.0)


def _slack(size: int) -> float:
    return (size + 32) * _UNIT


def _up(values: torch.Tensor) -> float:
    return float(values.sum()) * (1.0 + _slack(values.numel()))


def _down(values: torch.Tensor) -> float:
    return float(values.sum()) * (1.0 - _slack(values.numel()))


def _signed_down(values: torch.Tensor) -> float:
    return math.nextafter(float(values.sum()) - 2.0 * _slack(values.numel()) * float(values.abs().sum()), -math.inf)


def centre_of(kind: str, fixed: Mapping[str, torch.Tensor], names: tuple[str, ...]) -> Weights:
    """The prior's mean.

    Args:
        kind: ``zero``, or where the mean is that of ``fixed``.
        fixed: Weights that the examples counted did not choose.
        names: Parameters that are drawn.
    """
    return {name: torch.zeros_like(fixed[name]) if kind == "zero" else fixed[name] for name in names}
