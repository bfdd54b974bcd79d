"""The long audit. `python experiments/audit/run.py` writes rows.jsonl, one row for each theorem and setting, and the table."""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import boundcheck
from boundcheck.bounds import CATALOGUE
from boundcheck.files import write_whole
from boundcheck.studies.audit import LEVEL, Audit, Plan, Row
from boundcheck.studies.settings import settings

HERE = Path(__file__).parent


def main() -> int:
    config = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    plan = Plan(dict(CATALOGUE.items()), settings, config["trials"], config["delta"], config["joint"], config["seed"])
    audit = Audit(plan)
    try:
        for done in audit.run(config["workers"]):
            print(f"\r{done} of {audit.total} trials", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(" interrupted", file=sys.stderr)
    rows = audit.rows()
    head = {"format": "boundcheck-audit/1", "boundcheck": boundcheck.__version__, "level": LEVEL, **config}
    lines = [json.dumps({**head, **asdict(row)}, allow_nan=False) for row in rows]
    write_whole(HERE / "rows.jsonl", "\n".join(lines) + "\n")
    write_whole(HERE / "table.md", table(rows))
    return int(not all(row.holds for row in rows))


def table(rows: list[Row]) -> str:
    """Markdown: for each theorem misses over trials in each setting, and the smallest ratio of number to risk."""
    names = list(dict.fromkeys(row.setting for row in rows))
    cells = {(row.theorem, row.setting): row for row in rows}
    lines = ["| theorem | " + " | ".join(names) + " | tightest |", "|---|" + "---:|" * (len(names) + 1)]
    for theorem in dict.fromkeys(row.theorem for row in rows):
        mine = [cells.get((theorem, name)) for name in names]
        ratios = [row.tightest for row in mine if row is not None and row.tightest is not None]
        shown = [_cell(row) for row in mine]
        lines.append(
            f"| {theorem} | " + " | ".join(shown) + f" | {min(ratios):.2f} |"
            if ratios
            else f"| {theorem} | " + " | ".join(shown) + " | |"
        )
    return "\n".join(lines) + "\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    if row.applicable == 0:
        return "n/a"
    text = f"{row.misses} / {row.trials}"
    return text if row.holds else f"**{text}**"


if __name__ == "__main__":
    raise SystemExit(main())
