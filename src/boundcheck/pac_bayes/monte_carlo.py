"""Networks drawn one at a time, each evaluated on a uniformly drawn minibatch: for any architecture.

Given the posterior and the sample, the errors of draw j on its own minibatch, a number in [0, 1], have the mean of the empirical
Gibbs risk, since every place of the minibatch is a uniform example; draws are independent of each other. This is what the Monte
Carlo step of the certificate needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from boundcheck.networks.mistakes import CHUNK, Mask, dtype_of, join, mistakes, predicted
from boundcheck.pac_bayes.gaussian import Weights

BATCH = 64
"""Examples in a minibatch: enough to make the drawing of the weights worth its time."""

_TOGETHER = 64  # drawn networks whose outputs are judged at a time


class Drawable(Protocol):
    """A law on the weights of a network."""

    def draw(self, sigmas: Mapping[str, float], generator: torch.Generator) -> Weights:
        """One draw of all parameters, by name."""


class ExplicitDraws:
    """Draws weights and minibatches.

    Attributes:
        drawing: In words, for the record.
    """

    drawing = "each drawn network evaluated on {batch} uniformly drawn training examples of its own; {dtype} arithmetic"

    def __init__(self, module: nn.Module, gaussian: Drawable) -> None:
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
            for start in range(0, draws, _TOGETHER):
                outputs, labels = [], []
                for _ in range(start, min(start + _TOGETHER, draws)):
                    rows = torch.randint(len(y), (BATCH,), generator=generator)
                    weights = self._gaussian.draw(sigmas, generator)
                    outputs.append(functional_call(self._module, weights, (x[rows].to(kind),)))
                    labels.append(y[rows])
                parts.append(mistakes(torch.cat(outputs), torch.cat(labels)))
        return join(parts)

    def counts(self, sigmas: Mapping[str, float], x: torch.Tensor, networks: int, generator: torch.Generator) -> torch.Tensor:
        """How many of some networks predict each class; the same networks for all examples.

        Args:
            sigmas: Standard deviation of each block, by name.
            x: Inputs, shape (n, ...).
            networks: Number of networks.
            generator: Source of randomness.

        Returns:
            Shape (n, k), integers; a tie or NaN predicts none.
        """
        parts, kind = torch.split(x, CHUNK), dtype_of(self._module)
        total: torch.Tensor | None = None
        with torch.no_grad():
            for _ in range(networks):
                weights = self._gaussian.draw(sigmas, generator)
                votes = torch.cat([predicted(functional_call(self._module, weights, (part.to(kind),))) for part in parts])
                total = votes if total is None else total + votes
        if total is None:
            raise ValueError(f"expected networks that vote; got {networks}")
        return total

    def draw_pairs(
        self, sigmas: Mapping[str, float], x: torch.Tensor, y: torch.Tensor, draws: int, generator: torch.Generator
    ) -> tuple[Mask, Mask]:
        """As :meth:`draw`, and where two of these networks err together.

        Networks 1 and 2, 3 and 4, ... are pairs: the second one is also evaluated on the minibatch of the first. The errors of
        each on its own minibatch stay independent of all others.

        Args:
            sigmas: Standard deviation of each block, by name.
            x: Inputs, shape (n, ...).
            y: Labels, shape (n,).
            draws: Number of networks.
            generator: Source of randomness.

        Returns:
            (wrong, joint), shapes (draws * BATCH,) and (draws // 2 * BATCH,).
        """
        own, joint, kind = [], [], dtype_of(self._module)
        first: tuple[torch.Tensor, torch.Tensor] | None = None
        with torch.no_grad():
            for _ in range(draws):
                rows = torch.randint(len(y), (BATCH,), generator=generator)
                weights = self._gaussian.draw(sigmas, generator)
                seen = rows if first is None else torch.cat([rows, first[0]])
                wrong, _ = mistakes(functional_call(self._module, weights, (x[seen].to(kind),)), y[seen])
                own.append(wrong[:BATCH])
                if first is None:
                    first = (rows, own[-1])
                else:
                    joint.append(wrong[BATCH:] & first[1])
                    first = None
        return _all(own), _all(joint)


def _all(parts: list[torch.Tensor]) -> Mask:
    return np.concatenate([part.numpy() for part in parts]) if parts else np.zeros(0, dtype=np.bool_)
