r"""The compression bound: a network that can be written down in few bits, decoded again, has few ways to be lucky.

W. Zhou, V. Veitch, M. Austern, R. P. Adams and P. Orbanz, Non-vacuous generalization bounds at the ImageNet scale: a PAC-Bayesian
compression approach, ICLR 2019; the counting argument is Occam's razor of A. Blumer, A. Ehrenfeucht, D. Haussler and M. Warmuth,
Information Processing Letters 24 (1987), with the binomial tail as in J. Langford, JMLR 6 (2005).

Statement: let P be a sub-probability on networks, fixed before the sample. With probability at least 1 - delta, for all networks
h with k(h) training errors,

.. math:: R(h) \le \sup\{p : \ln P(\mathrm{Bin}(n, p) \le k(h)) \ge \ln\delta - \ln(1/P(h))\}.

Proof: for one h, the inverted binomial tail fails with probability at most delta P(h); add over h.

The P used here: the weights are in blocks, each of N weights that take K values; which of the :math:`\binom{N+K-1}{K-1}` vectors
of counts c occurs in a block is uniform, and the :math:`N!/\prod_j c_j!` arrangements with these counts are uniform; everything
else that the decoder needs is b bits, written before the symbols. So :math:`\ln(1/P)` is the sum of
:math:`\ln(N!/\prod_j c_j!) + \ln\binom{N+K-1}{K-1}` over the blocks, and :math:`b \ln 2`. The numbers K are chosen on the data
among a list fixed beforehand: their bits are among b, so that the sum over all messages is at most 1. Several messages for one
network only help.

What differs from the paper: the paper has a prior proportional to 2^(-length) over the files of a compressor, and a PAC-Bayes
bound for the point posterior (and noise around it); here the sub-probability is explicit, the compressor a counting argument, and
the binomial tail is inverted exactly, without the ln xi(n) that a point posterior pays in PAC-Bayes.

The bound speaks of the decoded network, whose own training errors are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.bounds.lemmas.decoded import DecodedTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, log_inverse_up, ratio_up
from boundcheck.numerics import binomial_tail_inverse_log
from boundcheck.numerics.combinatorics import log_multinomial_upper, log_types_upper
from boundcheck.theorem import Bound

_SLACK = 1.0 + 2.0**-48  # covers a few roundings of sums of non-negative numbers


class Zhou2019Compression(DecodedTheorem):
    """Occam's razor for a quantized network: the length of its description in place of its number of weights."""

    name = "zhou2019compression"
    title = "compression bound"
    cite = (
        "Zhou, Veitch, Austern, Adams and Orbanz, Non-vacuous generalization bounds at the ImageNet scale: a PAC-Bayesian "
        "compression approach, ICLR 2019"
    )
    statement = (
        r"R(h) \le \sup\{p : \ln P(\mathrm{Bin}(n,p) \le k) \ge \ln\delta"
        r" - \textstyle\sum_{\text{blocks}}(\ln\tfrac{N!}{\prod_j c_j!} + \ln\tbinom{N+K-1}{K-1}) - b \ln 2\}"
    )

    @staticmethod
    def formula(*, n: int, counts: Sequence[Sequence[int]], side_bits: float, errors: int, delta: float) -> Bound:
        """The bound on the decoded network's risk.

        Args:
            n: Sample size.
            counts: For each block of weights how often each of its K values occurs, non-negative; N is their sum.
            side_bits: Bits b of everything else in the message.
            errors: Training errors of the decoded network, ties included.
            delta: Confidence in (0, 1).
        """
        nats = code_nats(counts, side_bits)
        risk, confidence = ratio_up(errors, n), log_inverse_up(delta)
        terms = increments(
            training_error=risk,
            confidence=float(binomial_tail_inverse_log(errors, n, -confidence)),
            code_length=float(binomial_tail_inverse_log(errors, n, -(confidence + nats) * _SLACK)),
        )
        return Bound(terms, {"code length in bits": nats / math.log(2.0), "levels": max(map(len, counts), default=0)})


def code_nats(counts: Sequence[Sequence[int]], side_bits: float) -> float:
    """``ln(1/P)`` of a message, rounded up.

    Args:
        counts: For each block how often each of its values occurs.
        side_bits: Bits of everything else.

    Returns:
        Nats.
    """
    blocks = [float(log_multinomial_upper(block)) + float(log_types_upper(int(sum(block)), len(block))) for block in counts]
    return (math.fsum(blocks) + side_bits * math.log(2.0)) * _SLACK
