"""What the bounds that count settings of bits read off the evidence, and what they ask for."""

from __future__ import annotations

from typing import Any

from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up
from boundcheck.theorem import Hypothesis, NotApplicable


def bit_hypotheses() -> tuple[Hypothesis, ...]:
    """Nothing is asked of what the network computes."""
    return (
        Hypothesis.assume("the training examples are independent draws from one distribution"),
        Hypothesis.assume("all of the program but the counted bits was fixed before the training sample was looked at"),
        Hypothesis.assume("the program is deterministic: the same input gives the same answer, alone or in a batch"),
    )


def bit_symbols(evidence: Evidence) -> dict[str, Any]:
    """Bits that training could write, and the errors of the network as it ran.

    Raises:
        NotApplicable: The bits are not known.
    """
    if evidence.precision is None:
        raise NotApplicable("the bits of the parameters are not known")
    return {"n": evidence.errors.n, "errors": evidence.errors.errors, "bits": evidence.precision.bits}


def nats_up(bits: int, delta: float) -> float:
    """``b ln 2 + ln(1/delta)``, rounded up.

    Args:
        bits: Number of bits b.
        delta: Confidence in (0, 1).

    Raises:
        ValueError: ``bits`` is negative.
    """
    if bits < 0:
        raise ValueError(f"expected a number of bits >= 0; got {bits}")
    return add_up(mul_up(float(bits), log_up(2.0)), log_up(div_up(1.0, delta)))
