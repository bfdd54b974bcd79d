"""What a complexity measure is: a number for ranking networks, never a bound. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from boundcheck.evidence.record import Evidence
from boundcheck.theorem import NotApplicable


@dataclass(frozen=True)
class Measure:
    """A complexity measure without constants.

    Attributes:
        name: Its key in the registry.
        title: One line in words.
        formula: What is computed, in LaTeX, constants included.
        source: Where it was published, and what differs here.
        sign: +1 where a larger value is meant to go with a larger gap, -1 where with a smaller one.
        reads: Sections of the evidence that it needs.
        of: The number from the evidence; raises NotApplicable with a reason where there is none.
    """

    name: str
    title: str
    formula: str
    source: str
    sign: int
    reads: tuple[str, ...]
    of: Callable[[Evidence], float]

    def value(self, evidence: Evidence) -> float:
        """The measure of one network.

        Args:
            evidence: What was measured.

        Raises:
            NotApplicable: The network has no such number; carries the reason.
        """
        missing = [reason for section in self.reads if (reason := evidence.lacks(section)) is not None]
        if missing:
            raise NotApplicable("; ".join(dict.fromkeys(missing)))
        found = self.of(evidence)
        if not math.isfinite(found):
            raise NotApplicable("the number does not fit a float")
        return found


@dataclass(frozen=True)
class Measured:
    """The measures of one network.

    Attributes:
        values: Name and value, in the order of the registry.
        absent: Name and reason of those that the network has no value of.
    """

    values: tuple[tuple[str, float], ...]
    absent: tuple[tuple[str, str], ...]


def measured(evidence: Evidence, measures: Mapping[str, Measure]) -> Measured:
    """All measures of one network.

    Args:
        evidence: What was measured.
        measures: The measures by name.
    """
    values, absent = [], []
    for name, measure in measures.items():
        try:
            values.append((name, measure.value(evidence)))
        except NotApplicable as reason:
            absent.append((name, str(reason)))
    return Measured(tuple(values), tuple(absent))
