"""The ledger of a joint report: one budget of delta, theorem by theorem and purpose by purpose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boundcheck.theorem import Certificate, Status

if TYPE_CHECKING:
    from boundcheck.report.report import Report

UNSPENT = "not applicable"
"""The line of the shares that bought nothing."""

GRIDS = (
    "margin",
    "resolution",
    "prior variance",
    "smallest prior variance",
    "largest prior variance",
    "C",
    "eta",
    "order",
    "j",
)
"""Choices of certificates that were made on a grid after seeing the data; others, such as a divergence, are results."""


@dataclass(frozen=True)
class Line:
    """What one theorem spends, or what those without a value would have spent.

    Attributes:
        name: The theorem, or :data:`UNSPENT` with their number.
        delta: Its share of the budget.
        shares: The same by purpose: the sample, Monte Carlo draws, an estimated variance.
        grids: What was chosen on a grid after seeing the data; the price of these unions is paid inside the share of the sample.
    """

    name: str
    delta: float
    shares: Mapping[str, float]
    grids: tuple[str, ...]


def purposes(report: Report) -> tuple[str, ...]:
    """What delta is spent on, in the order in which theorems name it."""
    return tuple(dict.fromkeys(purpose for c in report for purpose in c.shares))


def lines(report: Report) -> tuple[Line, ...]:
    """A line for each theorem with a value, one for all others, and the sum; empty unless the rows hold together."""
    if not report.joint:
        return ()
    spent = [_line(c.name, [c], grids_of(c)) for c in report if c.status is not Status.NOT_APPLICABLE]
    others = [c for c in report if c.status is Status.NOT_APPLICABLE]
    if others:
        spent.append(_line(f"{UNSPENT} ({len(others)})", others, ()))
    return (*spent, _line("together", list(report), ()))


def grids_of(c: Certificate) -> tuple[str, ...]:
    """What a certificate chose on grids."""
    return tuple(name for name in c.choices if name in GRIDS)


def _line(name: str, certificates: list[Certificate], grids: tuple[str, ...]) -> Line:
    kinds = dict.fromkeys(purpose for c in certificates for purpose in c.shares)
    shares = {kind: math.fsum(c.shares.get(kind, 0.0) for c in certificates) for kind in kinds}
    return Line(name, math.fsum(c.delta for c in certificates), shares, grids)


def opening() -> str:
    """How to read it, in a sentence or two."""
    return (
        "Each theorem has the same share, whether it turned out to be applicable or not, for that is seen in the data. "
        "What was chosen on grids is paid inside the share of the sample: as a term of its bound or by dividing the share again."
    )
