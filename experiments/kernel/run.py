"""Kernel interpolation after section 5 of Zhang et al. (2017): norms beside test errors, on true and on random labels.

Run: python experiments/kernel/run.py [--only NAME ...]; a row a fit is appended to rows.jsonl. MNIST and CIFAR-10 are read from
$BOUNDCHECK_DATA. ``full`` is all of MNIST: 8 GB and some twenty minutes on two idle cores; --factor keeps its factor.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import boundcheck
from boundcheck.kernels import MinNormInterpolant
from boundcheck.kernels.study import KernelJob, prepare, run

ROWS = Path(__file__).parent / "rows.jsonl"
FEATURES = {"raw": (None, 5.0), "gabor": ("gabor", 4.0), "patches": ("patches:64", 4.0)}


def jobs() -> dict[str, KernelJob]:
    """Every fit by name."""
    found = {
        f"mnist-{n}-{name}-{labels}": KernelJob("mnist", labels, n, features, "gaussian", {"bandwidth": width}, 0.0, 0)
        for n in (2000,)
        for name, (features, width) in FEATURES.items()
        for labels in ("true", "random")
    }
    for kernel, parameters in {"laplacian": {"bandwidth": 10.0}, "ntk": {"depth": 2}, "nngp": {"depth": 2}}.items():
        found[f"mnist-2000-{kernel}-true"] = KernelJob("mnist", "true", 2000, None, kernel, parameters, 0.0, 0)
    for n in (1000, 5000, 10_000):
        found[f"mnist-{n}-raw-true"] = KernelJob("mnist", "true", n, None, "gaussian", {"bandwidth": 5.0}, 0.0, 0)
    found["mnist-2000-ridge"] = KernelJob("mnist", "true", 2000, None, "gaussian", {"bandwidth": 5.0}, 1e-4, 0)
    found["full"] = KernelJob("mnist", "true", None, None, "gaussian", {"bandwidth": 5.0}, 0.0, 0)
    return found


def row(name: str, job: KernelJob, factor: str | None) -> dict[str, Any]:
    """Fit, measure, and say what it took."""
    start, spent = time.perf_counter(), time.process_time()
    result = run(prepare(job), factor=factor)
    errors = result.evidence.errors
    return base("interpolation", name) | {
        "data": job.data,
        "labels": job.labels,
        "features": job.features,
        "kernel": result.facts.to_dict(),
        "ridge": job.ridge,
        "seed": job.seed,
        "train_errors": errors.errors,
        "test_errors": errors.test_errors,
        "test_n": errors.test_n,
        "clean_test_error": errors.clean_test_error,
        "bounds": {c.name: c.value for c in result.report},
        "wall_seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - spent, 2),
    }


def descent() -> dict[str, Any]:
    """Gradient descent from zero on the average squared error: its distance to the interpolant of smallest norm, step by step."""
    job = KernelJob("digits", "true", 300, None, "gaussian", {"bandwidth": 1.5}, 0.0, 0)
    sample = prepare(job).sample
    fitted = MinNormInterpolant(bandwidth=1.5, divisor=sample.divisor).fit(sample.x, sample.y)
    kernel = fitted.make_kernel()
    points = kernel.prepare(sample.x)
    matrix = kernel.block(points, slice(0, 300), points, slice(0, 300)).values
    targets, best = fitted.solution_.certified.targets, fitted.solution_.certified.coefficients
    a, rate, path = np.zeros_like(best), 1.0 / np.linalg.eigvalsh(matrix)[-1], []
    for step in range(10**5 + 1):
        if step in (0, 10, 100, 1000, 10_000, 100_000):
            off, defect = a - best, targets - matrix @ a
            path.append(
                {
                    "step": step,
                    "distance": float(np.sqrt((off * (matrix @ off)).sum())),
                    "norm": float(np.sqrt((a * (matrix @ a)).sum())),
                    "residual": float(np.linalg.norm(defect) / np.linalg.norm(targets)),
                }
            )
        a += rate * (targets - matrix @ a)
    return base("gradient descent", "digits-300") | {"norm": fitted.norm_, "rate": rate, "path": path, "seed": 0}


def base(question: str, name: str) -> dict[str, Any]:
    """What every row says."""
    return {
        "schema": "boundcheck-kernel/1",
        "boundcheck": boundcheck.__version__,
        "question": question,
        "name": name,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "load": [round(x, 1) for x in psutil.getloadavg()],
        "machine": {"system": platform.system(), "cores": os.cpu_count(), "python": platform.python_version()},
    }


def main() -> None:
    """Append the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of fits, or 'descent'; all but 'full' without")
    parser.add_argument("--factor", help="folder that keeps the factor of 'full'")
    asked = parser.parse_args()
    every = jobs()
    for name in asked.only or [*(name for name in every if name != "full"), "descent"]:
        found = descent() if name == "descent" else row(name, every[name], asked.factor if name == "full" else None)
        with ROWS.open("a") as stream:
            stream.write(json.dumps(found, allow_nan=False) + "\n")
        print(
            name,
            {key: found[key] for key in ("clean_test_error", "wall_seconds", "cpu_seconds", "norm") if key in found},
            flush=True,
        )


if __name__ == "__main__":
    main()
