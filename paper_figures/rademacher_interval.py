"""The complexity of the class of all networks of a width, as an interval, against sample size: one panel a width."""

from __future__ import annotations

from style import COLOURS, GUESS, finished, panels, save


def main() -> None:
    """Draw the panels: from what fits of random signs show to what counting allows."""
    rows = [{**(row.result or {}), **row.config} for row in finished("rademacher/rows")]
    rows = [row for row in rows if row["key"] == "exact"]
    widths = sorted({row["width"] for row in rows})
    figure, axes = panels(len(widths), 2.3, 2.9)
    for place, (panel, width) in enumerate(zip(axes, widths, strict=True)):
        mine = sorted((row for row in rows if row["width"] == width), key=lambda row: row["n"])
        n, low, high = ([row[key] for row in mine] for key in ("n", "lower", "upper"))
        panel.fill_between(n, low, high, color=COLOURS[0], alpha=0.15, linewidth=0)
        panel.plot(n, high, color=COLOURS[0], linestyle="--", marker="v", markersize=5, label="at most: loss patterns")
        panel.plot(n, low, color=COLOURS[1], marker="^", markersize=5, label="at least: random signs fitted")
        panel.axhline(0.5, **GUESS)
        panel.set(xscale="log", xlim=(min(n) / 1.3, max(n) * 1.3), ylim=(-0.01, 0.53), xlabel="training examples n")
        panel.set_xticks(n, [f"{k:,}" for k in n])
        panel.minorticks_off()
        units = "unit" if width == 1 else "units"
        panel.set_title(f"{width} hidden {units}, {mine[0]['parameters']} weights", fontsize=9)
        if place == 0:
            panel.set_ylabel("Rademacher complexity of the losses")
    axes[0].legend(fontsize=6.5, frameon=False, loc="upper right", bbox_to_anchor=(1.03, 0.93))
    save(figure, "rademacher_interval")


if __name__ == "__main__":
    main()
