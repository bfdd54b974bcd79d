"""The network's sum of hinges term by term in rational numbers: no prefix sums, no slices, no integers in common units."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from boundcheck.networks.memorizer import Memorizer


def _hinge_sums(network: Memorizer, points: Any) -> list[Fraction]:
    a, b, w = ([Fraction(v) for v in p.tolist()] for p in (network.direction, network.biases, network.weights))
    found = []
    for row in points.reshape(len(points), -1).tolist():
        z = sum((Fraction(v) * c for v, c in zip(row, a, strict=True)), Fraction(0))
        found.append(sum((wj * max(z - bj, Fraction(0)) for wj, bj in zip(w, b, strict=True)), Fraction(0)))
    return found


@pytest.fixture(scope="session")
def hinge_sums() -> Callable[[Memorizer, Any], list[Fraction]]:
    return _hinge_sums
