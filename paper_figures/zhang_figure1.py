"""Figure 1 of Zhang et al. (2017) in the reduced setting: learning curves, time to fit, and test error against corruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from style import GUESS, finished, level_of, lines, network_of, panels, save

from boundcheck.studies.engine import Row

CURVES = ("true labels", "random labels", "shuffled pixels", "random pixels", "gaussian")
NETWORKS = ("MLP 1x512", "MLP 3x512", "AlexNet", "Inception")
PARTS = (
    ("kinds-cifar10", "CIFAR-10", "Inception"),
    ("kinds", "Fashion-MNIST", "MLP 1x512"),
    ("kinds-mnist", "MNIST", "MLP 1x512"),
)
"""A row of panels each: folder, what its data is called, and the network whose curves are shown."""


def styled(rows: Sequence[Row]) -> list[tuple[str, list[Row], dict[str, Any]]]:
    """The networks that have rows, with these; each has the same style everywhere."""
    styles = zip(NETWORKS, lines(len(NETWORKS)), strict=True)
    return [(name, of_network(rows, name), style) for name, style in styles if of_network(rows, name)]


def of_network(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows of one network."""
    return [row for row in rows if network_of(row) == name]


Point = tuple[float, float, float, float]


def by_level(rows: Sequence[Row], value: Callable[[Row], float | None]) -> list[Point]:
    """Fraction of replaced labels, and mean, least and largest of some number over the seeds."""
    found: dict[float, list[float]] = {}
    for row in rows:
        number = value(row) if (row.result or {})["inputs"] == "as-they-are" else None
        if number is not None:
            found.setdefault(level_of(row), []).append(number)
    return [(p, sum(values) / len(values), min(values), max(values)) for p, values in sorted(found.items())]


def draw_levels(axes: Axes, points: Sequence[Point], label: str | None, style: dict[str, Any]) -> None:
    """A line of means with bars from the least to the largest of the seeds."""
    p, mean = [point[0] for point in points], [point[1] for point in points]
    reach = [[point[1] - point[2] for point in points], [point[3] - point[1] for point in points]]
    axes.errorbar(p, mean, yerr=reach, capsize=2, elinewidth=0.8, label=label, **style)


def curves(axes: Axes, rows: Sequence[Row], title: str) -> None:
    """(a) Training loss of one network, one line a seed."""
    for kind, style in zip(CURVES, lines(len(CURVES)), strict=True):
        for place, row in enumerate(row for row in rows if row.result and row.result["kind"] == kind):
            loss = (row.result or {})["curve"]["loss"]
            each = (row.result or {})["steps"] / len(loss)
            steps = [each * (epoch + 1) for epoch in range(len(loss))]
            axes.plot(steps, loss, markevery=max(1, len(loss) // 6), label=kind if place == 0 else None, **style)
    axes.set(xlabel="steps of 25 examples", ylabel="training loss (nats)", title=title)
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=7, frameon=False)


def fit_times(axes: Axes, rows: Sequence[Row]) -> None:
    """(b) Steps to zero training error, relative to true labels under the same seed."""
    for name, mine, style in styled(rows):
        start = {row.config["settings"]["seed"]: steps_to_fit(row) for row in mine if is_true(row)}

        def ratio(row: Row, start: dict[int, float | None] = start) -> float | None:
            steps, true = steps_to_fit(row), start.get(row.config["settings"]["seed"])
            return None if steps is None or true is None else steps / true

        draw_levels(axes, by_level(mine, ratio), name, style)
    axes.axhline(1.0, **GUESS)
    axes.set(xlabel="fraction of labels replaced", ylabel="steps to fit / steps on true labels", title="(b) time to fit")
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=7, frameon=False)


def is_true(row: Row) -> bool:
    """Whether nothing was randomized."""
    return (row.result or {})["kind"] == "true labels"


def steps_to_fit(row: Row) -> float | None:
    """Steps to zero training error, ``None`` where it was not reached."""
    result = row.result or {}
    return float(result["steps"]) if result["fitted"] else None


def test_errors(axes: Axes, rows: Sequence[Row]) -> None:
    """(c) Test error on the law of the training labels, and on clean ones."""
    for name, mine, style in styled(rows):
        draw_levels(axes, by_level(mine, lambda row: float((row.result or {})["test"]["error"])), name, style)
        clean = by_level(mine, lambda row: float((row.result or {})["test"]["clean_error"]))
        faint = style | {"linewidth": 0.7, "markerfacecolor": "none", "markersize": 4}
        axes.plot([point[0] for point in clean], [point[1] for point in clean], **faint)
    axes.axhline(0.9, **GUESS)
    axes.text(0.0, 0.905, "guessing", fontsize=7, color=GUESS["color"], va="bottom")
    axes.set(xlabel="fraction of labels replaced", ylabel="test error", title="(c) test error; open: on clean labels")
    axes.set_ylim(0.0, 1.0)
    axes.legend(fontsize=7, frameon=False, loc="lower right")


def main() -> None:
    """Draw three panels for each data set."""
    figure, axes = panels(3, rows=len(PARTS))
    for place, (folder, data, curved) in enumerate(PARTS):
        rows = finished(f"randomization/{folder}")
        left, middle, right = axes[3 * place : 3 * place + 3]
        curves(left, of_network(rows, curved), f"(a) learning curves, {curved} on {data}")
        fit_times(middle, rows)
        test_errors(right, rows)
    save(figure, "zhang_figure1")


if __name__ == "__main__":
    main()
