"""Figures of a ranking: how sign errors are distributed over environments, and Kendall's coefficient by hyper-parameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from boundcheck.report.plot import BLUE, INK, MUTED, VERMILLION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boundcheck.ranking.statistics import Judged, Ranking

_BINS = 101
_MARKS: tuple[tuple[str, Any, str], ...] = (("mean", ":", "#E69F00"), ("p90", "--", "#CC79A7"), ("largest", "-", VERMILLION))
_LABELS = {"mean": "mean", "p90": "90th percentile", "largest": "maximum"}


def draw_sign_errors(ranking: Ranking) -> Figure:
    """The distribution function of each measure's sign errors, one column a measure, one panel a hyper-parameter.

    Darkness at height x is the share of environments with a sign error of at most x, as in Figure 1 of Dziugaite et al. (2020).
    """
    lines = [line for line in ranking.judged if not line.constant]
    names = list(ranking.networks.settings)
    panels: list[tuple[str, NDArray[np.bool_]]] = [("all", np.ones(len(ranking.pairs.starts), dtype=bool))]
    panels += [(name, ranking.pairs.hyperparameter == index) for index, name in enumerate(names)]
    width, height = max(7.2, 1.6 + 0.21 * len(lines)), 1.9 + 1.05 * len(panels)
    figure = Figure(figsize=(width, height))
    bottom = _label_room(lines) / height
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
    figure.subplots_adjust(left=1.0 / width, right=1.0 - 0.85 / width, top=1.0 - 0.42 / height, bottom=bottom, hspace=0.16)
    image = None
    for axes, (name, kept) in zip(grid[:, 0], panels, strict=True):
        image = axes.imshow(
            _distributions(lines, kept), origin="lower", aspect="auto", cmap="Blues", vmin=0.0, vmax=1.0,
            extent=(-0.5, len(lines) - 0.5, 0.0, 1.0), interpolation="nearest",
        )  # fmt: skip
        _summaries(axes, lines, kept)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0.0, 0.5, 1.0], ["0", "1/2", "1"], fontsize=7)
        count = max((int((~np.isnan(line.errors[kept])).sum()) for line in lines), default=0)
        axes.set_ylabel(f"{name}\n({count})", fontsize=7.5, color=INK)
        axes.axhline(0.5, color=MUTED, linewidth=0.5, zorder=0.5)
    _names(grid[-1, 0], lines)
    if image is not None:
        bar = figure.colorbar(image, cax=figure.add_axes((1.0 - 0.7 / width, bottom, 0.12 / width, 1.0 - bottom - 0.42 / height)))
        bar.set_label("share of environments", fontsize=7)
        bar.ax.tick_params(labelsize=6.5)
    handles = [Line2D([], [], linestyle=style, color=color, label=_LABELS[field]) for field, style, color in _MARKS]
    figure.legend(handles=handles, loc="upper center", ncols=3, fontsize=7.5, frameon=False, borderaxespad=0.3)
    figure.text(0.12 / width, 0.5, "sign error (number of environments)", rotation=90, va="center", fontsize=7.5, color=INK)
    return figure


def draw_granulated(ranking: Ranking) -> Figure:
    """Kendall's coefficient over all pairs, and by the hyper-parameter that changes: one row a measure."""
    lines = [line for line in ranking.judged if not line.constant]
    names = list(ranking.networks.settings)
    columns = [*names, "psi", "tau"]
    values = np.array(
        [[_or_nan(line.psi[name]) for name in names] + [_or_nan(line.mean_psi), _or_nan(line.tau)] for line in lines]
    ).reshape(len(lines), len(columns))
    above = 0.2 + 0.05 * max(len(name) for name in columns)
    width, height = 2.6 + 0.62 * len(columns), 0.15 + above + 0.2 * len(lines)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((1.95 / width, 0.15 / height, 0.6 * len(columns) / width, 0.2 * len(lines) / height))
    axes.imshow(values, cmap="RdBu", vmin=-1.0, vmax=1.0, aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(values):
        text = "" if math.isnan(value) else f"{round(float(value), 2) + 0.0:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if abs(value) > 0.6 else INK)
    axes.set_xticks(range(len(columns)), columns, fontsize=7, rotation=40, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(lines)), [line.name for line in lines], fontsize=7)
    axes.axvline(len(names) - 0.5, color=INK, linewidth=1.0)
    first = next((index for index, line in enumerate(lines) if line.kind == "baseline"), None)
    if first:
        axes.axhline(first - 0.5, color=INK, linewidth=1.0)
    axes.tick_params(length=0)
    return figure


def _distributions(lines: list[Judged], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distribution functions on a grid, shape (bins, measures); NaN, drawn as nothing, for a measure without environments."""
    steps = np.linspace(0.0, 1.0, _BINS)
    found = np.full((_BINS, len(lines)), np.nan)
    for index, line in enumerate(lines):
        errors = np.sort(line.errors[kept & ~np.isnan(line.errors)])
        if len(errors):
            found[:, index] = np.searchsorted(errors, steps + 1e-9, side="right") / len(errors)
    return found


def _summaries(axes: Axes, lines: list[Judged], kept: NDArray[np.bool_]) -> None:
    for index, line in enumerate(lines):
        errors = line.errors[kept & ~np.isnan(line.errors)]
        if not len(errors):
            axes.plot([index], [0.5], marker="x", color=MUTED, markersize=4)
            continue
        heights = {"mean": errors.mean(), "p90": np.percentile(errors, 90), "largest": errors.max()}
        for field, style, color in _MARKS:
            axes.plot([index - 0.5, index + 0.5], [heights[field]] * 2, linestyle=style, color=color, linewidth=1.4)


def _names(axes: Axes, lines: list[Judged]) -> None:
    axes.set_xticks(
        range(len(lines)), [line.name for line in lines], fontsize=6.5, rotation=60, ha="right", rotation_mode="anchor"
    )
    axes.tick_params(axis="x", length=0)
    for label, line in zip(axes.get_xticklabels(), lines, strict=True):
        label.set_color({"bound": BLUE, "baseline": MUTED}.get(line.kind, INK))


def _label_room(lines: list[Judged]) -> float:
    """Inches that slanted names need below the last panel."""
    return 0.25 + 0.05 * max((len(line.name) for line in lines), default=0)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
