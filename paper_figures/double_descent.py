"""Double descent of the interpolant of smallest norm on random features, with its norm."""

from __future__ import annotations

import statistics

from style import GUESS, finished, lines, panels, save


def main() -> None:
    """Draw both panels: lines through medians of the seeds, all seeds as points."""
    rows = [{**row.config, **(row.result or {})} for row in finished("double_descent/rows")]
    n = rows[0]["n"]
    counts = sorted({row["features"] for row in rows})
    figure, (left, right) = panels(2, 4.0, 3.2)
    shown = ((left, "test_error", "test error", 0), (left, "train_error", "training error", 1), (right, "norm", "norm", 2))
    for axes, key, label, place in shown:
        style = lines(3)[place]
        middle = [statistics.median(row[key] for row in rows if row["features"] == p) for p in counts]
        axes.plot(counts, middle, label=label, **style)
        points = {**style, "linestyle": "none", "markersize": 2.5, "alpha": 0.5}
        axes.plot([row["features"] for row in rows], [row[key] for row in rows], **points)
    for axes in (left, right):
        axes.set(xscale="log", xlabel="random features p")
        axes.axvline(n, **GUESS)
    left.text(n * 1.06, 0.95, "p = n", fontsize=7, color=GUESS["color"])
    left.set(ylabel="error", ylim=(-0.02, 1.0))
    left.set_title(f"{n} digits of MNIST, 10 % of labels replaced", fontsize=9)
    left.legend(fontsize=7, frameon=False, loc="upper right")
    right.set(yscale="log", ylabel="Frobenius norm of the coefficients")
    right.set_title("norm of the interpolant", fontsize=9)
    save(figure, "double_descent")


if __name__ == "__main__":
    main()
