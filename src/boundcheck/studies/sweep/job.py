"""One job of a sweep: train a network to the common rule, measure, ask; one row comes out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.collect import collect
from boundcheck.evidence.record import Evidence
from boundcheck.measures import MEASURES
from boundcheck.ranking.rows import FORMAT
from boundcheck.report.measured import held_out
from boundcheck.runs.training import Settings, train_epochs
from boundcheck.studies.randomization.job import untrained
from boundcheck.theorem import NotApplicable


def run_job(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Train and measure.

    Args:
        job: As ``make_jobs`` writes it.

    Returns:
        One row of format :data:`boundcheck.ranking.rows.FORMAT`; bounds as decimal logarithms, ``None`` where one does not apply.

    Raises:
        InputError: The data is not what it was when the plan was made, or training diverges.
    """
    settings = Settings(**job["settings"])
    run = untrained(job, job["labels"], settings)
    trained = train_epochs(run.network, run.train, settings, every_epoch=False)
    asked = [MEASURES[name] for name in job["measures"]] + [CATALOGUE[name] for name in job["bounds"]]
    sections = tuple(dict.fromkeys(section for one in asked for section in one.reads))
    evidence = collect(run, sections, delta=job["delta"], effort="quick", seed=settings.seed)
    bounds = {name: _exponent(name, evidence, job["delta"]) for name in job["bounds"]}
    return [
        {
            "format": FORMAT,
            "settings": job["varied"],
            "parameters": run.parameters,
            "fitted": trained.stopped,
            "epochs": trained.history[-1]["epoch"],
            "level": trained.history[-1]["level"],
            **_errors(evidence, job["delta"]),
            "measures": {name: _value(name, evidence) for name in job["measures"]},
            "bounds": bounds,
        }
    ]


def _errors(evidence: Evidence, delta: float) -> dict[str, Any]:
    errors, held = evidence.errors, held_out(evidence.errors, evidence.problem, delta)
    train = {"n": errors.n, "errors": errors.errors, "error": errors.train_error}
    if held is None:
        return {"train": train, "test": None}
    interval = [held.interval[0], held.interval[1]]
    return {"train": train, "test": {"n": held.n, "error": held.error, "interval": interval, "clean_error": held.clean_error}}


def _value(name: str, evidence: Evidence) -> float | None:
    """A measure times its sign, so that larger is meant to go with a larger gap."""
    try:
        return MEASURES[name].sign * MEASURES[name].value(evidence)
    except NotApplicable:
        return None


def _exponent(name: str, evidence: Evidence, delta: float) -> float | None:
    """Decimal logarithm of a bound, which fits where the bound is too large for a float."""
    certificate = CATALOGUE[name](evidence, delta)
    if certificate.why is not None:
        return None
    if certificate.log10_value is not None:
        return certificate.log10_value
    return math.log10(certificate.value) if certificate.value else None
