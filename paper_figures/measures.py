"""Sign errors of measures and bounds over environments: mean, 90th percentile and maximum, on true and on noisy labels."""

from __future__ import annotations

import json
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from style import COLOURS, EXPERIMENTS, GUESS, panels, save

PANELS = (
    ("mnist", "true"), ("mnist", "noisy"), ("cifar10", "true"), ("cifar10", "noisy"), ("regularized", "true"),
    ("regularized", "noisy"), ("certificates", "both"),
)  # fmt: skip
TITLES = {
    "mnist": "MNIST", "cifar10": "CIFAR-10", "regularized": "MNIST, batches and decay", "certificates": "MNIST, certificates",
    "true": "true labels", "noisy": "some replaced", "both": "both labels",
}  # fmt: skip


def main() -> None:
    """One panel for each study and kind of labels; names in the order of their mean over the panels."""
    text = (EXPERIMENTS / "measures" / "rankings.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    found = {key: {one["name"]: one for one in lines if (one["study"], one["labels"]) == key} for key in PANELS}
    shown = {key: part for key, part in found.items() if part}
    names = _ordered(shown)
    figure, axes = panels(len(shown), 1.9, 1.0 + 0.135 * len(names))
    for panel, (key, found) in zip(axes, shown.items(), strict=True):
        for place, name in enumerate(names):
            error = found[name]["sign_error"] if name in found else {"mean": None}
            if error["mean"] is None:
                continue
            color = COLOURS[0] if name.startswith("bound:") else COLOURS[1]
            panel.plot([error["mean"], error["largest"]], [place, place], color=color, linewidth=0.8, alpha=0.5)
            panel.plot([error["p90"]], [place], marker="|", color=color, markersize=5)
            panel.plot([error["mean"]], [place], marker="o", color=color, markersize=3)
        panel.axvline(0.5, **GUESS)
        panel.set(xlim=(-0.03, 1.03), ylim=(len(names) - 0.4, -0.6), xlabel="sign error", title="\n".join(TITLES[k] for k in key))
        panel.set_yticks(range(len(names)), [""] * len(names))
        panel.title.set_size(7.5)
    axes[0].set_yticks(range(len(names)), [name.removeprefix("bound:") for name in names], fontsize=6)
    for label, name in zip(axes[0].get_yticklabels(), names, strict=True):
        label.set_color(COLOURS[0] if name.startswith("bound:") else COLOURS[1])
    dot, tick = ({"marker": mark, "color": "0.3", "linestyle": "", "markersize": size} for mark, size in (("o", 3), ("|", 5)))
    key = [
        Line2D([], [], **dot, label="mean"), Line2D([], [], **tick, label="90th percentile"),
        Line2D([], [], color="0.3", linewidth=0.8, alpha=0.5, label="up to the largest"), Line2D([], [], **GUESS, label="chance"),
        Patch(color=COLOURS[0], label="bound"), Patch(color=COLOURS[1], label="measure"),
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside lower center", ncols=6, fontsize=6, frameon=False)
    save(figure, "measures")


def _ordered(shown: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Measures and bounds that some panel can judge, the baselines left out."""
    means: dict[str, list[float]] = {}
    for found in shown.values():
        for name, one in found.items():
            if one["kind"] != "baseline" and one["sign_error"]["mean"] is not None:
                means.setdefault(name, []).append(one["sign_error"]["mean"])
    return sorted(means, key=lambda name: sum(means[name]) / len(means[name]))


if __name__ == "__main__":
    main()
