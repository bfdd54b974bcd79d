"""Complexity measures without constants: numbers that rank networks. None of them is a bound."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from boundcheck.evidence.record import Evidence
from boundcheck.measures.counts import COUNTS
from boundcheck.measures.function import FUNCTION
from boundcheck.measures.measure import Measure, Measured
from boundcheck.measures.measure import measured as _measured
from boundcheck.measures.norms import NORMS
from boundcheck.measures.perturbation import PERTURBATION

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {measure.name: measure for measure in (*COUNTS, *NORMS, *FUNCTION, *PERTURBATION)}
)
"""Every measure by name, in the order of a report."""


def measured(evidence: Evidence) -> Measured:
    """All measures of one network, and why it lacks the others."""
    return _measured(evidence, MEASURES)


__all__ = ["MEASURES", "Measure", "Measured", "measured"]
