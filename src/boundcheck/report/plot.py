"""Figures: bounds beside the measured error, readable in print and without colour vision.

The only module that imports matplotlib. Figures are made without pyplot, so that nothing global changes and no display
is needed.
"""

from __future__ import annotations

import io
import math
import os
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from boundcheck.errors import InputError
from boundcheck.files import write_whole
from boundcheck.report.display import closest
from boundcheck.report.report import Report
from boundcheck.report.rows import Row, rows
from boundcheck.theorem import Certificate, Status

INK, MUTED = "#1b1f24", "#6b7280"
GREEN, VERMILLION, BLUE = "#009E73", "#D55E00", "#0072B2"  # Okabe and Ito's palette
FORMATS = ("png", "svg", "pdf")
_LEGEND_LINE = 112  # characters at 8 points, marks included, in the width of a figure
LAST_DECADE = 6.0  # bounds beyond 10**6 are drawn at the edge with their value, lest they squeeze what matters

MARKS: dict[Status, dict[str, Any]] = {
    Status.NON_VACUOUS: {"marker": "o", "color": GREEN, "markerfacecolor": GREEN},
    Status.VACUOUS: {"marker": "s", "color": VERMILLION, "markerfacecolor": "none", "markeredgewidth": 1.6},
}
OWN: dict[str, Any] = {"marker": "D", "color": BLUE, "markersize": 4.5, "linestyle": "none"}


def draw(report: Report) -> Figure:
    """The bounds of a report, one row each, on a logarithmic axis with the measured error and the error of guessing."""
    shown, absent = rows(report.certificates, applicable=True), rows(report.certificates, applicable=False)
    held = report.held_out
    own = [r.certificate.test_error for r in shown if r.certificate.about != "network"]
    measured = [e for e in (*own, None if held is None else held.error) if e]
    figure, axes = canvas(len(shown), subject(report), footer(absent))
    low, high = span([r.certificate for r in shown], measured)
    threshold(axes, report)
    handles = [guess_handle(report)]
    if held is not None:
        axes.axvspan(max(held.interval[0], low), max(held.interval[1], low), color=BLUE, alpha=0.18, linewidth=0)
        axes.axvline(max(held.error, low), color=BLUE, linewidth=1.4)
        handles.insert(0, Line2D([], [], color=BLUE, linewidth=1.4, label=f"test error {closest(held.error)}"))
    for position, row in enumerate(shown):
        _mark(axes, row, position, low, high)
    label_rows(axes, [(r.certificate.name, (r.value,)) for r in shown], low, high)
    handles += [_handle(status, shown) for status in MARKS if any(r.certificate.status is status for r in shown)]
    if any(e is not None for e in own):
        handles.append(Line2D([], [], label="error of that predictor", **OWN))
    legend(figure, handles)
    return figure


def canvas(count: int, title: str, below: str, *, width: float = 0.6) -> tuple[Figure, Axes]:
    """A figure with room for some rows and for a text below; ``width`` is the share of the axis."""
    lines = below.count("\n") + 1 if below else 0
    rows_height = 0.27 * max(count, 1) + 0.25
    bottom, top = 0.6 + 0.17 * lines, 0.86
    height = rows_height + bottom + top
    figure = Figure(figsize=(7.2, height))
    figure.patch.set_alpha(0.0)
    axes = figure.add_axes((0.27, bottom / height, width, rows_height / height))
    axes.patch.set_alpha(0.0)
    figure.text(0.5, 1.0 - 0.08 / height, title, fontsize=9.5, color=INK, ha="center", va="top")
    if below:
        figure.text(0.02, 0.08 / height, below, fontsize=7.5, color=MUTED, va="bottom", linespacing=1.3)
    return figure, axes


def subject(report: Report) -> str:
    """What a figure is about."""
    p = report.provenance
    return f"{p.model} on {p.data}, labels {p.labels}"


def footer(absent: Sequence[Row]) -> str:
    """The theorems without a value, wrapped."""
    names = ", ".join(r.certificate.name for r in absent)
    return textwrap.fill(f"not applicable: {names}", 112) if names else ""


def exponent(certificate: Certificate) -> float:
    """Decimal logarithm of a bound, infinite where it has none."""
    if certificate.log10_value is not None:
        return certificate.log10_value
    return -math.inf if certificate.value == 0.0 else math.inf


def span(certificates: Sequence[Certificate], measured: Sequence[float]) -> tuple[float, float]:
    """Ends of the axis: everything measured and every bound up to the last decade, with the error 1 in view."""
    logs = [exponent(c) for c in certificates] + [math.log10(e) for e in measured]
    near = [x for x in logs if math.isfinite(x)]
    low = max(min(near, default=-1.0), -6.0)
    high = min(max(near, default=0.0), LAST_DECADE)
    return 10.0 ** (min(low, -0.5) - 0.35), 10.0 ** (max(high, 0.0) + 0.45)


def label_rows(axes: Axes, labels: Sequence[tuple[str, tuple[str, ...]]], low: float, high: float) -> None:
    """Names on the left, values on the right, faint rules between, the first row on top."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(labels) - 0.4 if labels else 0.6, -0.6)
    axes.set_yticks(range(len(labels)), [name for name, _ in labels], fontsize=8.5, color=INK)
    beside = axes.get_yaxis_transform()
    for position, (_, values) in enumerate(labels):
        for column, value in enumerate(values):
            axes.text(1.03 + 0.24 * column, position, value, transform=beside, va="center_baseline", fontsize=8.5, color=INK)
        axes.axhline(position, color=MUTED, linewidth=0.4, alpha=0.35, zorder=0)
    axes.set_xlabel("error (log scale)", fontsize=8.5, color=INK)
    axes.tick_params(axis="x", which="both", colors=INK, labelsize=8)
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    if high > 1e4 * low:  # over many decades minor ticks are a grey smear
        axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)


def threshold(axes: Axes, report: Report) -> None:
    """The error of guessing, at and beyond which a bound says nothing."""
    axes.axvline(_guess(report), color=INK, linewidth=1.0, linestyle=(0, (4, 3)))


def guess_handle(report: Report) -> Line2D:
    """Legend entry of :func:`threshold`."""
    return Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label=f"guessing {closest(_guess(report))}")


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Entries over the rows, in one line if they fit, else in two."""
    length = sum(len(str(handle.get_label())) + 7 for handle in handles)
    below_title = (0.5, 1.0 - 0.26 / figure.get_figheight())
    figure.legend(
        handles=list(handles),
        loc="upper center",
        bbox_to_anchor=below_title,
        ncols=len(handles) if length <= _LEGEND_LINE else -(-len(handles) // 2),
        fontsize=8,
        frameon=False,
        labelcolor=INK,
        columnspacing=1.2,
        handletextpad=0.6,
    )


def place(axes: Axes, certificate: Certificate, position: float, ends: tuple[float, float], style: dict[str, Any]) -> None:
    """One bound: its mark where the axis reaches, an arrowhead at the edge where it doesn't."""
    log = exponent(certificate)
    if log > math.log10(ends[1]):
        edge = {**style, "marker": ">", "markerfacecolor": style["color"]}
        axes.plot([ends[1]], [position], linestyle="none", markersize=6, clip_on=False, **edge)
    else:
        axes.plot([max(10.0**log, ends[0])], [position], linestyle="none", markersize=6.5, clip_on=False, **style)


def _mark(axes: Axes, row: Row, position: int, low: float, high: float) -> None:
    c = row.certificate
    if c.about != "network" and c.test_error is not None:
        axes.plot([max(c.test_error, low)], [position], clip_on=False, **OWN)
    place(axes, c, position, (low, high), MARKS[c.status])


def _handle(status: Status, shown: Sequence[Row]) -> Line2D:
    verdict = next(r.verdict for r in shown if r.certificate.status is status)
    return Line2D([], [], linestyle="none", markersize=6.5, label=f"{verdict} bound", **MARKS[status])


def _guess(report: Report) -> float:
    return 1.0 - 1.0 / report.problem.classes


def picture_format(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    Raises:
        InputError: It is none of :data:`FORMATS`.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower().removeprefix(".")
    if suffix not in FORMATS:
        raise InputError("a picture file ending in .png, .svg or .pdf", f"'{os.fspath(path)}'", "change the suffix")
    return suffix


def render(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    background: dict[str, Any] = {} if kind == "svg" else {"facecolor": "white"}
    with mpl.rc_context({"svg.hashsalt": "boundcheck", "pdf.fonttype": 42}):
        figure.savefig(buffer, format=kind, dpi=200, metadata=metadata, **background)
    return buffer.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure whole or not at all.

    Raises:
        InputError: The path can't be written or has another suffix.
    """
    write_whole(path, render(figure, picture_format(path)))


def inline_svg(figure: Figure, prefix: str, title: str, *, legible: int = 0) -> str:
    """A figure as an SVG element for a page: own identifiers, no fixed size, text in the page's colour.

    Args:
        figure: The figure.
        prefix: Put before every identifier, so that several elements fit in one page.
        title: What a reader who doesn't see it is told.
        legible: Width in pixels below which it does not shrink with the page.
    """
    text = render(figure, "svg").decode("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    text = text.replace("url(#", f"url(#{prefix}").replace(INK, "currentColor")
    head, rest = text.split(">", 1)
    width = re.search(r'\bwidth="([\d.]+)pt"', head)
    natural = f"{float(width.group(1)) * 4 / 3:.0f}px" if width else "100%"
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'{head} role="img" aria-label="{label}" style="width:{natural};max-width:max(100%,{legible}px)">{rest}'
