"""Figure 2 of Zhang et al. (2017) in the reduced setting: the test error on the way, with and without regularizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from style import GUESS, finished, lines, network_of, panels, save

from boundcheck.studies.engine import Row

BATCHNORM = {"Inception": "with BatchNorm", "Inception without BatchNorm": "without"}
REGULARIZED = {
    (): "no regularizer",
    ("weight-decay",): "weight decay",
    ("augment",): "crops",
    ("augment", "weight-decay"): "both",
}


def on_true_labels(row: Row) -> bool:
    """Whether a row is of the true labels, the only ones that a held-out image can tell something about."""
    return (row.result or {})["kind"] == "true labels"


def draw(axes: Axes, rows: Sequence[Row], label_of: Callable[[Row], str], title: str) -> None:
    """Error on the watched held-out images after each epoch, a line a row, and a mark where it is least."""
    for row, style in zip(rows, lines(len(rows)), strict=True):
        errors = (row.result or {})["curve"]["clean_test_error"]
        best = min(range(len(errors)), key=errors.__getitem__)
        axes.plot(range(1, len(errors) + 1), errors, markevery=max(1, len(errors) // 6), label=label_of(row), **style)
        axes.plot([best + 1], [errors[best]], marker="o", markersize=11, markerfacecolor="none", color=style["color"])
    axes.axhline(0.9, **GUESS)
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
    axes.text(0.99, 0.905, "guessing", fontsize=7, color=GUESS["color"], **place)
    axes.set(xlabel="epochs", ylabel="error on watched held-out images", title=title)
    axes.set_ylim(0.4, 1.0)
    axes.legend(fontsize=7, frameon=False, loc="lower left")


def main() -> None:
    """Batch normalization on the left, regularizers on the right."""
    rows = [row for row in finished("randomization/regularizers") if on_true_labels(row)]
    figure, (left, right) = panels(2)
    plain = [row for row in rows if network_of(row) in BATCHNORM and not row.config["regularize"]]
    draw(left, plain, lambda row: BATCHNORM[network_of(row)], "(a) Inception; circles: where to stop early")
    alexnets = [row for row in rows if network_of(row) == "AlexNet"]
    draw(right, alexnets, lambda row: REGULARIZED[tuple(row.config["regularize"])], "(b) AlexNet")
    save(figure, "zhang_figure2")


if __name__ == "__main__":
    main()
