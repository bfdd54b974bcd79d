"""A Gaussian around the weights of a network: one standard deviation per block, and the sums that the theorems read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from boundcheck.evidence.posterior import PosteriorGroup
from boundcheck.evidence.unavailable import Unavailable

_UNIT = 2.0**-53
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(w, sigma_g^2 I) over the parameters of a network, sigma_g one number per block; a block is what one module owns.

    Attributes:
        mean: w by name of the parameter, in the number format of the network.
        centre: The prior's mean w_0 by name.
        blocks: Names of the parameters of each block.
        squared_distance: |w - w_0|^2 of each block, rounded up.
        sizes: Number of coordinates of each block.
    """

    mean: Weights
    centre: Weights
    blocks: Mapping[str, tuple[str, ...]]
    squared_distance: Mapping[str, float]
    sizes: Mapping[str, int]

    @classmethod
    def around(cls, module: nn.Module, reference: nn.Module | None) -> Gaussian:
        """The Gaussian whose mean are the parameters of a module.

        Args:
            module: The network; all its parameters, trained or not, become random.
            reference: A network with the same parameters, the prior's mean; zero without one.

        Raises:
            Unavailable: A weight is not finite, there are none, or the reference has others.
        """
        mean = {name: p.detach() for name, p in module.named_parameters()}
        centre = {name: torch.zeros_like(w) for name, w in mean.items()}
        if reference is not None:
            centre = {name: p.detach() for name, p in reference.named_parameters()}
        if {n: w.shape for n, w in mean.items()} != {n: w.shape for n, w in centre.items()}:
            raise Unavailable("the reference network has parameters of other names or shapes")
        if not mean:
            raise Unavailable("the network has no parameters")
        for name, w in mean.items():
            if not w.is_floating_point() or not bool(torch.isfinite(w).all() & torch.isfinite(centre[name]).all()):
                raise Unavailable(f"the parameter {name} holds something that is not a finite real number")
        blocks: dict[str, tuple[str, ...]] = {}
        for name in mean:
            owner = name.rpartition(".")[0] or "network"
            blocks[owner] = (*blocks.get(owner, ()), name)
        distance = {b: _square_up([mean[n].double() - centre[n].double() for n in names]) for b, names in blocks.items()}
        sizes = {b: sum(mean[n].numel() for n in names) for b, names in blocks.items()}
        return cls(mean, centre, blocks, distance, sizes)

    def as_applied(self, sigmas: Mapping[str, float]) -> dict[str, float]:
        """The standard deviations that draws really have: a product with a tensor rounds its factor to the tensor's format.

        Args:
            sigmas: Standard deviation of each block.

        Raises:
            Unavailable: The format of a block holds no such number.
        """
        applied = {}
        for block, names in self.blocks.items():
            coarsest = max((self.mean[name].dtype for name in names), key=lambda kind: torch.finfo(kind).eps)
            applied[block] = float(torch.tensor(sigmas[block], dtype=coarsest))
            if not 0.0 < applied[block] < math.inf:
                raise Unavailable(f"no posterior: {coarsest} holds no standard deviation of {sigmas[block]:.3g} for {block}")
        return applied

    def draw(self, sigmas: Mapping[str, float], generator: torch.Generator, dtype: torch.dtype | None = None) -> Weights:
        """One draw of all parameters.

        Args:
            sigmas: Standard deviation of each block.
            generator: Source of randomness.
            dtype: Number format of the draw; by default that of each parameter.
        """
        drawn = {}
        for block, names in self.blocks.items():
            for name in names:
                w = self.mean[name]
                kind = dtype or w.dtype
                noise = torch.randn(w.shape, generator=generator, dtype=kind)
                drawn[name] = w.to(kind) + sigmas[block] * noise
        return drawn

    def summaries(self, sigmas: Mapping[str, float], drawn: Weights) -> dict[str, PosteriorGroup]:
        """The sums that the theorems read, each rounded to its safe side.

        A sum of d squares in any order errs by at most (d + 2) 2^-53 relative, the differences of float32 numbers (exact, or
        off by 2^-53 relative) included in the slack.

        Args:
            sigmas: Standard deviation of each block, positive.
            drawn: One draw, float64.
        """
        groups = {}
        for block, names in self.blocks.items():
            size, sigma = self.sizes[block], sigmas[block]
            square = sigma * sigma
            logs = 2.0 * size * math.log(sigma)
            noise = [drawn[n] - self.mean[n].double() for n in names]
            groups[block] = PosteriorGroup(
                parameters=size,
                variance_sum=size * square * (1.0 + 8.0 * _UNIT),
                log_variance_sum=logs - abs(logs) * 16.0 * _UNIT,
                squared_distance=self.squared_distance[block],
                min_variance=square * (1.0 - 4.0 * _UNIT),
                max_variance=square * (1.0 + 4.0 * _UNIT),
                drawn_squared_distance=_square_up([drawn[n] - self.centre[n].double() for n in names]),
                drawn_noise=_square(noise) * (1.0 - _slack(size)) / square * (1.0 - 8.0 * _UNIT),
            )
        return groups


def _slack(size: int) -> float:
    return (size + 16) * _UNIT


def _square(parts: list[torch.Tensor]) -> float:
    return math.fsum(float(part.square().sum()) for part in parts)


def _square_up(parts: list[torch.Tensor]) -> float:
    return _square(parts) * (1.0 + _slack(sum(part.numel() for part in parts)))
