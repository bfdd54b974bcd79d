"""The interpolant of smallest norm against scikit-learn's KernelRidge(alpha=0): seconds, peak memory, residual.

Run: python experiments/benchmarks/kernels.py [--data mnist] [--n 2000 5000 10000] [--repeat 1]
Each contender is a process of its own, in turn, on the same pixels from 0 to 255, float64 in KernelRidge as is its default. Fits
are timed without imports and loading; the peak is that of the process, imports and data included. scikit-learn's residual is
computed in float64 from its coefficients. A row a size goes to kernel_rows.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from run import machine

import boundcheck

ROWS = Path(__file__).parent / "kernel_rows.jsonl"
BANDWIDTH = 5.0 * 255.0
COMMON = """
import json, resource, sys, time
import numpy as np
from boundcheck.data import load_dataset
data, n = sys.argv[1], int(sys.argv[2])
found = load_dataset(data)
x, y = found.x_train[:n].reshape(n, -1), found.labels("train")[:n]
del found
width = float(sys.argv[3])
"""
OURS = """
from boundcheck.kernels import MinNormInterpolant
start, spent = time.perf_counter(), time.process_time()
k = MinNormInterpolant(bandwidth=width).fit(x, y)
wall, cpu = time.perf_counter() - start, time.process_time() - spent
found = {"residual": k.residual_, "norm": k.norm_}
"""
THEIRS = """
from sklearn.kernel_ridge import KernelRidge
targets = np.eye(10)[y]
start, spent = time.perf_counter(), time.process_time()
k = KernelRidge(alpha=0.0, kernel="rbf", gamma=1.0 / (2.0 * width**2)).fit(x, targets)
wall, cpu = time.perf_counter() - start, time.process_time() - spent
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
off = np.linalg.norm(k.predict(x[:1000]) - targets[:1000]) / np.linalg.norm(targets[:1000])
found = {"residual": float(off), "norm": float(np.sqrt((k.dual_coef_ * targets).sum())), "peak": peak}
"""
END = """
peak = found.pop("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(json.dumps(found | {"wall": round(wall, 2), "cpu": round(cpu, 2), "peak_gib": round(peak / 2**20, 3)}))
"""


def contend(code: str, data: str, n: int) -> dict[str, Any]:
    """One fit in a process of its own."""
    words = [sys.executable, "-c", COMMON + code + END, data, str(n), str(BANDWIDTH)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run with the least processor time: what else the machine does adds to it."""
    return min(runs, key=lambda one: float(one["cpu"]))


def main() -> None:
    """Append a row for each size and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--n", type=int, nargs="+", default=[2000, 5000, 10_000])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="ours only, for sizes beyond the other's memory")
    asked = parser.parse_args()
    for n in asked.n:
        ours, theirs = [], []
        for _ in range(asked.repeat):
            ours.append(contend(OURS, asked.data, n))
            if not asked.alone:
                theirs.append(contend(THEIRS, asked.data, n))
        row: dict[str, Any] = {
            "schema": "boundcheck-kernel-benchmark/1", "boundcheck": boundcheck.__version__, "data": asked.data, "n": n,
            "bandwidth": BANDWIDTH, "ours": best(ours), "repeat": asked.repeat, "threads": os.environ.get("OMP_NUM_THREADS"),
            "load": [round(x, 1) for x in psutil.getloadavg()], "machine": machine(),
        }  # fmt: skip
        if theirs:
            other = best(theirs)
            row["sklearn"] = other
            row["faster_wall"] = round(other["wall"] / row["ours"]["wall"], 2)
            row["faster_cpu"] = round(other["cpu"] / row["ours"]["cpu"], 2)
            row["memory"] = round(row["ours"]["peak_gib"] / other["peak_gib"], 3)
        with ROWS.open("a") as stream:
            stream.write(json.dumps(row, allow_nan=False) + "\n")
        print({key: value for key, value in row.items() if key not in ("schema", "machine")}, flush=True)


if __name__ == "__main__":
    main()
