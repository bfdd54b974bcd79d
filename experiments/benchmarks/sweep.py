"""Networks of a sweep at the size of the goal: processor seconds of each, training and all cheap measures and bounds included.

Run: python experiments/benchmarks/sweep.py [--networks 40] [--workers 2]
MLPs 784-128-128-10 take 20 epochs each on 10,000 examples of MNIST, read from $BOUNDCHECK_DATA; no rule ends them earlier. A row
goes to sweep_rows.jsonl. The minutes of 1,000 networks are the wall seconds of these times 1,000 over their number: extrapolated.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import boundcheck
from boundcheck.studies.engine import run_jobs
from boundcheck.studies.machine import machine
from boundcheck.studies.sweep import make_jobs, run_job
from boundcheck.studies.sweep.design import design_of

ROWS = Path(__file__).parent / "sweep_rows.jsonl"
EPOCHS, N, SEEDS = 20, 10_000, 2


def measure(networks: int, workers: int) -> dict[str, Any]:
    """The row of one run."""
    rates = max(2, networks // SEEDS)
    content = {
        "epochs": EPOCHS, "stop": "loss:1e-30", "seeds": SEEDS, "fixed": {"data": "mnist", "n": N, "width": 128, "depth": 2},
        "vary": {"lr": [round(0.02 + 0.04 * i / rates, 6) for i in range(rates)]},
    }  # fmt: skip
    jobs = make_jobs(design_of(content, "the benchmark"))
    before, start = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows = run_jobs(run_job, jobs, folder, workers=workers, progress=lambda what, _: print(what, flush=True))
    wall = time.perf_counter() - start
    spent = [row.cost["cpu_seconds"] for row in rows]
    return {
        "schema": "boundcheck-sweep-benchmark/1", "boundcheck": boundcheck.__version__, "machine": machine(), "n": N,
        "epochs": EPOCHS, "networks": len(rows), "workers": workers, "measures": len(jobs[0]["measures"]),
        "bounds": len(jobs[0]["bounds"]), "load_before": before, "seconds": wall, "cpu_seconds_median": statistics.median(spent),
        "cpu_seconds_mean": statistics.mean(spent), "minutes_of_1000_extrapolated": wall / len(rows) * 1000 / 60,
    }  # fmt: skip


def main() -> None:
    """One row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    row = measure(options.networks, options.workers)
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
