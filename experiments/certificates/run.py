"""Train the certificates of the table and keep one row for each setting and seed.

Run: python experiments/certificates/run.py [NAME …] [--seeds 0,1,2]
Rows that are there already are left as they are, and a training that was interrupted is taken up again: the same command finishes
what is missing. Every number of a row is measured from the checkpoint's file, as 'boundcheck evaluate' measures it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boundcheck
from boundcheck.errors import InputError
from boundcheck.evaluation import ask, measure
from boundcheck.files import write_whole
from boundcheck.runs.certifying import CertifyJob, run_certify
from boundcheck.runs.checkpoint import file_sha256
from boundcheck.runs.loading import load_run
from boundcheck.studies.machine import code, machine

HERE = Path(__file__).parent
ROWS = HERE / "rows.jsonl"
CONFIGURATIONS = 100
"""Ways to train on MNIST and its halves that were looked at, rounded up; every setting pays for as many unless it says less."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="tables of the configuration; all without one")
    parser.add_argument("--seeds", help="in place of the configuration's")
    options = parser.parse_args()
    config = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    seeds = [int(seed) for seed in options.seeds.split(",")] if options.seeds else config["seeds"]
    names = options.names or [name for name, value in config.items() if isinstance(value, dict)]
    (HERE / "out").mkdir(exist_ok=True)
    os.chdir(HERE / "out")  # so that rows name their checkpoints without a path of this machine
    sys.path.insert(0, str(HERE))  # for networks.py
    try:
        for seed in seeds:
            for name in names:
                if (name, seed) not in {(row["setting"], row["seed"]) for row in rows()}:
                    keep(row_of(name, config[name], seed, config["delta"]))
    except InputError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0


def rows() -> list[dict[str, Any]]:
    """The rows that are there."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def keep(row: Mapping[str, Any]) -> None:
    """Append a row: all rows are read anew, so that two processes lose none but in the same instant."""
    write_whole(ROWS, "".join(json.dumps(each, allow_nan=False) + "\n" for each in [*rows(), row]))


def row_of(name: str, asked: Mapping[str, Any], seed: int, delta: float) -> dict[str, Any]:
    """Train, write the checkpoint, and measure it from its file."""
    job = CertifyJob(
        method=asked["method"],
        data=asked["data"],
        model=asked["model"],
        model_kwargs=asked.get("model_kwargs", {}),
        labels=asked.get("labels", "true"),
        n=asked.get("n"),
        seed=seed,
        delta=delta,
        configurations=asked.get("configurations", CONFIGURATIONS),
        settings=asked["settings"],
    )
    out, tell = f"{name}-{seed}.pt", Told(f"{name}, seed {seed}")
    times = [(time.process_time(), time.perf_counter())]
    unfinished = Path(f"{out}.part")
    checkpoint = run_certify(
        job,
        resume_from=str(unfinished) if unfinished.exists() else None,
        save=lambda found: found.save(str(unfinished)),
        progress=tell,
    )
    checkpoint.save(out)
    unfinished.unlink(missing_ok=True)
    times.append((time.process_time(), time.perf_counter()))
    run = load_run(out, model=job.model if ":" in job.model else None)
    names, draws = asked["bounds"], asked.get("draws")
    evidence = measure(run, delta=delta, bounds=names, effort="full", seed=seed, progress=tell, draws=draws)
    report = json.loads(ask(evidence, delta=delta, bounds=names).to_json())
    times.append((time.process_time(), time.perf_counter()))
    return {
        "format": "boundcheck-certificates/1",
        "boundcheck": boundcheck.__version__,
        "code": code(),
        "setting": name,
        "seed": seed,
        "delta": delta,
        "job": {key: asked[key] for key in asked if key not in ("says", "published", "reach")},
        "configurations": job.configurations,
        "checkpoint": out,
        "sha256": file_sha256(out),
        "train": report["train"],
        "test": report["test"],
        "posterior": posterior(evidence),
        "certificates": report["certificates"],
        "cpu_seconds": {"training": times[1][0] - times[0][0], "measuring": times[2][0] - times[1][0]},
        "wall_seconds": {"training": times[1][1] - times[0][1], "measuring": times[2][1] - times[1][1]},
        "load": os.getloadavg()[0],
        "machine": machine(),
    }


def posterior(evidence: Any) -> dict[str, Any] | None:
    """What was drawn from a posterior, and how often it erred."""
    found = evidence.posterior
    if found is None:
        return None
    return {
        "draws": found.draws,
        "risk": found.mean_loss,
        "test_error": found.test_error,
        "weights": sum(group.parameters for group in found.groups.values()),
        "certified": found.certified,
    }


class Told:
    """A line now and then, whether or not anybody looks at a terminal."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, 0.0

    def __call__(self, what: str, fraction: float) -> None:
        if time.monotonic() - self.last > 20.0:
            self.last = time.monotonic()
            print(f"{self.what}: {100 * fraction:.0f} % {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
