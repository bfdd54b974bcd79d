"""What the bounds on a network that was written down and decoded again share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, IID
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable, Theorem


class DecodedTheorem(Theorem):
    """A bound on a decoded network that reads its message: counts of symbols, and bits of everything else."""

    family = "compression"
    about = "compressed"
    reads = ("code", "problem")
    moves: ClassVar[Mapping[str, int]] = {"side_bits": 1, "errors": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """The decoder, with all that it knows without being told, must be older than the sample."""
        return (
            IID,
            Hypothesis.assume("the architecture and the reference weights, which the decoder knows, were fixed before the data"),
            DETERMINISTIC,
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The message and the training errors of the network decoded from it."""
        code = evidence.code
        if code is None or code.errors.n != evidence.problem.n:
            raise NotApplicable("the errors of the decoded network were not counted on the whole training sample")
        return {"n": evidence.problem.n, "counts": code.counts, "side_bits": code.side_bits, "errors": code.errors.errors}
