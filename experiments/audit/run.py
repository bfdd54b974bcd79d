"""The long audit. `python experiments/audit/run.py` writes rows.jsonl, one row for each theorem and setting, and the tables."""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import boundcheck
from boundcheck.bounds import CATALOGUE
from boundcheck.files import write_whole
from boundcheck.studies.audit import LEVEL, Audit, Plan
from boundcheck.studies.audit_table import read_rows, whole_page
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
    write_whole(HERE / "table.md", whole_page(read_rows(HERE / "rows.jsonl"), CATALOGUE))
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
