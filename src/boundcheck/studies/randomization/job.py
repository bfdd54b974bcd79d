"""One job of a randomization test: train on one kind of data, measure, ask every theorem; one row comes out."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.data import (
    Dataset,
    center_crop,
    channel_moments,
    corrupt_inputs,
    load_dataset,
    parse_labels,
    standardize,
    standardized_radius,
)  # fmt: skip
from boundcheck.errors import InputError
from boundcheck.evaluation import ask, measure
from boundcheck.evidence.collect import collect
from boundcheck.evidence.record import Evidence
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.report.measured import held_out
from boundcheck.runs.job import make_network
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.samples import make_samples
from boundcheck.runs.stacked import train_stacked
from boundcheck.runs.training import Epoch, Settings, Trained, train_epochs
from boundcheck.studies.randomization.kinds import Kind
from boundcheck.theorem import Certificate, Status

_DIGITS = 6  # of the numbers of a curve


def run_job(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Train and measure.

    Args:
        job: As ``make_jobs`` writes it.

    Returns:
        A row for each law of the labels: the learning curve, the time to fit, errors on the law of the training sample and on
        clean labels, certificates. Networks on several laws are trained together.

    Raises:
        InputError: The data is not what it was when the plan was made, or training diverges.
    """
    settings = Settings(**job["settings"])
    runs = [untrained(job, labels, settings) for labels in job["labels"]]
    x = runs[0].train.x
    runs = [replace(run, train=Sample(x, run.train.y), test=runs[0].test) for run in runs]  # the inputs are the same
    curves = [_Curve(run, job["watch"]) for run in runs]
    if len(runs) == 1:
        trained = [train_epochs(runs[0].network, runs[0].train, settings, on_epoch=lambda epoch, _: curves[0].add(epoch))]
    else:
        labels, networks = np.stack([run.train.y for run in runs]), [run.network for run in runs]
        trained = train_stacked(networks, x, labels, settings, on_epoch=lambda i, epoch: curves[i].add(epoch))
    return [_row(*parts, job) for parts in zip(runs, curves, trained, strict=True)]


@lru_cache(maxsize=1)
def _load(name: str) -> Dataset:
    """The data of the job before is mostly that of the next, and can't be changed."""
    return load_dataset(name)


@lru_cache(maxsize=2)
def _samples(
    name: str, sha256: str, labels: str, seed: int, n: int | None, crop: int | None, inputs: str, standardized: bool
) -> tuple[Sample, Sample]:
    """Both samples of a job; those of the job before serve the next one too, with what was computed on them alone.

    Args:
        name: Of the data.
        sha256: Of the data, so that other data under its name makes other samples.
        labels: Law of the training labels.
        seed: Of labels, choice of examples and inputs.
        n: Training examples.
        crop: Side of the square that images are cut to, or ``None``.
        inputs: Law of the inputs.
        standardized: Whether each example is standardized.
    """
    train, test = make_samples(_load(name), parse_labels(labels), seed, n)
    if crop is not None:
        train, test = (Sample(center_crop(part.x, crop), part.y) for part in (train, test))
    moments = channel_moments(test.x)
    pairs = {"train": train, "test": test}
    train, test = (Sample(corrupt_inputs(p.x, inputs, seed, split, moments), p.y) for split, p in pairs.items())
    if standardized:
        train, test = (Sample(standardize(part.x), part.y) for part in (train, test))
    return train, test


def untrained(job: Mapping[str, Any], labels: str, settings: Settings) -> Run:
    """The run before training: its network and the reference have the same weights.

    Args:
        job: As ``make_jobs`` writes it.
        labels: One of its laws of labels.
        settings: Its settings.

    Raises:
        InputError: The data is not what it was when the plan was made.
    """
    dataset, law = _load(job["data"]), parse_labels(labels)
    if dataset.sha256 != job["data_sha256"]:
        raise InputError(
            f"the data of the plan, {job['data']} with SHA-256 {job['data_sha256'][:12]}…",
            f"SHA-256 {dataset.sha256[:12]}…",
            "put the data of the plan where this worker looks for it",
        )
    how = (job["crop"], job["inputs"], job["standardize"])
    train, test = _samples(job["data"], job["data_sha256"], labels, settings.seed, job["n"], *how)
    network, _ = make_network(job["model"], job["model_kwargs"], train.x.shape[1:], dataset.classes, settings.seed)
    run = Run(network.eval(), None, "initial", train, test, dataset.classes, law, model=job["model"], data=job["data"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # lazy layers draw their weights when they first see an input
        run = fit_input_shape(run)
    return _with_domain(run, job, dataset, copy.deepcopy(network))


def _with_domain(run: Run, job: Mapping[str, Any], dataset: Dataset, reference: nn.Module) -> Run:
    """The run with what is known of its inputs a priori: moved pixels keep their range, Gaussian ones have none."""
    known: dict[str, Any] = {"reference": reference}
    if job["standardize"]:
        known["radius"] = standardized_radius(math.prod(run.train.x.shape[1:]))
    elif job["inputs"] != "gaussian":
        known |= {"low": dataset.low, "high": dataset.high}
    return replace(run, **known)


class _Curve:
    """The learning curve: loss and training errors of each epoch, and errors on some held-out examples with clean labels."""

    def __init__(self, run: Run, watch: int) -> None:
        held = run.test.y if run.test is not None else np.empty(0, dtype=np.int64)
        # Evenly spaced: some sources list one class, or one writer, after the other.
        self._index = np.unique(np.linspace(0, len(held) - 1, min(watch, len(held))).astype(np.int64)) if len(held) else held
        self._run = run
        self.columns: dict[str, list[Any]] = {"loss": [], "errors": [], "clean_test_error": []}
        self.watched = len(self._index)

    def add(self, epoch: Epoch) -> None:
        self.columns["loss"].append(float(f"{epoch.loss:.{_DIGITS}g}"))
        self.columns["errors"].append(epoch.errors)
        if self._run.test is not None and self.watched:
            x, y = self._run.test.x[self._index], self._run.test.y[self._index]
            wrong, _invalid = program_mistakes(self._run.network.eval(), x, y)
            self.columns["clean_test_error"].append(float(f"{wrong.mean():.{_DIGITS}g}"))

    def best_on_the_way(self) -> dict[str, Any] | None:
        """Where early stopping would have stopped had it known the held-out error, which it then has used up."""
        errors = self.columns["clean_test_error"]
        if not errors:
            return None
        return {"epoch": int(np.argmin(errors)) + 1, "clean_error": min(errors), "watched": self.watched}


def _row(run: Run, curve: _Curve, trained: Trained, job: Mapping[str, Any]) -> dict[str, Any]:
    seed, steps = job["settings"]["seed"], _steps(len(run.train), job["settings"]["batch_size"])
    names, delta = tuple(job["bounds"]), job["delta"]
    if names:
        evidence = measure(run, delta=delta, bounds=names, effort=job["effort"], seed=seed)
    else:
        evidence = collect(run, (), delta=delta, effort=job["effort"], seed=seed)
    return {
        "kind": Kind(job["inputs"], run.law.spec).name,
        "inputs": job["inputs"],
        "labels": run.law.spec,
        "parameters": run.parameters,
        "fitted": trained.fitted,
        "epochs": len(trained.history),
        "steps": steps * len(trained.history),
        "curve": curve.columns,
        "best_on_the_way": curve.best_on_the_way(),
        **_errors(evidence, delta),
        **(_answers(evidence, names, delta) if names else {}),
    }


def _steps(n: int, batch_size: int) -> int:
    """Steps of an epoch; one example that would be left over joins the batch before it."""
    steps = math.ceil(n / batch_size)
    return steps - 1 if steps > 1 and batch_size > 1 and n % batch_size == 1 else steps


def _errors(evidence: Evidence, delta: float) -> dict[str, Any]:
    errors, held = evidence.errors, held_out(evidence.errors, evidence.problem, delta)
    found: dict[str, Any] = {"train": {"n": errors.n, "errors": errors.errors, "error": errors.train_error}, "test": None}
    if held is not None:
        found["test"] = {
            "n": held.n, "error": held.error, "interval": list(held.interval), "clean_error": held.clean_error,
        }  # fmt: skip
    return found


def _answers(evidence: Evidence, names: tuple[str, ...], delta: float) -> dict[str, Any]:
    """Certificates, each at delta alone, and the best of those of the training sample, with all at delta together."""
    alone, together = (ask(evidence, delta=delta, bounds=names, joint=joint) for joint in (False, True))
    usable = [c for c in together if c.value is not None and c.why is None and c.family != "test-set"]
    best = min(usable, key=lambda c: c.value or 0.0, default=None)
    applicable = [c for c in alone if c.why is None]
    return {
        "certificates": {c.name: _told(c) for c in alone},
        "applicable": len(applicable),
        "vacuous": sum(c.status is Status.VACUOUS for c in applicable),
        "best": None if best is None else {"name": best.name, "value": best.value, "vacuous_at": best.vacuous_at},
    }


def _told(c: Certificate) -> dict[str, Any]:
    head = {"family": c.family, "about": c.about, "status": str(c.status)}
    if c.why is not None:
        return head | {"why": c.why}
    return head | {"value": c.value, "log10_value": c.log10_value, "vacuous_at": c.vacuous_at}
