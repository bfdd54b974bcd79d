"""The tables of the page from the committed rows, in Markdown."""

from __future__ import annotations

from pathlib import Path

from boundcheck.studies.engine import read_rows
from boundcheck.studies.sample_size import exponents

HERE = Path(__file__).parent
TERMS = ("distance from the initial weights", "product of spectral norms")
BOUNDS = ("bartlett2017spectral", "golowich2018chevet")


def tables() -> str:
    """Points, then exponents."""
    rows = sorted((dict(row.result or {}) | {"seed": row.config["seed"]} for row in read_rows(HERE / "sizes")), key=_place)
    lines = [f"| n | seed | 99 % at margin 10 | epochs | test error | {' | '.join((*TERMS, *BOUNDS))} |", "|" + "---|" * 9]
    for row in rows:
        error = f"{row['test_errors'] / row['test_n']:.4f}"
        logs = [*(row["terms"][name] for name in TERMS), *(row["log10_bounds"][name] for name in BOUNDS)]
        shown = " | ".join(f"{10.0**log:.3g}" for log in logs)
        reached = "yes" if row["reached"] else f"no ({row['level']:.3f})"
        lines.append(f"| {row['n']} | {row['seed']} | {reached} | {row['epochs']} | {error} | {shown} |")
    lines += ["", "| quantity | exponent of n | standard error | points |", "|---|---|---|---|"]
    for found in exponents(rows).values():
        for name, fit in found.items():
            error = "" if fit.standard_error is None else f"{fit.standard_error:.2f}"
            lines.append(f"| {name} | {fit.exponent:+.2f} | {error} | {fit.points} |")
    return "\n".join(lines)


def _place(row: dict[str, int]) -> tuple[int, int]:
    return row["n"], row["seed"]


if __name__ == "__main__":
    print(tables())
