"""A certificate as a job: what is trained together with its bound, by which method, and the checkpoint that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError, nearest
from boundcheck.progress import Progress, silent
from boundcheck.runs.checkpoint import Checkpoint, read_checkpoint
from boundcheck.runs.job import TrainingJob, prepare
from boundcheck.runs.state import check_finite
from boundcheck.runs.training import Settings

SAVE_EVERY = 45.0
"""Seconds of training after which what was done is written down, so that an interrupt loses at most a minute."""


@dataclass(frozen=True)
class Method:
    """One way to train a predictor together with its certificate.

    Attributes:
        says: What it does, in one line.
        where: ``module:function`` that takes a :class:`Task` and returns a :class:`Certified`; imported when it is used.
        headline: Theorems of which the smallest is the certificate; each of them holds at its share of delta.
        beside: Theorems that are shown beside it, each about what it names.
    """

    says: str
    where: str
    headline: tuple[str, ...]
    beside: tuple[str, ...] = ()


_GIBBS = ("maurer2004kl", "catoni2007grid", "mhammedi2019bernstein", "wu2024recursive")
_ONE_NETWORK = (
    "langford2005holdout",
    "rivasplata2020disintegrated",
    "viallard2024disintegrated",
    "langford2003vote",
    "masegosa2020tandem",
    "neyshabur2018spectral",
    "neyshabur2018relative",
)

METHODS: Mapping[str, Method] = {
    "compression": Method(
        "a network in few bits",
        "boundcheck.compression.certify:certify",
        ("zhou2019compression",),
        ("arora2018discrete", "lotfi2022length"),
    ),
    "pick-to-learn": Method(
        "a network that few examples determine",
        "boundcheck.compression.certify_picked:certify",
        ("campi2023compression",),
        ("paccagnan2023pick", "langford2005compression", "langford2005holdout"),
    ),
    "pac-bayes": Method("a stochastic network", "boundcheck.pac_bayes.certify:certify", _GIBBS, _ONE_NETWORK),
}
"""Every method by the name that ``boundcheck certify --method`` takes."""


@dataclass(frozen=True)
class CertifyJob:
    """What to certify on what.

    Attributes:
        method: A key of :data:`METHODS`.
        data: Name or path of the data.
        model: A built-in architecture, or ``package.module:factory``.
        model_kwargs: Settings of the architecture or arguments of the factory.
        labels: Law of the training labels.
        n: Training examples used; ``None`` for all.
        seed: Seed of the initial weights, the labels and everything random in the method.
        delta: Confidence that the certificate will be asked for; it guides the training alone.
        configurations: Ways to train among which results chose, this one included; the certificate pays for their number.
        seconds: Time for training and measuring together; ``None`` for as long as the epochs take.
        settings: What the method alone understands.
    """

    method: str
    data: str
    model: str
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    labels: str = "true"
    n: int | None = None
    seed: int = 0
    delta: float = 0.05
    configurations: int = 1
    seconds: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what can't be done.

        Raises:
            InputError: A setting is out of its range.
        """
        if self.method not in METHODS:
            raise InputError("a method", repr(self.method), nearest(self.method, tuple(METHODS)))
        if not 0.0 < self.delta < 1.0:
            raise InputError("--delta in (0, 1)", repr(self.delta), "0.05 means that a bound holds with probability 0.95")
        if self.configurations < 1:
            raise InputError("--configurations of 1 or more", str(self.configurations), "count this one too")
        if self.seconds is not None and not self.seconds > 0.0:
            raise InputError("a --time of more than 0 seconds", repr(self.seconds), "leave it out for no limit")


@dataclass(frozen=True, eq=False)
class Certified:
    """Where a method stands, or what it has come to.

    Attributes:
        state: Weights: the mean of a posterior, or a decoded network.
        certificate: What is needed to measure the certificate again: plain containers and tensors, ``method`` among them.
        history: One record an epoch: ``epoch`` from 1, ``loss``, ``errors``, and what else the method tells.
        resume: State to go on from, plain containers and tensors; ``None`` where there is nothing left to do.
    """

    state: Mapping[str, torch.Tensor]
    certificate: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    resume: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """What a method is handed.

    Attributes:
        job: The description.
        network: With its initial weights, in evaluation mode; a method trains a copy.
        x: Training inputs, shape (n, ...), in the shape and number format that the network takes.
        y: Training labels as trained on, shape (n,), int64.
        classes: Number of classes.
        deadline: ``time.monotonic()`` at which training should end; infinite without a time budget.
        resumed: What :attr:`Certified.resume` held when an earlier run was interrupted.
        history: What the earlier run had recorded.
        save: Called with where the method stands, at the end of an epoch and at least every :data:`SAVE_EVERY` seconds.
        progress: Told what is being done, the present certificate in it.
    """

    job: CertifyJob
    network: nn.Module
    x: torch.Tensor
    y: torch.Tensor
    classes: int
    deadline: float
    resumed: Mapping[str, Any] | None
    history: tuple[Mapping[str, Any], ...]
    save: Callable[[Certified], None]
    progress: Progress


def run_certify(
    job: CertifyJob,
    *,
    data_dir: str | None = None,
    resume_from: str | None = None,
    save: Callable[[Checkpoint], None] = lambda checkpoint: None,
    progress: Progress = silent,
) -> Checkpoint:
    """Train a predictor together with its certificate.

    Args:
        job: The description.
        data_dir: Folder of the named data sets.
        resume_from: Checkpoint that an interrupted run left.
        save: Called with an unfinished checkpoint whenever the method tells where it stands.
        progress: Told what is being done.

    Returns:
        The finished checkpoint; :func:`boundcheck.load_run` and :func:`boundcheck.evaluate` read it.

    Raises:
        InputError: Something can't be used, or the earlier checkpoint is of another job.
    """
    start = time.monotonic()
    prepared = prepare(TrainingJob(job.data, job.model, job.model_kwargs, job.labels, job.n, Settings(seed=job.seed)), data_dir)
    network = prepared.network.eval()
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    description = prepared.description

    def checkpoint(found: Certified) -> Checkpoint:
        check_finite(found.state, "the network")
        return Checkpoint(
            model=prepared.model,
            state=found.state,
            initial_state=prepared.initial,
            data=description,
            training=_recorded(job) | {"finished": found.resume is None},
            history=found.history,
            optimizer=found.resume,
            certificate=found.certificate,
        )

    earlier = None if resume_from is None else _earlier(job, resume_from, checkpoint)
    task = Task(
        job=job,
        network=network,
        x=torch.from_numpy(prepared.train.x).to(dtype),
        y=torch.from_numpy(prepared.train.y),
        classes=prepared.dataset.classes,
        deadline=float("inf") if job.seconds is None else start + job.seconds,
        resumed=None if earlier is None else earlier.optimizer,
        history=() if earlier is None else earlier.history,
        save=lambda found: save(checkpoint(found)),
        progress=progress,
    )
    module, _, function = METHODS[job.method].where.partition(":")
    return checkpoint(getattr(import_module(module), function)(task))


def _recorded(job: CertifyJob) -> dict[str, Any]:
    """What a checkpoint says of how it was made; model and data stand elsewhere in it."""
    return {
        "command": "certify",
        "method": job.method,
        "seed": job.seed,
        "delta": job.delta,
        "configurations": job.configurations,
        "settings": dict(job.settings),
    }


def _earlier(job: CertifyJob, path: str, checkpoint: Callable[[Certified], Checkpoint]) -> Checkpoint:
    """The checkpoint that an interrupted run left, once it is known to be of the same job."""
    found = read_checkpoint(path)
    fresh = checkpoint(Certified({}, {"method": job.method}, ()))
    asked, was = ({k: v for k, v in c.training.items() if k != "finished"} for c in (fresh, found))
    if found.data != fresh.data or dict(found.model) != dict(fresh.model) or asked != was:
        raise InputError(
            f"--resume with the settings that {path} was made with", "others", "repeat the interrupted command and add --resume"
        )
    if found.optimizer is None:
        raise InputError("--resume of an interrupted run", f"{path}, which was finished", "leave --resume out")
    same = {name: tensor.shape for name, tensor in found.initial_state.items()}
    if any(same.get(n) != t.shape or not torch.equal(t, found.initial_state[n]) for n, t in fresh.initial_state.items()):
        raise InputError(f"the initial weights of {path}", "others", "use the version of torch that wrote it")
    return replace(found)
