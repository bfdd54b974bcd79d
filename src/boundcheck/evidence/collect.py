"""Fill an evidence record from a run: each section that is asked for is measured once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from boundcheck.evidence import learned_sections, network_sections
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.record import Evidence, Provenance
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.progress import Progress, silent
from boundcheck.runs.measurement import Measurement
from boundcheck.runs.run import Run

# Shares of a quick evaluation of a fully connected network that the sections take, for the progress bar.
_WEIGHTS: Mapping[str, float] = {"errors": 3.0, "inputs": 3.0, "layers": 1.0, "posterior": 6.0, "code": 6.0, "flatness": 1.0}

MEASURED: Mapping[str, Callable[[Measurement], Any]] = {
    "precision": network_sections.precision,
    "structure": network_sections.structure,
    "margins": network_sections.margins,
    "relative_margins": network_sections.relative_margins,
    "inputs": network_sections.inputs,
    "layers": network_sections.layers,
    "two_layer": network_sections.two_layer,
    "hidden_units": network_sections.hidden_units,
    "patches": network_sections.patches,
    "path": network_sections.path,
    "growth": network_sections.growth,
    "posterior": learned_sections.posterior,
    "code": learned_sections.code,
    "picked": learned_sections.picked,
    "kernel": network_sections.kernel,
    "geometry": network_sections.geometry,
    "flatness": network_sections.flatness,
    "magnitude": learned_sections.magnitude,
    "prior_network": learned_sections.prior_network,
    "recursive": learned_sections.recursive,
}
"""Section of the record to the function that measures it; problem and errors are always measured."""


def collect(
    run: Run,
    sections: Sequence[str],
    *,
    delta: float = 0.05,
    effort: str = "quick",
    seed: int = 0,
    progress: Progress = silent,
    draws: int | None = None,
    seconds: float | None = None,
) -> Evidence:
    """Measure sections of the evidence.

    Args:
        run: The network and its samples.
        sections: Names of sections, as theorems list them.
        delta: Guides the search for posteriors and codes.
        effort: ``quick`` or ``full``.
        seed: Seed of every random draw.
        progress: Told what is being done.
        draws: Networks that are drawn from the posterior of a certificate; ``None``: as many as the effort has.
        seconds: Time for the searches for posterior and code together; ``None``: the same work on every machine.

    Returns:
        The record; a section that can't be measured is absent with its reason.
    """
    wanted = [name for name in MEASURED if name in sections]
    total = sum(_WEIGHTS.get(name, 0.2) for name in ("errors", *wanted))
    state = {"done": 0.0, "share": _WEIGHTS["errors"]}
    m = Measurement(run, delta, effort, seed, lambda what, f: progress(what, (state["done"] + f * state["share"]) / total))
    m.draws, m.seconds = draws, seconds
    problem, errors = m.problem, m.errors
    state["done"] += state["share"]
    found: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name in wanted:
        state["share"] = _WEIGHTS.get(name, 0.2)
        m.progress(f"measuring {name}", 0.0)
        try:
            found[name] = MEASURED[name](m)
        except Unavailable as reason:
            absent[name] = str(reason)
        state["done"] += state["share"]
    return Evidence(provenance=_provenance(m, found.get("posterior")), problem=problem, errors=errors, absent=absent, **found)


def _provenance(m: Measurement, drawn_from: Posterior | None) -> Provenance:
    run, e = m.run, m.errors
    notes = list(run.notes)
    if m.train_margins.lowered:
        unsure = int((~(m.train_margins.values > 0.0)).sum()) - e.errors
        if unsure > 0:
            notes.append(
                f"the margins of {unsure} training rows are within the rounding error bound: errors where margins are read"
            )
    vote = None if drawn_from is None else drawn_from.vote
    if vote is not None:
        notes.append(
            f"the measured error of the vote is that of {vote.networks} networks drawn from the posterior, "
            f"on {vote.examples} of {e.test_n} held-out rows"
        )
    return Provenance(
        checkpoint=run.checkpoint,
        sha256=run.sha256,
        model=run.model,
        data=run.data,
        labels=run.law.spec,
        reference=run.reference_kind,
        parameters=run.parameters,
        seed=m.seed,
        effort=m.effort,
        modules=tuple((entry.path, entry.kind, entry.outcome) for entry in m.graph.modules()),
        notes=tuple(notes),
    )
