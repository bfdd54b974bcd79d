"""A training as a job: a small description, turned into a network and its sample, and at the end into a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from boundcheck.data import Dataset, load_dataset, parse_labels
from boundcheck.errors import InputError, nearest
from boundcheck.networks.architectures import ARCHITECTURES, describe
from boundcheck.networks.factory import from_factory
from boundcheck.runs.checkpoint import Checkpoint, DataDescription, read_checkpoint
from boundcheck.runs.described import built
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.samples import describe as describe_data
from boundcheck.runs.samples import make_samples
from boundcheck.runs.state import check_finite, fit_state_dict
from boundcheck.runs.training import Epoch, Settings, Trained, train_epochs


@dataclass(frozen=True)
class TrainingJob:
    """What to train on what.

    Attributes:
        data: Name or path of the data.
        model: A built-in architecture, or ``package.module:factory``.
        model_kwargs: Settings of the architecture or arguments of the factory.
        labels: Law of the training labels.
        n: Training examples used; ``None`` for all.
        settings: How to train.
    """

    data: str
    model: str
    model_kwargs: Mapping[str, Any]
    labels: str
    n: int | None
    settings: Settings


@dataclass(frozen=True, eq=False)
class Prepared:
    """A job whose network and sample are there.

    Attributes:
        job: The description.
        dataset: The data.
        network: To be trained in place.
        initial: Its weights before training.
        model: How a checkpoint rebuilds it.
        train: The training sample.
        history: Epochs that an earlier part has done.
        optimizer: State that the earlier part ended with.
    """

    job: TrainingJob
    dataset: Dataset
    network: nn.Module
    initial: Mapping[str, torch.Tensor]
    model: Mapping[str, Any]
    train: Sample
    history: tuple[Mapping[str, Any], ...]
    optimizer: Mapping[str, Any] | None

    @property
    def parameters(self) -> int:
        """Number of distinct parameters."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def description(self) -> DataDescription:
        """What a checkpoint says of the sample."""
        job = self.job
        return describe_data(self.dataset, parse_labels(job.labels), job.settings.seed, job.n, self.train)

    def run(self, on_epoch: Callable[[Epoch, Trained], None] | None = None) -> Trained:
        """Train the network in place; see :func:`boundcheck.runs.training.train_epochs`."""
        return train_epochs(
            self.network, self.train, self.job.settings, history=self.history, optimizer_state=self.optimizer, on_epoch=on_epoch
        )

    def checkpoint(self, trained: Trained, *, finished: bool) -> Checkpoint:
        """The checkpoint of where training stood; the optimizer's state stays in it while there is more to do."""
        job = self.job
        check_finite(trained.state, "the network")
        return Checkpoint(
            model=self.model,
            state=trained.state,
            initial_state=self.initial,
            data=self.description,
            training=asdict(job.settings) | {"finished": finished, "fitted": trained.fitted, "stopped": trained.stopped},
            history=trained.history,
            optimizer=None if finished else trained.optimizer,
        )


def prepare(job: TrainingJob, data_dir: str | None = None, resume_from: str | None = None) -> Prepared:
    """Load the data, build the network, and take up an interrupted training where it stands.

    Args:
        job: The description.
        data_dir: Folder of the named data sets.
        resume_from: Checkpoint that an interrupted training left.

    Raises:
        InputError: Something can't be used, or the checkpoint is of another job.
    """
    law = parse_labels(job.labels)
    dataset = load_dataset(job.data, data_dir=data_dir)
    train, test = make_samples(dataset, law, job.settings.seed, job.n)
    network, model = make_network(job.model, job.model_kwargs, dataset.shape, dataset.classes, job.settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.settings.seed)  # lazy layers draw their weights when they first see an input
        shaped = fit_input_shape(Run(network.eval(), None, "zero", train, test, dataset.classes, law))
    initial = copy.deepcopy(network.state_dict())
    prepared = Prepared(job, dataset, network, initial, model, shaped.train, (), None)
    return prepared if resume_from is None else _resumed(prepared, resume_from)


def make_network(
    name: str, kwargs: Mapping[str, Any], shape: tuple[int, ...], classes: int, seed: int
) -> tuple[nn.Module, Mapping[str, Any]]:
    """A network with fresh weights, and how a checkpoint rebuilds it.

    Args:
        name: A built-in architecture, or ``package.module:factory``.
        kwargs: Settings of the architecture or arguments of the factory.
        shape: Shape of one example.
        classes: Number of classes.
        seed: Seed of its weights.

    Raises:
        InputError: There is no such architecture, factory or setting.
    """
    if ":" in name:
        return from_factory(name, dict(kwargs), seed=seed), {"factory": name, "kwargs": dict(kwargs)}
    if name not in ARCHITECTURES:
        raise InputError("a model", repr(name), nearest(name, (*ARCHITECTURES, "package.module:factory")))
    taken = [word for word in ("seed", "input_shape", "classes", "name") if word in kwargs]
    if taken:
        raise InputError(
            f"settings of {name} in --model-kwargs", f"also {', '.join(taken)}", "leave out what --seed and --data say"
        )
    model = describe(name, shape, classes, **kwargs)
    return built(model, seed=seed), model


def _resumed(prepared: Prepared, path: str) -> Prepared:
    earlier = read_checkpoint(path)
    fresh = prepared.checkpoint(Trained((), False, False, prepared.initial, {}), finished=False)
    results = ("finished", "fitted", "stopped", "epochs")
    # A checkpoint of an earlier version says nothing of the rule, which was to stop without errors.
    settings = {"stop": "errors"} | {k: v for k, v in earlier.training.items() if k not in results}
    asked = {k: v for k, v in fresh.training.items() if k not in results}
    same = earlier.data == fresh.data and dict(earlier.model) == dict(fresh.model) and settings == asked
    if not same:
        raise InputError(
            f"--resume with the settings that {path} was trained with",
            "others",
            "repeat the interrupted command and add --resume",
        )
    if earlier.optimizer is None and not earlier.training.get("stopped", earlier.training.get("fitted")):
        raise InputError(
            "--resume of an interrupted training", f"{path}, which was finished", "train with more --epochs from the start"
        )
    fit_state_dict(prepared.network, earlier.state, path)
    return replace(prepared, history=earlier.history, optimizer=earlier.optimizer)
