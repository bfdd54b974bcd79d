"""Formulas as pictures inside a page, without a network and without LaTeX."""

from __future__ import annotations

import re
from functools import lru_cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from boundcheck.report.plot import INK, inline_svg

_SIZE, _PAD = 12.0, 3.0  # points
_PREFIX = "@prefix@"
_LEGIBLE = 520  # pixels: a long formula scrolls rather than shrink below this
_UNSIZED = re.compile(r"\\[bB]igg?[lrm]?(?![A-Za-z])")
_SYNONYMS = (
    (re.compile(r"\\[td](frac|binom)(?![A-Za-z])"), r"\\\1 "),
    (re.compile(r"\\frac\s*(\w)\s*(\w)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt\s*(\\[A-Za-z]+|\w)"), r"\\sqrt{\1}"),
    (re.compile(r"\\dots(?![A-Za-z])"), r"\\ldots "),
    (re.compile(r"\\(le|ge|ne)(?![A-Za-z])"), r"\\\1q "),
    (re.compile(r"\\[lr]Vert(?![A-Za-z])"), r"\\|"),
    (re.compile(r"\\[lr]vert(?![A-Za-z])"), "|"),
)
"""LaTeX that mathtext doesn't know, and what looks nearly the same."""


def formula_svg(latex: str, prefix: str) -> str | None:
    """A formula as an inline SVG element.

    Args:
        latex: LaTeX without dollar signs.
        prefix: Identifiers of the element start with this.

    Returns:
        The element, or ``None`` where the formula uses more LaTeX than matplotlib's mathtext knows.
    """
    drawn = _drawn(latex)
    return None if drawn is None else drawn.replace(_PREFIX, prefix)


@lru_cache(maxsize=256)
def _drawn(latex: str) -> str | None:
    """The element with a placeholder before its identifiers: two reports on one page draw each formula once."""
    source = _UNSIZED.sub("", latex)
    for spelling, simple in _SYNONYMS:
        source = spelling.sub(simple, source)
    source = f"${' '.join(source.split())}$"
    if source.count("$") != 2:
        return None
    font = FontProperties(size=_SIZE, math_fontfamily="cm")
    try:
        width, height, depth, *_ = MathTextParser("path").parse(source, dpi=72, prop=font)
    except (ValueError, RuntimeError):
        return None
    size = (width + 2 * _PAD) / 72.0, (height + 2 * _PAD) / 72.0
    figure = Figure(figsize=size)
    figure.patch.set_alpha(0.0)
    x, y = _PAD / 72.0 / size[0], (_PAD + depth) / 72.0 / size[1]
    figure.text(x, y, source, fontproperties=font, color=INK, va="baseline", parse_math=True)
    return inline_svg(figure, _PREFIX, latex, legible=_LEGIBLE)
