r"""The compression bound for a file: the shorter the file, the more probable it was beforehand.

S. Lotfi, M. Finzi, S. Kapoor, A. Potapczynski, M. Goldblum and A. G. Wilson, PAC-Bayes compression bounds so tight that they can
explain generalization, NeurIPS 2022, after W. Zhou et al., ICLR 2019.

Statement: let the decoder be fixed before the sample; a network h is written as a file of :math:`\ell(h) \ge 1` bits. With
probability at least 1 - delta, for all h

.. math:: R(h) \le kl^{-1}\Big(\hat R(h), \frac{(\ell(h) + 2\lfloor\log_2\ell(h)\rfloor + 1)\ln 2 + \ln(1/\delta)}{n}\Big).

Proof: a file of l bits says everything except where it ends. Elias' gamma code writes l itself in
:math:`2\lfloor\log_2 l\rfloor + 1` bits, no such word being the beginning of another, so Kraft's inequality gives weights
:math:`2^{-\ell - 2\lfloor\log_2\ell\rfloor - 1}` whose sum over all files is at most 1. For one h, Chernoff's inequality
:math:`P(kl(\hat R\|R) > c, \hat R < R) \le e^{-nc}` at its share of delta; add over h.

The file: for each block of weights first the index of the vector of counts among all that are possible,
:math:`\lceil\log_2\binom{N+K-1}{K-1}\rceil` bits, then the index of the arrangement, :math:`\lceil\log_2(N!/\prod_j
c_j!)\rceil` bits, and the b bits of everything else. The decoder knows N from the architecture and reads K first, among the b
bits.

What differs from the paper: its weights :math:`2^{-\ell - 2\log_2\ell}` sum to :math:`\pi^2/6` and not to 1, which is mended
here by a code for the length; the bound is a union over files and not PAC-Bayes for a point, which would pay ln xi(n); kl in
place of the square root. Beside it ``zhou2019compression`` needs no code for the length, since its messages end by
themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.bounds.lemmas.decoded import DecodedTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, ratio_up
from boundcheck.numerics.combinatorics import log_multinomial_upper, log_types_upper
from boundcheck.numerics.rounding import div_up, log_down, log_up, mul_up
from boundcheck.theorem import Bound


class Lotfi2022Length(DecodedTheorem):
    """Occam's razor for a file whose length is written down too."""

    name = "lotfi2022length"
    title = "compression bound (file with its length)"
    cite = (
        "Lotfi, Finzi, Kapoor, Potapczynski, Goldblum and Wilson, PAC-Bayes compression bounds so tight that they can explain "
        "generalization, NeurIPS 2022"
    )
    statement = (
        r"R(h) \le kl^{-1}\Big(\hat R(h), \tfrac1n\big((\ell + 2\lfloor\log_2\ell\rfloor + 1)\ln 2 + \ln(1/\delta)\big)\Big)"
    )

    @staticmethod
    def formula(*, n: int, counts: Sequence[Sequence[int]], side_bits: float, errors: int, delta: float) -> Bound:
        """The bound on the decoded network's risk.

        Args:
            n: Sample size.
            counts: For each block of weights how often each of its K values occurs, non-negative.
            side_bits: Bits b of everything else in the file, rounded up to a whole number.
            errors: Training errors of the decoded network, ties included.
            delta: Confidence in (0, 1).
        """
        bits = file_bits(counts, side_bits)
        risk, confidence = ratio_up(errors, n), log_inverse_up(delta)
        terms = increments(
            training_error=risk,
            confidence=kl_bound(risk, confidence, n),
            code_length=kl_bound(risk, confidence + mul_up(float(bits + length_bits(bits)), log_up(2.0)), n),
        )
        return Bound(terms, {"bits of the file": bits, "bits of its length": length_bits(bits)})


def file_bits(counts: Sequence[Sequence[int]], side_bits: float) -> int:
    """Bits of the file, at least 1."""
    indices = [float(log_types_upper(int(sum(block)), len(block))) for block in counts]
    indices += [float(log_multinomial_upper(block)) for block in counts]
    return max(1, math.ceil(side_bits) + sum(math.ceil(div_up(nats, log_down(2.0))) for nats in indices))


def length_bits(length: int) -> int:
    """Bits of Elias' gamma code for a whole number of at least 1."""
    return 2 * (length.bit_length() - 1) + 1
