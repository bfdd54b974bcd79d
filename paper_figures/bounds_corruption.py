"""Bounds against the fraction of replaced labels, on a logarithmic scale, with the measured error and the line of guessing."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from style import GUESS, finished, level_of, lines, panels, save

from boundcheck.studies.engine import Row

SHOWN = {
    "bartlett2017spectral": "spectral norms (Bartlett 2017)",
    "neyshabur2019role": "hidden units (Neyshabur 2019)",
    "golowich2018size": "Frobenius norms (Golowich 2018)",
    "vapnik1998growth": "growth function (Vapnik)",
    "maurer2004kl": "PAC-Bayes kl (Maurer 2004)",
    "lotfi2022length": "compression (Lotfi 2022)",
    "langford2005testset": "held-out sample (Langford 2005)",
}
"""One or two theorems of each family, with what the legend calls them."""
PARTS = (("bounds", "MLP 64-128-10,\n600 digits of 8 x 8 pixels"), ("bounds-mnist", "MLP 784-128-10,\n2,000 digits of MNIST"))
"""Folder and title of each panel."""


def mean_by_level(rows: Sequence[Row], name: str | None) -> tuple[list[float], list[float], list[float], list[float]]:
    """Levels, geometric middle of the seeds' range, and its ends: of a bound, or of the measured error."""
    found: dict[float, list[float]] = {}
    for row in rows:
        result = row.result or {}
        value = result["test"]["error"] if name is None else result["certificates"][name].get("value")
        if value is not None:
            found.setdefault(level_of(row), []).append(float(value))
    levels = sorted(found)
    low, high = [min(found[p]) for p in levels], [max(found[p]) for p in levels]
    return levels, [(a * b) ** 0.5 for a, b in zip(low, high, strict=True)], low, high


def draw(axes: Axes, rows: Sequence[Row], title: str) -> None:
    """One panel: a line of middles in the range of the seeds for each bound, and the measured error."""
    for (name, label), style in zip(SHOWN.items(), lines(len(SHOWN)), strict=True):
        levels, middle, low, high = mean_by_level(rows, name)
        axes.fill_between(levels, low, high, color=style["color"], alpha=0.15, linewidth=0)
        axes.plot(levels, middle, label=label, **style)
    levels, middle, _, _ = mean_by_level(rows, None)
    axes.plot(levels, middle, color="#000000", linewidth=2.4, label="measured test error, same law")
    axes.axhline(0.9, **GUESS)
    axes.text(1.0, 1.5, "vacuous above the dots", fontsize=7, color=GUESS["color"], ha="right", va="bottom")
    axes.set_yscale("log")
    axes.set(xlabel="fraction of labels replaced", ylabel="bound on the test error (probability 0.95 each)", title=title)


def main() -> None:
    """Draw a panel for each data set."""
    figure, axes = panels(len(PARTS), 3.6, 3.8)
    for panel, (folder, title) in zip(axes, PARTS, strict=True):
        draw(panel, finished(f"randomization/{folder}"), title)
    axes[-1].legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, "bounds_corruption")


if __name__ == "__main__":
    main()
