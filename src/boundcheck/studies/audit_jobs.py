"""The long audit as jobs of the engine: batches of trials that can be stopped, taken up again and added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.studies.audit import BATCH, Audit, Plan, Tally, run_batch
from boundcheck.studies.engine import Job, Row
from boundcheck.studies.settings import settings

Config = Mapping[str, Any]
"""``trials``, ``delta``, ``joint`` and ``seed`` of an audit."""


def plan_of(config: Config) -> Plan:
    """The audit of the whole catalogue in every setting.

    Args:
        config: What is asked; whatever else it says does not change the numbers.
    """
    return Plan(dict(CATALOGUE.items()), settings, config["trials"], config["delta"], config["joint"], config["seed"])


def jobs(config: Config, code: str) -> list[Job]:
    """Batches of trials; the settings take turns, so that an early stop leaves something of each.

    Args:
        config: What is asked.
        code: Which code is asked, as precisely as is known. It is a part of every job, so that batches of two states of the code
            are never added up.
    """
    plan = plan_of(config)
    asked = {"trials": plan.trials, "delta": plan.delta, "joint": plan.joint, "seed": plan.seed, "code": code}
    starts = range(0, plan.trials, BATCH)
    return [
        {**asked, "setting": name, "start": start, "stop": min(start + BATCH, plan.trials)}
        for start in starts
        for name in plan.settings
    ]


def batch(job: Job) -> list[dict[str, Any]]:
    """Counts of one batch, one row for each theorem that its setting covers.

    Args:
        job: One of :func:`jobs`.
    """
    _, tallies = run_batch(plan_of(job), job["setting"], range(job["start"], job["stop"]))
    return [{"theorem": theorem, "setting": setting, **asdict(tally)} for (theorem, setting), tally in tallies.items()]


def gathered(config: Config, rows: Iterable[Row]) -> Audit:
    """The audit that the batches make together.

    Args:
        config: What was asked.
        rows: Those of all batches.

    Raises:
        InputError: A batch failed, with its reason.
    """
    audit = Audit(plan_of(config))
    for row in rows:
        if row.result is None:
            batch = f"{row.config['setting']}, trials {row.config['start']} to {row.config['stop'] - 1}: {row.failed}"
            raise InputError("batches that end", batch, "mend it and run again; the finished batches are kept")
        counts = dict(row.result)
        key = (counts.pop("theorem"), counts.pop("setting"))
        audit.tallies.setdefault(key, Tally()).add(Tally(**counts))
        audit.done += row.config["stop"] - row.config["start"] if row.row == 0 else 0
    return audit


def costs(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Wall and processor seconds of each setting, summed over its batches; wall seconds of batches side by side count twice.

    Args:
        rows: Those of all batches.
    """
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.row == 0:
            spent = found.setdefault(row.config["setting"], {"seconds": 0.0, "cpu_seconds": 0.0})
            for kind in spent:
                spent[kind] = round(spent[kind] + row.cost[kind], 3)
    return found
