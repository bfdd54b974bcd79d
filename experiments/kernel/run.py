"""Kernel interpolation after section 5 of Zhang et al. (2017): norms beside test errors, on true and on random labels.

Run: python experiments/kernel/run.py [--only NAME ...]; a row a fit is appended to rows.jsonl. Each fit is one command
``boundcheck kernel``, a process of its own, whose report becomes the row. MNIST, and cifar10_10k_2k.npz, ten thousand images of
CIFAR-10 with two thousand to test on, are read from $BOUNDCHECK_DATA. ``full`` is all of MNIST: 8 GB and some twenty minutes on
two idle cores; --factor keeps its factor. ``interrupted`` kills a fit of 10,000 images half way and takes it up again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import boundcheck
from boundcheck.kernels import MinNormInterpolant
from boundcheck.kernels.study import KernelJob, prepare

ROWS = Path(__file__).parent / "rows.jsonl"
CIFAR = "cifar10_10k_2k.npz"
KERNELS: dict[str, dict[str, dict[str, Any]]] = {
    "mnist": {"gaussian": {"bandwidth": 5.0}, "laplacian": {"bandwidth": 10.0}},
    "cifar10": {"gaussian": {"bandwidth": 10.0}, "laplacian": {"bandwidth": 20.0}},
}
NETWORKS: dict[str, dict[str, Any]] = {"arc-cosine": {}, "nngp": {"depth": 2}, "ntk": {"depth": 2}}
FEATURES = {"gabor": "gabor", "patches": "patches:64"}  # both with the Gaussian kernel of bandwidth 4
WORDS = {"bandwidth": "--bandwidth", "depth": "--depth"}


def jobs() -> dict[str, KernelJob]:
    """Every fit by name: data, size, what is fitted, labels."""
    found = {}
    for data, file in (("mnist", "mnist"), ("cifar10", CIFAR)):
        for labels in ("true", "random"):
            for kernel, parameters in (KERNELS[data] | NETWORKS).items():
                found[f"{data}-2000-{kernel}-{labels}"] = KernelJob(file, labels, 2000, None, kernel, parameters, 0.0, 0)
            for name, features in FEATURES.items():
                parameters = {"bandwidth": 4.0}
                found[f"{data}-2000-{name}-{labels}"] = KernelJob(file, labels, 2000, features, "gaussian", parameters, 0.0, 0)
    for n in (1000, 5000, 10_000):
        found[f"mnist-{n}-gaussian-true"] = KernelJob("mnist", "true", n, None, "gaussian", {"bandwidth": 5.0}, 0.0, 0)
    for labels in ("true", "random"):
        found[f"cifar10-5000-laplacian-{labels}"] = KernelJob(CIFAR, labels, 5000, None, "laplacian", {"bandwidth": 20.0}, 0.0, 0)
    for ridge in (1e-4, 1.0):
        found[f"mnist-2000-ridge-{ridge:g}"] = KernelJob("mnist", "true", 2000, None, "gaussian", {"bandwidth": 5.0}, ridge, 0)
    found["full"] = KernelJob("mnist", "true", None, None, "gaussian", {"bandwidth": 5.0}, 0.0, 0)
    return found


def command(job: KernelJob, factor: str | None) -> list[str]:
    """The words that a user would type."""
    data = str(Path(os.environ.get("BOUNDCHECK_DATA", ".")) / "cifar10" / CIFAR) if job.data == CIFAR else job.data
    words = ["kernel", "--data", data, "--labels", job.labels, "--kernel", job.kernel, "--ridge", f"{job.ridge:g}", "--json", "-"]
    for option, value in (("--n", job.n), ("--features", job.features), ("--factor", factor)):
        words += [] if value is None else [option, str(value)]
    for name, value in job.parameters.items():
        words += [WORDS[name], str(value)]
    return [sys.executable, "-m", "boundcheck", *words]


def started(words: list[str]) -> subprocess.Popen[str]:
    """A process that prints its report on standard output and nothing that is kept on the other."""
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[dict[str, Any], resource.struct_rusage]:
    """The report of a process and what it took.

    Raises:
        SystemExit: It failed.
    """
    out = process.stdout.read() if process.stdout is not None else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"this ended with {process.returncode}, run it by hand: {process.args}")
    return json.loads(out), usage


def spent(usage: resource.struct_rusage) -> float:
    """Processor seconds."""
    return round(usage.ru_utime + usage.ru_stime, 2)


def row(name: str, job: KernelJob, factor: str | None) -> dict[str, Any]:
    """Run the command and say what it found and took."""
    start = time.perf_counter()
    report, usage = finished(started(command(job, factor)))
    return base("interpolation", name) | {
        "data": job.data,
        "labels": job.labels,
        "features": job.features,
        "ridge": job.ridge,
        "seed": job.seed,
        "kernel": report["kernel"],
        "train_errors": report["train"]["errors"],
        "test_errors": report["test"]["errors"],
        "test_n": report["test"]["n"],
        "clean_test_error": report["test"]["clean_error"],
        "bounds": {c["name"]: c["value"] for c in report["certificates"]},
        "wall_seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": spent(usage),
        "peak_gib": round(usage.ru_maxrss / 2**20, 2),
    }


def interrupted() -> dict[str, Any]:
    """A fit of 10,000 images killed when half of its factor is there, taken up, and the same fit left alone."""
    job = jobs()["mnist-10000-gaussian-true"]
    with tempfile.TemporaryDirectory() as folder:
        kept, whole = Path(folder) / "kept", Path(folder) / "whole"
        first = started(command(job, str(kept)))
        while first.poll() is None and len(list(kept.rglob("column-*"))) < 16:
            time.sleep(0.05)
        found = len(list(kept.rglob("column-*")))
        first.send_signal(signal.SIGKILL)
        _, _, killed = os.wait4(first.pid, 0)
        (resumed, after), (alone, undisturbed) = (finished(started(command(job, str(place)))) for place in (kept, whole))
        columns = len(list(whole.rglob("column-*")))
    before, after_seconds, alone_seconds = map(spent, (killed, after, undisturbed))
    return base("interruption", "interrupted") | {
        "columns": columns,
        "columns_before": found,
        "cpu_seconds_before": before,
        "cpu_seconds_after": after_seconds,
        "cpu_seconds_alone": alone_seconds,
        "lost": round((before + after_seconds) / alone_seconds - 1.0, 3),
        "same_norm": resumed["kernel"]["norm"] == alone["kernel"]["norm"],
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
        "schema": "boundcheck-kernel/2",
        "boundcheck": boundcheck.__version__,
        "question": question,
        "name": name,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "load": [round(x, 1) for x in psutil.getloadavg()],
        "machine": {"system": platform.system(), "cores": os.cpu_count(), "python": platform.python_version()},
    }


def main() -> None:
    """Append the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of fits, 'descent' or 'interrupted'; all but 'full' without")
    parser.add_argument("--factor", help="folder that keeps the factor of 'full'")
    asked = parser.parse_args()
    every = jobs()
    for name in asked.only or [*(name for name in every if name != "full"), "descent", "interrupted"]:
        if name in every:
            found = row(name, every[name], asked.factor if name == "full" else None)
        else:
            found = {"descent": descent, "interrupted": interrupted}[name]()
        with ROWS.open("a") as stream:
            stream.write(json.dumps(found, allow_nan=False) + "\n")
        keys = ("clean_test_error", "wall_seconds", "cpu_seconds", "norm", "lost")
        print(name, {key: found[key] for key in keys if key in found}, flush=True)


if __name__ == "__main__":
    main()
