"""The table of certificates, made from the rows of experiments/certificates, wherever a page has a place for it."""

from __future__ import annotations

import json
import math
import statistics
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OPEN, CLOSE = "<!-- certificates -->", "<!-- /certificates -->"
FOLDER = Path("experiments") / "certificates"
_ABOUT = {"gibbs": "a stochastic network", "compressed": "the decoded network", "prior": "the prior's network"}

Row = Mapping[str, Any]


def read_rows(root: Path) -> list[Row]:
    """All rows, in the order in which they were made.

    Args:
        root: Folder of the repository.
    """
    path = root / FOLDER / "rows.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def table(config: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """One line for each setting of the configuration: the medians over its seeds.

    Args:
        config: As config.toml holds it.
        rows: Of any settings.
    """
    columns = (
        "setting", "published", "to reach", "reached", "seeds", "about", "divergence, nats", "risk of the draws", "Monte Carlo",
        "error held out", "CPU, s",
    )  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, asked in config.items():
        if isinstance(asked, dict):
            own = [row for row in rows if row["setting"] == name]
            lines.extend(_lines(asked, own))
    return "\n".join(lines)


def _lines(asked: Mapping[str, Any], rows: Sequence[Row]) -> list[str]:
    """The line of a setting, and one for each certificate beside the first."""
    goal = f"{asked['reach']:g}" if "reach" in asked else "-"
    goal = f"at least {asked['least']:g}" if "least" in asked else goal
    if not rows:
        return [f"| {asked['says']} | {asked['published']} | {goal} | not run | 0 | | | | | | |"]
    cpu = _median([sum(row["cpu_seconds"].values()) for row in rows])
    lines = []
    for name in asked["bounds"]:
        found = [next(c for c in row["certificates"] if c["name"] == name) for row in rows]
        values = [math.inf if c["value"] is None else float(c["value"]) for c in found]
        middle = statistics.median(values)
        first = not lines
        met = _met(asked, middle) if first else ""
        reached = f"**{_up(middle)}**{met}" if first else f"beside it, `{name}`: {_up(middle)}"
        left = [asked["says"], asked["published"], goal] if first else ["", "", ""]
        gibbs = found[0]["about"] == "gibbs"
        parts = [*left, reached, str(len(rows)), _ABOUT.get(found[0]["about"], found[0]["about"]), *_drawn(found, rows, gibbs)]
        # Of that which the certificate is about: the first network of a prior is not the last one.
        held_out = _median([math.nan if c["test_error"] is None else float(c["test_error"]) for c in found])
        lines.append("| " + " | ".join([*parts, f"{held_out:.4f}", f"{cpu:.0f}" if first else ""]) + " |")
    return lines


def _met(asked: Mapping[str, Any], value: float) -> str:
    """Whether a goal was reached; on random labels a small number would be the failure."""
    if "least" in asked:
        return " (as it must)" if value >= asked["least"] else " (too small)"
    return "" if "reach" not in asked else (" (met)" if value <= asked["reach"] else " (not met)")


def _drawn(found: Sequence[Mapping[str, Any]], rows: Sequence[Row], gibbs: bool) -> list[str]:
    """Divergence, risk and Monte Carlo slack of a stochastic network; nothing for a network of its own."""
    if not gibbs:
        return ["", "", ""]
    nats = _median([float(c["choices"]["KL"]) for c in found])
    slack = _median([float(c["terms"]["Monte Carlo confidence"]) for c in found])
    return [f"{nats:,.0f}", f"{_median([row['posterior']['risk'] for row in rows]):.4f}", f"{slack:.4f}"]


def _median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def _up(value: float) -> str:
    """Four decimals, rounded up: a bound stays one."""
    return f"{math.ceil(value * 1e4 - 1e-9) / 1e4:.4f}" if math.isfinite(value) else "none"


def with_certificates(text: str, root: Path) -> str:
    """A page with its table of certificates renewed; unchanged where it has no place for one.

    Args:
        text: The page.
        root: Folder of the repository.
    """
    if OPEN not in text or CLOSE not in text:
        return text
    config = tomllib.loads((root / FOLDER / "config.toml").read_text(encoding="utf-8"))
    before, _, rest = text.partition(OPEN)
    _, _, after = rest.partition(CLOSE)
    return f"{before}{OPEN}\n{table(config, read_rows(root))}\n{CLOSE}{after}"


def certificates_pages(root: Path) -> dict[Path, str]:
    """The page beside the rows, by path.

    Args:
        root: Folder of the repository.
    """
    page = root / FOLDER / "README.md"
    return {page: with_certificates(page.read_text(encoding="utf-8"), root)}
