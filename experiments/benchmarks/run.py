"""Time the commands of the README as whole processes; append rows to rows.jsonl."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import boundcheck
from boundcheck.studies.machine import machine

HERE = Path(__file__).parent
PROGRAM = [sys.executable, "-m", "boundcheck"]


def timed(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Wall seconds and peak GiB of one process."""
    start = time.perf_counter()
    with subprocess.Popen([*PROGRAM, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode != 0:
            message = process.stderr.read().decode() if process.stderr else ""
            raise SystemExit(f"boundcheck {' '.join(arguments)} ended with {process.returncode}: {message}")
    return seconds, usage.ru_maxrss / 2**20


def main() -> None:
    """Run every benchmark and append its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each command; the median is kept")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder of the networks that are timed")
    options = parser.parse_args()
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "mnist.pt").exists():
        print("training an MLP 784-512-512-10 on MNIST to zero training error", flush=True)
        timed(["train", "--data", "mnist", "--model", "mlp", "--widths", "512,512", "--out", "mnist.pt"], folder)
    commands = {
        "version": ["--version"],
        "help": ["evaluate", "--help"],
        "evaluate quick, MNIST, MLP 784-512-512-10": [
            "evaluate",
            "--checkpoint",
            "mnist.pt",
            "--evidence",
            "mnist.evidence.json",
        ],
        "evaluate from evidence, the same": ["evaluate", "--from-evidence", "mnist.evidence.json"],
        "demo": ["demo", "--out", "demo"],
    }
    with (HERE / "rows.jsonl").open("a", encoding="utf-8") as rows:
        for name, arguments in commands.items():
            measured = [timed(arguments, folder) for _ in range(options.runs)]
            row = {
                "schema": "boundcheck-benchmark/1",
                "boundcheck": boundcheck.__version__,
                "what": name,
                "command": "boundcheck " + " ".join(arguments),
                "runs": options.runs,
                "seconds_median": round(statistics.median(s for s, _ in measured), 2),
                "seconds_all": [round(s, 2) for s, _ in measured],
                "peak_gib": round(max(gib for _, gib in measured), 2),
                "machine": machine(),
            }
            rows.write(json.dumps(row) + "\n")
            print(f"{row['seconds_median']:8.2f} s {row['peak_gib']:6.2f} GiB  {row['command']}", flush=True)


if __name__ == "__main__":
    main()
