"""Numbers as people read them: few digits, and never rounded to the flattering side."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

DIGITS = 3
_PLAIN = (-4, 4)  # decimal exponents e of 10**e <= x < 10**(e + 1) that are written without an exponent, end excluded


def upward(x: float, digits: int = DIGITS, below: float | None = None) -> str:
    """A number rounded up to a few significant digits.

    Args:
        x: A number at least 0; infinity is written ``inf``.
        digits: Significant digits.
        below: A threshold that ``x`` is below; digits are added until the text is below it, too.

    Returns:
        Text with ``float(text) >= x``.
    """
    text = _rounded(x, digits, ROUND_CEILING)
    while below is not None and x < below <= float(text) and digits < 17:
        digits += 1
        text = _rounded(x, digits, ROUND_CEILING)
    return text


def downward(x: float, digits: int = DIGITS) -> str:
    """A number rounded down to a few significant digits: ``float(text) <= x``."""
    return _rounded(x, digits, ROUND_FLOOR)


def closest(x: float, digits: int = DIGITS) -> str:
    """A measured number, which is neither an upper nor a lower bound, rounded to nearest."""
    return _rounded(x, digits, ROUND_HALF_EVEN)


def power_upward(log10: float, digits: int = DIGITS) -> str:
    """A number that no float holds, from its decimal logarithm, rounded up, e.g. ``1.73e+400``.

    Args:
        log10: Decimal logarithm, accurate to a few units in the last place.
        digits: Significant digits.
    """
    context = Context(prec=40)
    raised = Decimal(log10) * (1 + Decimal(2) ** -50)  # the logarithm went through a division: its last digits may be low
    exponent = math.floor(raised)
    if exponent >= 10**9:  # the digits of the mantissa have left the logarithm
        return f"10^{_rounded(float(log10) * (1 + 2.0**-50), digits, ROUND_CEILING)}"
    mantissa = context.power(Decimal(10), raised - exponent)
    return _scientific(mantissa, exponent, digits, ROUND_CEILING)


def value_text(value: float | None, log10_value: float | None, below: float | None = None) -> str:
    """A bound as text: the value, else the power of ten, else a dash."""
    if value is not None:
        return upward(value, below=below)
    return "-" if log10_value is None else power_upward(log10_value)


def plain(x: float | int | str) -> str:
    """A number that was set by somebody, such as a confidence or a margin: shortest text that is read back as a close number."""
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def _rounded(x: float, digits: int, direction: str) -> str:
    if not math.isfinite(x):
        return str(x)
    # The shortest decimal that is read back as x stands for x: 0.05 is written 0.05 and not as the binary number above it.
    exact = Decimal(repr(float(x)))
    if exact == 0:
        return "0"
    exponent = exact.adjusted()
    if _PLAIN[0] <= exponent < _PLAIN[1]:
        shortened = exact.quantize(Decimal(1).scaleb(exponent - digits + 1), rounding=direction)
        return f"{shortened:f}" if shortened.adjusted() == exponent else _carried(shortened, digits)
    return _scientific(exact.scaleb(-exponent), exponent, digits, direction)


def _carried(shortened: Decimal, digits: int) -> str:
    """After rounding up to a power of ten one digit is too many: 9.999 is 10.0, not 10.00."""
    return f"{shortened.quantize(Decimal(1).scaleb(shortened.adjusted() - digits + 1)):f}"


def _scientific(mantissa: Decimal, exponent: int, digits: int, direction: str) -> str:
    shortened = mantissa.quantize(Decimal(1).scaleb(1 - digits), rounding=direction)
    if shortened >= 10:
        shortened, exponent = (shortened / 10).quantize(Decimal(1).scaleb(1 - digits)), exponent + 1
    return f"{shortened:f}e{exponent:+03d}"
