"""The long audit: one row for each theorem and setting, and the tables.

Run: python experiments/audit/run.py [--workers 2]
Finished batches are kept in out/ as they end: after an interruption the same command finishes what is missing. Batches of another
commit or configuration are refused, not mixed in; name another folder with --out, or remove the old one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import boundcheck
from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.files import write_whole
from boundcheck.studies.audit import LEVEL
from boundcheck.studies.audit_jobs import batch, costs, gathered, jobs
from boundcheck.studies.audit_table import read_rows, whole_page
from boundcheck.studies.engine import run_jobs
from boundcheck.studies.machine import code

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=HERE / "config.toml", help="trials, delta, joint, seed, workers")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder of the finished batches")
    parser.add_argument("--rows", type=Path, default=HERE / "rows.jsonl", help="where the rows go, and table.md beside them")
    parser.add_argument("--workers", type=int, help="processes, in place of the configuration's")
    options = parser.parse_args()
    config = tomllib.loads(options.config.read_text(encoding="utf-8"))
    config["workers"] = options.workers or config["workers"]
    this = code()
    try:
        done = run_jobs(batch, jobs(config, this), options.out, workers=config["workers"], retry_failed=True, progress=tell)
        audit = gathered(config, done)
    except InputError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ninterrupted; the finished batches are in {options.out}: the same command goes on", file=sys.stderr)
        return 130
    rows, spent = audit.rows(), costs(done)
    head = {"format": "boundcheck-audit/1", "boundcheck": boundcheck.__version__, "code": this, "level": LEVEL, **config}
    head["machine"] = done[0].cost["machine"]
    lines = [json.dumps({**head, **asdict(row), **spent[row.setting]}, allow_nan=False) for row in rows]
    write_whole(options.rows, "\n".join(lines) + "\n")
    write_whole(options.rows.with_name("table.md"), whole_page(read_rows(options.rows), CATALOGUE))
    print()
    for name, cost in spent.items():
        print(f"{name:12} {cost['cpu_seconds']:8.0f} s of processor, {cost['cpu_seconds'] / config['trials']:.3f} s a trial")
    return int(not all(row.holds for row in rows))


def tell(what: str, fraction: float) -> None:
    print(f"\r{what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
