"""The rows of the sweeps as networks.csv, one line a network, and how they were made in sweeps.json.

Run: python experiments/measures/table.py FOLDER …, the folders that ``boundcheck sweep`` wrote to
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


def told(folder: str, rows: list[Row]) -> dict[str, Any]:
    """How the rows of a folder came about."""
    plan, done = read_plan(folder), [row for row in rows if row.result is not None]
    return {
        "schema": "boundcheck-measures-sweep/1", "boundcheck": plan.version, "plan": plan.sha256, "data": rows[0].config["data"],
        "data_sha256": rows[0].config["data_sha256"], "planned": len(plan.jobs), "networks": len(done),
        "failed": [f"{row.config['varied']}: {row.failed}" for row in rows if row.failed is not None],
        "missed": sum(not (row.result or {})["fitted"] for row in done),
        "cpu_seconds": round(sum(row.cost["cpu_seconds"] for row in done), 1),
        "seconds": round(sum(row.cost["seconds"] for row in done), 1), "machine": rows[0].cost["machine"],
    }  # fmt: skip


def main() -> None:
    """Both files."""
    read = {folder: read_rows(folder) for folder in sys.argv[1:]}
    lines = [line(row) for rows in read.values() for row in rows if row.result is not None]
    pd.DataFrame(lines).to_csv(HERE / "networks.csv", index=False, float_format="%.7g")
    sweeps = [told(folder, rows) for folder, rows in read.items()]
    (HERE / "sweeps.json").write_text(json.dumps(sweeps, indent=1) + "\n", encoding="utf-8")
    for one in sweeps:
        print(one["data"], one["networks"], "of", one["planned"], "networks,", one["missed"], "missed the rule")


if __name__ == "__main__":
    main()
