"""What the figures share: colours that the colour-blind tell apart, lines and marks that survive a grey printer, rows to read."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boundcheck.data import parse_labels
from boundcheck.studies.engine import Row, read_rows

mpl.rcParams["axes.titlesize"] = 9  # each set_title reads it
HERE = Path(__file__).parent
EXPERIMENTS = HERE.parent / "experiments"
# M. Okabe and K. Ito, Color universal design, 2008; yellow is left out, which print loses.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), "-")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
GUESS = {"color": "#555555", "linewidth": 1.0, "linestyle": (0, (1, 1))}
"""The line at the error of guessing."""


def lines(count: int) -> list[dict[str, Any]]:
    """Styles of lines that differ in colour, dashes and mark."""
    styles = zip(cycle(COLOURS), cycle(DASHES), cycle(MARKS), strict=False)
    return [{"color": c, "linestyle": d, "marker": m, "markersize": 5, "linewidth": 1.4} for c, d, m in islice(styles, count)]


def panels(count: int, width: float = 3.7, height: float = 3.1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of panels, so many in each row; sizes of one panel in inches."""
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(width * count, height * rows), layout="constrained")
        axes = [figure.add_subplot(rows, count, i + 1) for i in range(rows * count)]
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8)
    return figure, axes


def save(figure: Figure, name: str) -> None:
    """Write a picture beside the scripts."""
    path = HERE / f"{name}.png"
    figure.savefig(path, dpi=200, metadata={"Software": None})  # the same bytes for the same rows
    print(path.relative_to(HERE.parent))


def finished(folder: str) -> list[Row]:
    """The rows of an experiment that did not fail."""
    return [row for row in read_rows(EXPERIMENTS / folder) if row.result is not None]


def network_of(row: Row) -> str:
    """What the paper calls the network of a row."""
    kwargs = row.config["model_kwargs"]
    if row.config["model"] == "mlp":
        return f"MLP {len(kwargs['widths'])}x{kwargs['widths'][0]}"
    name = {"alexnet": "AlexNet", "inception": "Inception"}[row.config["model"]]
    return name if kwargs.get("batchnorm", True) else f"{name} without BatchNorm"


def level_of(row: Row) -> float:
    """The fraction of labels that are replaced, in expectation."""
    return parse_labels((row.result or {})["labels"]).p
