r"""Occam's razor on the bits of the parameters, by relative entropy.

A. Blumer, A. Ehrenfeucht, D. Haussler and M. K. Warmuth, Occam's Razor, Information Processing Letters 24 (1987) 377-380,
with the relative entropy Chernoff bound (W. Hoeffding 1963, J. Langford 2005) for training errors.

Statement: where training can only write b bits, with probability at least 1 - delta, for all 2^b networks,

.. math:: R \le \mathrm{kl}^{-1}\Big(\hat R, \frac{b \ln 2 + \ln(1/\delta)}{n}\Big).

What differs: the paper counts consistent hypotheses; for them this is 1 - (delta 2^-b)^(1/n). With training errors, the bound
for one network (``langford2005chernoff``) is taken at confidence delta 2^-b; the union over at most 2^b networks gives the
statement. It holds for any loss in [0, 1]. For the 0-1 loss the binomial tail (``blumer1987bits``) is never larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.bits import bit_hypotheses, bit_symbols, nats_up
from boundcheck.bounds.lemmas.kl_terms import increments, ratio_up
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import kl_inverse
from boundcheck.numerics.rounding import div_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Blumer1987Kl(Theorem):
    """Counting every setting of the parameters' bits, with the tail in closed form."""

    name = "blumer1987kl"
    title = "Occam bound (relative entropy)"
    family = "counting"
    cite = (
        "Blumer, Ehrenfeucht, Haussler and Warmuth, Occam's Razor, IPL 24 (1987), with the relative entropy Chernoff bound "
        "(Langford, JMLR 6, 2005)"
    )
    statement = r"R(f) \le \sup\{p : \mathrm{kl}(\hat R(f) \| p) \le (b \ln 2 + \ln(1/\delta))/n\}"
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
        """The inverted relative entropy.

        Args:
            n: Training examples, at least 1.
            errors: Errors among them, ties included.
            bits: Bits b >= 0 of all that training could change.
            delta: Confidence in (0, 1).
        """
        empirical = ratio_up(errors, n)
        value = float(kl_inverse(empirical, div_up(nats_up(bits, delta), float(n))))
        return Bound(increments(training_error=empirical, code_length_and_confidence=value))
