"""A network in few bits, as theorems read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from boundcheck.evidence.counted import Errors


@dataclass(frozen=True)
class Code:
    """A network that was written down in few bits, decoded again, and measured.

    Attributes:
        counts: For each block of quantized weights how often each of its symbols occurs.
        side_bits: Bits of everything else that the decoder needs: scales, choices of the quantizer, unquantized numbers.
        detail: What the side bits hold.
        errors: Errors of the decoded network.
        settings: The choices of the quantizer, for the reader.
    """

    counts: tuple[tuple[int, ...], ...]
    side_bits: float
    detail: str
    errors: Errors
    settings: Mapping[str, float | int | str] = field(default_factory=dict)
