"""Bounds against sample size, and the spheres; one job a size or a run, and started again it does what is missing."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from boundcheck.studies.engine import run_jobs
from boundcheck.studies.nagarajan2019spheres import one_run
from boundcheck.studies.sample_size import NORM_BOUNDS, one_size

HERE = Path(__file__).parent


def plan_of(name: str) -> dict[str, Any]:
    """The configuration of a part."""
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def say(what: str, fraction: float) -> None:
    """Progress as a line."""
    print(f"{fraction:4.0%} {what}", flush=True)


def sizes() -> None:
    """Rows in the folder sizes."""
    plan = plan_of("sizes")
    jobs = [{**plan, "n": n, "seed": seed, "bounds": list(NORM_BOUNDS)} for n, seed in plan.pop("points")]
    run_jobs(one_size, jobs, HERE / "sizes", progress=say)


def spheres() -> None:
    """Rows in the folder spheres."""
    plan = plan_of("spheres")
    jobs = [{**plan, "seed": seed} for seed in plan.pop("seeds")]
    run_jobs(one_run, jobs, HERE / "spheres", progress=say)


if __name__ == "__main__":
    for part in sys.argv[1:] or ("spheres", "sizes"):
        {"sizes": sizes, "spheres": spheres}[part]()
