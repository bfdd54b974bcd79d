"""What the bounds that count loss patterns read off the evidence, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable, Theorem


def counting_hypotheses(evidence: Evidence) -> Sequence[Hypothesis]:
    """Hypotheses of every bound that is uniform over the networks of one architecture, parameters in exact arithmetic.

    That activations are piecewise linear needs no line of its own: other networks have no levels of sign tests.
    """
    structure = evidence.structure
    return (
        Hypothesis.assume("the training examples are independent draws from one distribution"),
        Hypothesis.assume("the architecture was fixed before the training sample was looked at"),
        Hypothesis.check(
            "training errors are those of the network in exact arithmetic: margins are lowered by the rounding error",
            structure is not None and structure.lowered,
            "margins were measured in floating point without an error bound",
        ),
    )


def counting_symbols(evidence: Evidence) -> dict[str, Any]:
    """Sample size, errors by lowered margins, and the levels of sign tests.

    Raises:
        NotApplicable: The network has no level of sign tests, or the margins are not those of the sample.
    """
    margins, levels, n = evidence.margins or (), evidence.growth or (), evidence.problem.n
    if not levels:
        raise NotApplicable("no level of sign tests was found in the network")
    if len(margins) != n:
        raise NotApplicable(f"there are {len(margins)} margins for {n} training examples")
    return {
        "n": n,
        "errors": sum(not margin > 0.0 for margin in margins),
        "tests": [level.tests for level in levels],
        "degrees": [level.degree for level in levels],
        "parameters": [level.parameters for level in levels],
        "blocks": [level.blocks for level in levels],
    }


class GrowthTheorem(Theorem):
    """A bound by the growth function: what all of them read and ask for. Each has its own formula."""

    family = "vc"
    reads = ("growth", "margins", "problem", "structure")
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "errors": 1, "tests": 1, "degrees": 1, "parameters": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a count of sign patterns asks for."""
        return counting_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Sample size, training errors and the levels of sign tests."""
        return counting_symbols(evidence)
