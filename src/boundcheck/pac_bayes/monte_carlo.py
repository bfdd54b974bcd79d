"""Networks drawn one at a time, each evaluated on a uniformly drawn minibatch: for any architecture.

Given the posterior and the sample, the errors of draw j on its own minibatch, a number in [0, 1], have the mean of the empirical
Gibbs risk, since every place of the minibatch is a uniform example; draws are independent of each other. This is what the Monte
Carlo step of the certificate needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.func import functional_call

from boundcheck.networks.mistakes import Mask, dtype_of, join, mistakes
from boundcheck.pac_bayes.gaussian import Gaussian

BATCH = 64
"""Examples in a minibatch: enough to make the drawing of the weights worth its time."""


class ExplicitDraws:
    """Draws weights and minibatches.

    Attributes:
        drawing: In words, for the record.
    """

    drawing = "each drawn network evaluated on {batch} uniformly drawn training examples of its own; {dtype} arithmetic"

    def __init__(self, module: nn.Module, gaussian: Gaussian) -> None:
        self._module, self._gaussian = module, gaussian

    def draw(
        self, sigmas: Mapping[str, float], x: torch.Tensor, y: torch.Tensor, draws: int, generator: torch.Generator
    ) -> tuple[Mask, Mask]:
        """Errors of ``draws`` networks on a minibatch each.

        Args:
            sigmas: Standard deviation of each block, by name.
            x: Inputs, shape (n, ...).
            y: Labels, shape (n,).
            draws: Number of networks.
            generator: Source of randomness.

        Returns:
            (wrong, invalid), shape (draws * BATCH,).
        """
        parts, kind = [], dtype_of(self._module)
        with torch.no_grad():
            for _ in range(draws):
                rows = torch.randint(len(y), (BATCH,), generator=generator)
                weights = self._gaussian.draw(sigmas, generator)
                parts.append(mistakes(functional_call(self._module, weights, (x[rows].to(kind),)), y[rows]))
        return join(parts)
