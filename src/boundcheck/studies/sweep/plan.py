"""From a design to jobs: everything that could not be trained is refused here, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from boundcheck.bounds import CATALOGUE
from boundcheck.data import Dataset, load_dataset, parse_labels
from boundcheck.data.inputs import INPUT_KINDS
from boundcheck.errors import InputError
from boundcheck.evaluation import chosen_theorems
from boundcheck.measures import MEASURES
from boundcheck.runs.job import make_network
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.training import Settings
from boundcheck.studies.sweep.design import Design

COSTLY = frozenset({"posterior", "vote", "code", "flatness", "magnitude", "kernel"})
"""Sections of the evidence that draw networks, search codes, or are of kernel machines."""
_TRAINING = frozenset(f.name for f in fields(Settings))
_MODEL = ("bias", "batchnorm", "dropout")


def make_jobs(design: Design, data_dir: str | None = None) -> list[dict[str, Any]]:
    """One job for each combination and seed; those on the same samples follow each other.

    Args:
        design: What varies.
        data_dir: Folder of the named data sets, for a look at them.

    Raises:
        InputError: A combination can't be trained, or a theorem is not known.
    """
    common = {"measures": chosen_measures(design), "bounds": list(chosen_bounds(design)), "delta": design.delta}
    datasets: dict[str, Dataset] = {}
    jobs = []
    for point in design.points():
        chosen = {"data": "digits", "model": "mlp", "labels": "true", "n": None, **design.fixed, **point}
        name = str(chosen["data"])
        if name not in datasets:
            datasets[name] = load_dataset(name, data_dir=data_dir)
        job = {**_job(chosen, design), **common, "data_sha256": datasets[name].sha256, "varied": point}
        _try(job, datasets[name])
        jobs += [_with_seed(job, design.seed + repeat) for repeat in range(design.seeds)]
    # A process that does one after the other keeps the samples of the last ones: networks on the same samples follow each other.
    return sorted(jobs, key=lambda job: tuple(str(part) for part in _samples_of(job)))


def _samples_of(job: Mapping[str, Any]) -> tuple[Any, ...]:
    return job["settings"]["seed"], job["data"], job["n"], job["labels"]


def chosen_measures(design: Design) -> list[str]:
    """Names of the measures of a sweep."""
    return [name for name, found in MEASURES.items() if design.measures == "all" or not COSTLY & set(found.reads)]


def chosen_bounds(design: Design) -> tuple[str, ...]:
    """Names of the theorems that are asked.

    Raises:
        InputError: A name is not in the catalogue.
    """
    if design.bounds == "none":
        return ()
    if isinstance(design.bounds, tuple):
        return chosen_theorems(design.bounds)
    if design.bounds == "all":
        return tuple(CATALOGUE)
    # A test-set bound reads the very error that is to be predicted.
    return tuple(n for n, found in CATALOGUE.items() if found.family != "test-set" and not COSTLY & set(found.reads))


def _with_seed(job: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {**job, "settings": {**job["settings"], "seed": seed}, "varied": {**job["varied"], "seed": seed}}


def _job(chosen: Mapping[str, Any], design: Design) -> dict[str, Any]:
    training = {name: value for name, value in chosen.items() if name in _TRAINING}
    settings = asdict(Settings(**training, epochs=design.epochs, stop=design.stop))
    kwargs = {name.removeprefix("kwargs."): value for name, value in chosen.items() if name.startswith("kwargs.")}
    kwargs |= {name: chosen[name] for name in _MODEL if name in chosen}
    kwargs |= _shape(str(chosen["model"]), chosen)
    return {
        "data": chosen["data"],
        "labels": chosen["labels"],
        "n": chosen["n"],
        "model": chosen["model"],
        "model_kwargs": kwargs,
        "crop": None,
        "inputs": INPUT_KINDS[0],
        "standardize": False,
        "settings": settings,
    }


def _shape(model: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Width and depth in the words of the architecture."""
    if "width" not in chosen and "depth" not in chosen:
        return {}
    width, depth = chosen.get("width", 128 if model == "mlp" else 16), chosen.get("depth", 2)
    if not all(isinstance(number, int) and number >= 1 for number in (width, depth)):
        raise InputError("whole numbers of at least 1 for width and depth", f"{width!r} and {depth!r}", "change the plan")
    if model == "mlp":
        return {"widths": [width] * depth}
    if model in ("conv", "residual"):
        return {"channels": [width * 2**block for block in range(depth)]}
    raise InputError("width and depth of mlp, conv or residual", f"the model {model}", "name its own arguments as kwargs.NAME")


def _try(job: Mapping[str, Any], dataset: Dataset) -> None:
    """Find out on two examples whether the network takes the data."""
    parse_labels(job["labels"])
    if job["n"] is not None and not (isinstance(job["n"], int) and 1 <= job["n"] <= len(dataset.y_train)):
        raise InputError(f"n from 1 to {len(dataset.y_train)} for {dataset.name}", repr(job["n"]), "change the plan")
    x = dataset.x_train[:2].astype("float32")
    if job["settings"]["augment"] and x.ndim < 3:
        raise InputError("images, for augmentation", f"examples of shape {x.shape[1:]}", "leave augment out of the plan")
    network, _ = make_network(job["model"], job["model_kwargs"], x.shape[1:], dataset.classes, 0)
    two = Sample(x, dataset.labels("train")[:2])
    fit_input_shape(Run(network.eval(), None, "zero", two, None, dataset.classes, parse_labels("true")))
