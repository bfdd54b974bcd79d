r"""Occam's razor on the bits of the parameters, as the textbooks have it.

D. McAllester, Some PAC-Bayesian theorems, Machine Learning 37 (1999) 355-363, where it stands in the introduction as what was
known before: for a probability P on predictors fixed before the sample, with probability at least 1 - delta, for all of them,

.. math:: R(f) \le \hat R(f) + \sqrt{\frac{\ln(1/P(f)) + \ln(1/\delta)}{2n}}.

Here P is uniform on the 2^b settings of the b bits that training can write, so ln(1/P) = b ln 2.

Proof. Hoeffding's inequality for each predictor at confidence delta P(f), and the union bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.bits import bit_hypotheses, bit_symbols, nats_up
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import div_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class McAllester1999Occam(Theorem):
    """Counting every setting of the parameters' bits, with Hoeffding's inequality."""

    name = "mcallester1999occam"
    title = "Occam bound (Hoeffding)"
    family = "counting"
    cite = "McAllester, Some PAC-Bayesian theorems, Machine Learning 37 (1999), Occam bound of the introduction"
    statement = r"R(f) \le \hat R(f) + \sqrt{\frac{b \ln 2 + \ln(1/\delta)}{2n}}"
    reads = ("precision", "errors")
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "errors": 1, "bits": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing is asked of what the network computes."""
        return bit_hypotheses()

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Bits that training could write, and the errors of the network as it ran."""
        return bit_symbols(evidence)

    @staticmethod
    def formula(*, n: int, errors: int, bits: int, delta: float) -> Bound:
        """The training error and its deviation.

        Args:
            n: Training examples, at least 1.
            errors: Errors among them, ties included.
            bits: Bits b >= 0 of all that training could change.
            delta: Confidence in (0, 1).
        """
        deviation = sqrt_up(div_up(nats_up(bits, delta), 2.0 * n))
        return Bound({"training error": div_up(float(errors), float(n)), "code length and confidence": deviation})
