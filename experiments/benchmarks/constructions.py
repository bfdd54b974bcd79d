"""Time the depth-2 construction, at full size and against a general triangular solve; append rows to construction_rows.jsonl."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.linalg
from run import machine

import boundcheck
from boundcheck.constructions import memorize
from boundcheck.constructions.exact import check_exactly
from boundcheck.constructions.points import INPUTS, draw_points
from boundcheck.constructions.zhang2017depth2 import between, second_differences

HERE = Path(__file__).parent


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """The result, with wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def median(work: Callable[[], Any], runs: int) -> dict[str, float]:
    times = [timed(work)[1] for _ in range(runs)]
    return {kind: statistics.median(t[kind] for t in times) for kind in ("wall", "cpu")}


def against_scipy(inputs: str, n: int, d: int, runs: int) -> dict[str, Any]:
    """Second differences, and the general solver on the same system, in one run."""
    x, y = draw_points(n, d, 10, inputs, seed=0)
    line = memorize(x, y, classes=10).line
    values = y[line.rows].astype(np.float64)
    biases, weights = second_differences(line.z, line.rest, values)

    def built() -> np.ndarray:
        matrix = np.subtract.outer(line.z, biases)
        return np.maximum(matrix, 0.0, out=matrix)

    matrix, build = timed(built)
    general, solve = timed(lambda: scipy.linalg.solve_triangular(matrix, values, lower=True, check_finite=False))
    ours = {
        "second differences": median(lambda: second_differences(line.z, line.rest, values), runs),
        "between": median(lambda: between(line, values), runs),
    }
    slower = {kind: build[kind] + solve[kind] for kind in build}
    return {
        "what": "solve against scipy.linalg.solve_triangular",
        "seconds": {**ours, "matrix": build, "triangular solve": solve},
        "runs": runs,
        "ratio": {name: {kind: slower[kind] / own[kind] for kind in own} for name, own in ours.items()},
        "difference": float(np.abs(general - weights).max() / np.abs(weights).max()),
    }


def full_size(inputs: str, n: int, d: int) -> dict[str, Any]:
    """Everything at full size in this process, which does nothing else."""
    (x, y), drawing = timed(lambda: draw_points(n, d, 10, inputs, seed=0))
    found, building = timed(lambda: memorize(x, y, classes=10))
    wrong, running = timed(lambda: int(found.mistakes.sum()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    values = y[found.line.rows].astype(np.float64)
    rule: Callable[[], Any] = (
        (lambda: between(found.line, values))
        if found.knots == "between"
        else (lambda: second_differences(found.line.z, found.line.rest, values))
    )
    exact, checking = timed(lambda: check_exactly(found.network, x, y))
    return {
        "what": "construct at full size",
        "weights": found.n_weights,
        "knots": found.knots,
        "smallest_gap": found.line.smallest_gap,
        "wrong": wrong,
        "largest_error": found.max_error,
        "wrong_exactly": exact.wrong,
        "largest_error_exactly": float(exact.largest_error),
        "seconds": {
            "drawing the points": drawing,
            "direction, solve and network": building,
            "solve": median(rule, 5),
            "running it on every point": running,
            "checking every point in rational arithmetic": checking,
        },
        "peak_gib": peak,
    }


def row(what: str, inputs: str, n: int, d: int, runs: int) -> dict[str, Any]:
    measured = against_scipy(inputs, n, d, runs) if what == "scipy" else full_size(inputs, n, d)
    return {
        "schema": "boundcheck-benchmark/1",
        "boundcheck": boundcheck.__version__,
        "inputs": inputs,
        "n": n,
        "d": d,
        "seed": 0,
        **measured,
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load": os.getloadavg()[0],
        "machine": machine(),
    }


def say(found: dict[str, Any]) -> None:
    seconds = {name: f"{t['wall']:.4g} s ({t['cpu']:.4g} s CPU)" for name, t in found["seconds"].items()}
    print(f"{found['what']}, n = {found['n']:,}, d = {found['d']}, {found['inputs']}, load {found['load']:.1f}")
    for name, text in seconds.items():
        print(f"  {name}: {text}")
    if "ratio" in found:
        for name, ratio in found["ratio"].items():
            print(f"  {name}: {ratio['wall']:,.0f} times faster than matrix and solve ({ratio['cpu']:,.0f} in CPU seconds)")
    else:
        print(f"  {found['wrong']} labels wrong as it runs, largest error {found['largest_error']:.3g}; in rational arithmetic")
        print(f"  {found['wrong_exactly']} and {found['largest_error_exactly']:.3g}; peak memory {found['peak_gib']:.2f} GiB")


def main() -> None:
    """Each case in a process of its own, so that peaks of memory are its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=51, help="runs of the fast solves; the median is kept")
    parser.add_argument("--case", nargs=2, metavar=("WHAT", "INPUTS"), help="one case alone: scipy or full; gaussian or bytes")
    options = parser.parse_args()
    if options.case is not None:
        what, inputs = options.case
        found = row(what, inputs, 10_000 if what == "scipy" else 1_000_000, 100, options.runs)
        say(found)
        with (HERE / "construction_rows.jsonl").open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(found) + "\n")
        return
    for what in ("scipy", "full"):
        for inputs in INPUTS:
            subprocess.run([sys.executable, __file__, "--runs", str(options.runs), "--case", what, inputs], check=True)


if __name__ == "__main__":
    main()
