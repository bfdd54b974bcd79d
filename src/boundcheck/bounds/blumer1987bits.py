r"""Occam's razor on the bits of the parameters.

A. Blumer, A. Ehrenfeucht, D. Haussler and M. K. Warmuth, Occam's Razor, Information Processing Letters 24 (1987) 377-380; the
tail as in J. Langford, JMLR 6 (2005).

Statement: where training can only write b bits, with probability at least 1 - delta, for all 2^b networks,

.. math:: R \le \sup\{p : \ln P(\mathrm{Bin}(n, p) \le s) \ge \ln \delta - b \ln 2\}, \quad s \text{ the training errors}.

What differs: the paper counts consistent hypotheses; here training errors are allowed, and the binomial tail is inverted for
each network at confidence delta 2^-b. The union bound over at most 2^b networks gives the statement.

The bound speaks of the program as it runs, rounding included: two settings of the bits are two hypotheses, however close.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.bits import bit_hypotheses, bit_symbols
from boundcheck.bounds.lemmas.kl_terms import increments, ratio_up
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import binomial_tail_inverse_log
from boundcheck.numerics.rounding import log_down, log_up, mul_up, sub_down
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Blumer1987Bits(Theorem):
    """Counting every setting of the parameters' bits: valid for any program, whatever it computes."""

    name = "blumer1987bits"
    title = "Occam bound (bits of the parameters)"
    family = "counting"
    cite = "Blumer, Ehrenfeucht, Haussler and Warmuth, Occam's Razor, IPL 24 (1987), with the binomial tail of Langford (2005)"
    statement = r"R(f) \le \sup\{p : \ln P(\mathrm{Bin}(n, p) \le s) \ge \ln\delta - b \ln 2\}"
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
        """The inverted tail.

        Args:
            n: Training examples, at least 1.
            errors: Errors s among them, ties included.
            bits: Bits b >= 0 of all that training could change.
            delta: Confidence in (0, 1).

        Raises:
            ValueError: ``bits`` is negative.
        """
        if bits < 0:
            raise ValueError(f"expected a number of bits >= 0; got {bits}")
        log_delta = sub_down(log_down(delta), mul_up(float(bits), log_up(2.0)))
        value = float(binomial_tail_inverse_log(errors, n, log_delta))
        return Bound(increments(training_error=ratio_up(errors, n), code_length_and_confidence=value))
