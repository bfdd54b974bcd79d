"""Bounds and what they read against sample size, trained to one margin: the test error falls, the norms rise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from style import finished, lines, panels, save

from boundcheck.studies.sample_size import Exponent, exponents

BOUNDS = {
    "golowich2018chevet": "Frobenius norms, Gaussian form",
    "gonon2024peeling": "l1 path norm",
    "neyshabur2015norm": "Frobenius norms (Neyshabur 2015)",
    "bartlett2017spectral": "spectral norms (Bartlett 2017)",
}
TERMS = (
    "distance from the initial weights",
    "product of spectral norms",
    "spectral norms times relative distances",
    "product of Frobenius norms",
    "path norm",
)


def curve(axes: Axes, rows: Sequence[Mapping[str, Any]], logs: Sequence[float], label: str, style: Mapping[str, Any]) -> None:
    """One quantity on logarithmic axes: a line through means of the seeds; what missed the margin is open and off the line."""
    points = [(row["n"], value, row["reached"]) for row, value in zip(rows, logs, strict=True)]
    sizes = sorted({n for n, _, reached in points if reached})
    means = [10.0 ** fmean(value for n, value, reached in points if reached and n == size) for size in sizes]
    axes.plot(sizes, means, label=label, **{**style, "marker": ""})
    for marked, fill in ((True, style["color"]), (False, "none")):
        shown = {**style, "linestyle": "none", "markerfacecolor": fill}
        axes.plot([n for n, _, ok in points if ok == marked], [10.0**v for _, v, ok in points if ok == marked], **shown)


def with_exponent(label: str, found: Exponent | None) -> str:
    """A legend entry with the fitted power of n."""
    if found is None:
        return label
    error = "" if found.standard_error is None else f" ± {found.standard_error:.2f}"
    return f"{label}: n^({found.exponent:+.2f}{error})"


def main() -> None:
    """Draw both panels."""
    rows = sorted((dict(row.result or {}) for row in finished("uniform_convergence/sizes")), key=lambda row: row["n"])
    fits = exponents(rows)
    figure, (left, right) = panels(2, 4.4, 5.2)
    shown = {name: label for name, label in BOUNDS.items() if all(name in row["log10_bounds"] for row in rows)}
    styles = lines(len(shown) + 1)
    errors = [log10(row["test_errors"] / row["test_n"]) for row in rows]
    label = with_exponent("measured test error", fits["test error"].get("test error"))
    curve(left, rows, errors, label, styles[0] | {"color": "#000000", "linewidth": 2.2})
    for (name, title), style in zip(shown.items(), styles[1:], strict=True):
        label = with_exponent(title, fits["bounds"].get(name))
        curve(left, rows, [row["log10_bounds"][name] for row in rows], label, style)
    left.set(ylabel="bound on the test error (probability 0.95)", title="bounds")
    for name, style in zip(TERMS, lines(len(TERMS)), strict=True):
        curve(right, rows, [row["terms"][name] for row in rows], with_exponent(name, fits["terms"].get(name)), style)
    right.set(ylabel="norm", title="what bounds read")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="training examples n")
        axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    save(figure, "sample_size")


if __name__ == "__main__":
    main()
