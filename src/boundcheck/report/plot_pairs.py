"""The figure of a comparison: each bound on both sides."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from boundcheck.report.comparison import Comparison, Pair
from boundcheck.report.display import closest
from boundcheck.report.plot import (
    BLUE,
    MUTED,
    VERMILLION,
    canvas,
    exponent,
    footer,
    guess_handle,
    label_rows,
    legend,
    place,
    span,
    threshold,
)
from boundcheck.theorem import Certificate, Status

_SIDES: tuple[dict[str, Any], ...] = ({"marker": "o", "color": BLUE}, {"marker": "s", "color": VERMILLION})
_LINES: tuple[Any, ...] = ("solid", (0, (1, 1.2)))
_APART = 0.16  # of a row: the two marks of a pair don't hide each other


def draw_pairs(comparison: Comparison) -> Figure:
    """Two marks a row, joined; filled where the bound is non-vacuous; a vertical line for each measured error."""
    pairs = [pair for pair in comparison.pairs if pair.has_value]
    absent = [pair.left or pair.right for pair in comparison.pairs if not pair.has_value]
    held = [report.held_out for report in comparison.reports]
    certificates = [c for pair in pairs for c in _certificates(pair) if c is not None]
    ends = span(certificates, [h.error for h in held if h is not None and h.error])
    title = f"{comparison.titles[0]} and {comparison.titles[1]} (filled: non-vacuous, open: vacuous)"
    figure, axes = canvas(len(pairs), title, footer([row for row in absent if row is not None]), width=0.47)
    threshold(axes, comparison.left)
    handles = []
    for side, (name, h, dash) in enumerate(zip(comparison.titles, held, _LINES, strict=True)):
        style = _SIDES[side]
        handles.append(Line2D([], [], linestyle="none", markersize=6.5, label=f"bound, {name}", **style))
        if h is not None:
            axes.axvline(max(h.error, ends[0]), color=style["color"], linewidth=1.4, linestyle=dash)
            label = f"test error {closest(h.error)}"
            handles.append(Line2D([], [], color=style["color"], linewidth=1.4, linestyle=dash, label=label))
    for position, pair in enumerate(pairs):
        _draw_pair(axes, pair, position, ends)
    label_rows(axes, [(pair.name, tuple(_value(pair))) for pair in pairs], *ends)
    _column_heads(axes)
    legend(figure, [*handles, guess_handle(comparison.left)])
    return figure


def _certificates(pair: Pair) -> list[Certificate | None]:
    """Both certificates of a pair, ``None`` where there is no value."""
    found = [None if row is None else row.certificate for row in pair.sides]
    return [None if c is None or c.status is Status.NOT_APPLICABLE else c for c in found]


def _value(pair: Pair) -> list[str]:
    return ["n/a" if row is None or c is None else row.value for c, row in zip(_certificates(pair), pair.sides, strict=True)]


def _draw_pair(axes: Axes, pair: Pair, position: int, ends: tuple[float, float]) -> None:
    both = _certificates(pair)
    places = [min(max(10.0 ** min(exponent(c), 300.0), ends[0]), ends[1]) for c in both if c is not None]
    if len(set(places)) == 2:
        join = {"arrowstyle": "-", "color": MUTED, "linewidth": 1.0, "shrinkA": 4.5, "shrinkB": 4.5}
        axes.annotate("", (places[0], position - _APART), (places[1], position + _APART), arrowprops=join, annotation_clip=False)
    for side, (c, shift) in enumerate(zip(both, (-_APART, _APART), strict=True)):
        if c is not None:
            fill = _SIDES[side]["color"] if c.status is Status.NON_VACUOUS else "none"
            place(axes, c, position + shift, ends, {**_SIDES[side], "markerfacecolor": fill, "markeredgewidth": 1.5})


def _column_heads(axes: Axes) -> None:
    """The mark of each side over its column of values; titles may be too long for the place."""
    for column, style in enumerate(_SIDES):
        x = 1.03 + 0.24 * column + 0.015
        axes.plot([x], [-0.8], transform=axes.get_yaxis_transform(), clip_on=False, linestyle="none", markersize=5, **style)
