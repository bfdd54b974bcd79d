"""The rows of sweeps as a CSV each, one line a network, and how they were made in sweeps.json.

Run: python experiments/measures/table.py FOLDER …, the folders that ``boundcheck sweep`` wrote to, called as their plans are
Numbers keep seven digits; a bound stands as its decimal logarithm under bound:NAME, as ``boundcheck rank`` reads it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from boundcheck.studies.engine import Row, read_rows
from boundcheck.studies.engine.ledger import read_plan

HERE = Path(__file__).parent
SWEEPS = HERE / "sweeps.json"


def line(row: Row) -> dict[str, Any]:
    """One network: what was set, how training went, errors, measures, bounds."""
    found = dict(row.result or {})
    test = found["test"]
    return {
        "data": row.config["data"], **found["settings"], "epochs": found["epochs"], "fitted": found["fitted"],
        "train_error": found["train"]["error"], "test_size": test["n"], "test_error": test["error"],
        "clean_test_error": test["clean_error"], "cpu_seconds": row.cost["cpu_seconds"], **found["measures"],
        **{f"bound:{name}": value for name, value in found["bounds"].items()},
    }  # fmt: skip


def told(folder: Path, rows: list[Row]) -> dict[str, Any]:
    """How the rows of a folder came about."""
    plan, done = read_plan(folder), [row for row in rows if row.result is not None]
    return {
        "schema": "boundcheck-measures-sweep/2", "study": folder.name, "boundcheck": plan.version, "plan": plan.sha256,
        "data": rows[0].config["data"], "data_sha256": rows[0].config["data_sha256"], "planned": len(plan.jobs),
        "networks": len(done), "failed": [f"{row.config['varied']}: {row.failed}" for row in rows if row.failed is not None],
        "missed": sum(not (row.result or {})["fitted"] for row in done),
        "cpu_seconds": round(sum(row.cost["cpu_seconds"] for row in done), 1),
        "seconds": round(sum(row.cost["seconds"] for row in done), 1), "machine": rows[0].cost["machine"],
    }  # fmt: skip


def main() -> None:
    """A CSV for each folder; sweeps.json keeps what it says of other studies."""
    sweeps = {one["study"]: one for one in json.loads(SWEEPS.read_text(encoding="utf-8"))}
    for folder in map(Path, sys.argv[1:]):
        rows = read_rows(folder)
        lines = [line(row) for row in rows if row.result is not None]
        pd.DataFrame(lines).to_csv(HERE / f"{folder.name}.csv", index=False, float_format="%.7g")
        one = sweeps[folder.name] = told(folder, rows)
        print(f"{folder.name}: {one['networks']} of {one['planned']} networks, {one['missed']} missed the rule")
    SWEEPS.write_text(json.dumps(list(sweeps.values()), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
