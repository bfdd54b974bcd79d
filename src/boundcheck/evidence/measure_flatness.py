"""Measure how far the weights of a network can be moved before it errs more often."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from boundcheck.evidence.flatness import Flatness
from boundcheck.evidence.measure_geometry import sample_rows
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.graph import Graph
from boundcheck.networks.reweighted import Reweighted, cost

DROP = 0.1
FLOOR = 1e-3
"""The published numbers: the accuracy that may be lost, and the noise that a weight of zero gets."""
_EXPONENTS = (-14.0, 4.0)
"""Scales from 2^-14 to 2^4 are searched."""
_ASCENT = 4
"""Steps of gradient ascent for each radius."""


@dataclass(frozen=True)
class _Budget:
    """What a search may take.

    Attributes:
        products: Cost of one pass over the rows; four times that for the fewest rows.
        rows: Fewest and most rows.
        draws: Noise vectors of one accuracy.
        halvings: Of the range of scales.
    """

    products: float
    rows: tuple[int, int]
    draws: int
    halvings: int


# Quick: about 100 passes over at most 320 rows; with fewer than 64 rows a lost tenth of the accuracy can't be told from chance.
_BUDGETS = {"quick": _Budget(2.0**28, (64, 320), 3, 7), "full": _Budget(2.0**32, (64, 4096), 10, 12)}


def measure_flatness(
    graph: Graph, reference: Graph | None, x: NDArray[Any], y: NDArray[np.int64], *, seed: int, effort: str
) -> Flatness:
    """The record of a network on some rows of its training sample.

    Args:
        graph: Its canonical graph.
        reference: The graph of the initial weights, if they are known.
        x: Training inputs (n, ...).
        y: Training labels (n,).
        seed: Seed of the choice of rows and of the noise.
        effort: ``quick`` or ``full``.

    Raises:
        Unavailable: A part of the network can't be placed, or the network is too large for the effort.
    """
    for each in (graph, reference):
        if each is not None and each.unplaced:
            name, reason = each.unplaced[0]
            raise Unavailable(f"{name}: {reason}")
    budget = _BUDGETS[effort]
    count = max(int(budget.products / cost(graph)), budget.rows[0])
    if count * cost(graph) > 4.0 * budget.products:
        raise Unavailable(f"noise on a network of this size takes longer than effort {effort} allows")
    rows = sample_rows(len(x), min(count, budget.rows[1]), seed)
    search = _Search(graph, x[rows], y[rows], seed, budget)
    if not search.weights:
        raise Unavailable("the network has no trained weights")
    arrays = search.network.arrays
    differences = None if reference is None else search.network.differences(reference)
    magnitude = search.largest(search.follows)
    return Flatness(
        rows=len(rows),
        draws=budget.draws,
        drop=DROP,
        parameters=sum(a.size for a in arrays),
        squared_norm=_sum_of_squares(arrays),
        squared_distance=None if differences is None else _sum_of_squares(differences),
        sigma=search.largest(search.independent),
        floor=FLOOR,
        magnitude_sigma=magnitude,
        log_magnitude_norm=None if magnitude is None else _log_sum(arrays, magnitude),
        log_magnitude_distance=None if magnitude is None or differences is None else _log_sum(differences, magnitude),
        radius=search.largest(search.ascent),
    )


class _Search:
    """Perturbed copies of one network on some rows."""

    def __init__(self, graph: Graph, x: NDArray[Any], y: NDArray[np.int64], seed: int, budget: _Budget) -> None:
        self.network = Reweighted(graph, torch.float32)
        self.weights = self.network.tensors()
        self.x = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        self.y = torch.from_numpy(np.ascontiguousarray(y))
        self.seed, self.budget = seed, budget
        self.error = self.errs(self.weights)

    @torch.no_grad()
    def errs(self, tensors: list[torch.Tensor]) -> float:
        """Share of the rows that are misclassified, ties and NaN among them."""
        outputs = self.network.forward(tensors, self.x)
        if outputs.shape[1] == 1:
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
        own = outputs.gather(1, self.y[:, None])[:, 0]
        rest = outputs.scatter(1, self.y[:, None], -math.inf).amax(dim=1)
        return 1.0 - float((own > rest).double().mean())

    def largest(self, error_at: Callable[[float], float]) -> float | None:
        """The largest scale found whose error exceeds that of the network by at most the drop; None at an end of the range."""
        low, high = _EXPONENTS
        if error_at(2.0**low) - self.error > DROP:
            return None
        for _ in range(self.budget.halvings):
            middle = (low + high) / 2.0
            if error_at(2.0**middle) - self.error > DROP:
                high = middle
            else:
                low = middle
        return None if high == _EXPONENTS[1] else 2.0**low

    def independent(self, scale: float) -> float:
        """Mean error under noise of standard deviation ``scale`` on every weight."""
        return self._noisy(lambda w: torch.full_like(w, scale))

    def follows(self, scale: float) -> float:
        """Mean error under noise of standard deviation sqrt(scale^2 w^2 + e^2) on the weight w."""
        return self._noisy(lambda w: (scale**2 * w.square() + FLOOR**2).sqrt())

    def _noisy(self, deviation: Callable[[torch.Tensor], torch.Tensor]) -> float:
        errors = []
        for draw in range(self.budget.draws):
            # The same noise at every scale: differences between scales are then no chance.
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + draw) % 2**63)
            errors.append(self.errs([w + torch.randn(w.shape, generator=generator) * deviation(w) for w in self.weights]))
        return sum(errors) / len(errors)

    def ascent(self, radius: float) -> float:
        """Largest error met by signed gradient ascent of the cross-entropy inside the box |u_i| <= radius."""
        moved, worst = list(self.weights), self.error
        for _ in range(_ASCENT):
            free = [w.clone().requires_grad_(True) for w in moved]
            outputs = self.network.forward(free, self.x)
            if outputs.shape[1] == 1:
                loss = F.binary_cross_entropy_with_logits(outputs[:, 0], self.y.to(outputs.dtype))
            else:
                loss = F.cross_entropy(outputs, self.y)
            slopes = torch.autograd.grad(loss, free)
            step = 2.0 * radius / _ASCENT
            with torch.no_grad():
                moved = [
                    torch.clamp(m + step * g.sign(), w - radius, w + radius)
                    for m, g, w in zip(moved, slopes, self.weights, strict=True)
                ]
            worst = max(worst, self.errs(moved))
        return worst


def _sum_of_squares(arrays: list[NDArray[np.float64]]) -> float:
    return math.fsum(float(np.square(a).sum()) for a in arrays)


def _log_sum(arrays: list[NDArray[np.float64]], scale: float) -> float:
    """Sum of ln(e^2 + scale^2 w^2)."""
    return math.fsum(float(np.log(FLOOR**2 + scale**2 * np.square(a)).sum()) for a in arrays)
