r"""Counting quantized networks: N weights that take K values each, all alike.

S. Arora, R. Ge, B. Neyshabur and Y. Zhang, Stronger generalization bounds for deep nets via a compression approach, ICML 2018: a
network with q parameters, each of at most r values, is one of r^q. The tail as in J. Langford, JMLR 6 (2005).

Statement: let the decoder be fixed before the sample, and messages have N symbols of an alphabet of K and b more bits, b fixed
for each K. With probability at least 1 - delta, for all networks h that a message stands for, with k(h) training errors,

.. math:: R(h) \le \sup\{p : \ln P(\mathrm{Bin}(n, p) \le k(h)) \ge \ln\delta - N \ln K - b \ln 2\}.

Proof: for one h, the inverted binomial tail fails with probability at most :math:`\delta K^{-N} 2^{-b}`; add over all messages.
The number K is among the b bits. Where the weights
are in blocks with alphabets of their own, N ln K is the sum over the blocks.

What differs from the paper: the paper compares the decoded network with the trained one by margins, and has O(.) for
:math:`\sqrt{q \ln r/n}`; here the decoded network's own training errors are used, and the tail is inverted exactly. Beside it
``zhou2019compression`` spends fewer nats where some symbols are frequent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.bounds.lemmas.decoded import DecodedTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, log_inverse_up, ratio_up
from boundcheck.numerics import binomial_tail_inverse_log
from boundcheck.numerics.rounding import add_up, log_up, mul_up, sum_up
from boundcheck.theorem import Bound


class Arora2018Discrete(DecodedTheorem):
    """Occam's razor for a quantized network, every setting of the symbols at the same price."""

    name = "arora2018discrete"
    title = "compression bound (fixed length)"
    cite = (
        "Arora, Ge, Neyshabur and Zhang, Stronger generalization bounds for deep nets via a compression approach, ICML 2018, "
        "with the binomial tail of Langford (2005)"
    )
    statement = r"R(h) \le \sup\{p : \ln P(\mathrm{Bin}(n,p) \le k) \ge \ln\delta - N \ln K - b \ln 2\}"

    @staticmethod
    def formula(*, n: int, counts: Sequence[Sequence[int]], side_bits: float, errors: int, delta: float) -> Bound:
        """The bound on the decoded network's risk.

        Args:
            n: Sample size.
            counts: For each block of weights how often each of its K values occurs; only N and K are used.
            side_bits: Bits b of everything else in the message.
            errors: Training errors of the decoded network, ties included.
            delta: Confidence in (0, 1).
        """
        symbols = sum_up([mul_up(float(sum(block)), log_up(float(len(block)))) for block in counts])
        nats = add_up(symbols, mul_up(side_bits, log_up(2.0)))
        confidence = log_inverse_up(delta)
        terms = increments(
            training_error=ratio_up(errors, n),
            confidence=float(binomial_tail_inverse_log(errors, n, -confidence)),
            code_length=float(binomial_tail_inverse_log(errors, n, -add_up(confidence, nats))),
        )
        return Bound(terms, {"code length in bits": nats / math.log(2.0), "levels": max(map(len, counts), default=0)})
