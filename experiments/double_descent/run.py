"""Test error and norm against the number of random features; started again, it does what is missing."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

from boundcheck.studies.double_descent import one_width
from boundcheck.studies.engine import run_jobs

HERE = Path(__file__).parent


def run() -> None:
    """Rows in the folder rows."""
    plan = tomllib.loads((HERE / "plan.toml").read_text(encoding="utf-8"))
    counts, seeds = plan.pop("features"), plan.pop("seeds")
    jobs = [{**plan, "features": p, "seed": seed} for p, seed in itertools.product(counts, seeds)]
    run_jobs(one_width, jobs, HERE / "rows", progress=lambda what, _: print(what, flush=True))


if __name__ == "__main__":
    run()
