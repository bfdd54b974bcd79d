"""Intervals of the complexity against sample size and width: one job each; started again, it does what is missing."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

from boundcheck.studies.capacity_sizes import one_class
from boundcheck.studies.engine import run_jobs

HERE = Path(__file__).parent


def run() -> None:
    """Rows in the folder rows."""
    plan = tomllib.loads((HERE / "plan.toml").read_text(encoding="utf-8"))
    jobs = [{**plan, "n": n, "width": width} for n, width in itertools.product(plan["n"], plan["width"])]
    run_jobs(one_class, jobs, HERE / "rows", progress=lambda what, _: print(what, flush=True))


if __name__ == "__main__":
    run()
