"""The norm of the interpolant beside its test error, true labels against random ones, raw pixels against fixed maps."""

from __future__ import annotations

import json
from typing import Any

from style import EXPERIMENTS, GUESS, lines, panels, save

SHOWN = {
    "gaussian": "Gaussian, pixels",
    "laplacian": "Laplacian, pixels",
    "arc-cosine": "arc-cosine, pixels",
    "nngp": "NNGP of depth 2, pixels",
    "ntk": "NTK of depth 2, pixels",
    "gabor": "Gaussian, Gabor bank",
    "patches": "Gaussian, random patches",
}
DATA = {"mnist": "MNIST", "cifar10": "CIFAR-10"}


def fits() -> dict[str, dict[str, Any]]:
    """The last row of each name."""
    text = (EXPERIMENTS / "kernel" / "rows.jsonl").read_text(encoding="utf-8")
    return {row["name"]: row for row in map(json.loads, text.splitlines())}


def main() -> None:
    """Draw a panel for each data set, a line from true to random labels for each kernel."""
    rows = fits()
    figure, axes = panels(len(DATA), 3.9, 3.4)
    for panel, (data, title) in zip(axes, DATA.items(), strict=True):
        for (name, label), style in zip(SHOWN.items(), lines(len(SHOWN)), strict=True):
            ends = [rows[f"{data}-2000-{name}-{labels}"] for labels in ("true", "random")]
            norms = [sum(end["kernel"]["norm"]) / 2 for end in ends]
            errors = [end["clean_test_error"] for end in ends]
            panel.plot(norms, errors, label=label, **style)
            hollow = {**style, "linestyle": "none", "markerfacecolor": "white"}
            panel.plot(norms[1:], errors[1:], label="_random", **hollow)
        panel.axhline(0.9, **GUESS)
        panel.text(0.02, 0.91, "guessing", fontsize=7, color=GUESS["color"], transform=panel.transAxes)
        panel.set(xscale="log", ylim=(0.0, 1.0), xlabel="norm of the interpolant", ylabel="test error")
        panel.set_title(f"{title}, 2,000 examples", fontsize=9)
    says = "filled: true labels\nhollow: random labels"
    axes[-1].legend(
        title=says, title_fontsize=7, fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), alignment="left"
    )
    save(figure, "kernel_norms")


if __name__ == "__main__":
    main()
