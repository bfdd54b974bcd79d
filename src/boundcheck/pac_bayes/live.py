"""A certificate from live objects: a network in memory and arrays in, a run that ``boundcheck.evaluate`` reads out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from boundcheck.pac_bayes.certify import certify
from boundcheck.progress import Progress, silent
from boundcheck.runs.certifying import Certified, CertifyJob, Task
from boundcheck.runs.live import run_from_objects
from boundcheck.runs.run import Run


def train_posterior(
    network: nn.Module,
    train: tuple[Any, Any],
    test: tuple[Any, Any] | None = None,
    *,
    labels: str = "true",
    classes: int | None = None,
    domain: tuple[float, float] | None = None,
    delta: float = 0.05,
    configurations: int = 1,
    seconds: float | None = None,
    seed: int = 0,
    progress: Progress = silent,
    **settings: Any,
) -> Run:
    """Train prior and posterior of a network, as ``boundcheck certify --method pac-bayes`` does.

    The network's weights have to be older than the sample: they are where the prior is centred, or where the training of a
    learned prior starts.

    Args:
        network: With its initial weights; left as it is.
        train: Inputs (n, ...) and integer labels (n,) as trained on, arrays or tensors; uint8 is divided by 255.
        test: The same of held-out data, with clean labels.
        labels: Law of the training labels: ``true``, ``random`` or ``corrupt:P``.
        classes: Number of classes; by default one more than the largest label.
        domain: Lowest and highest value of an input coordinate known a priori.
        delta: Confidence that the certificate will be asked for; it guides the training alone.
        configurations: Ways to train among which results chose, this one included.
        seconds: Time for the training; ``None`` for as long as the epochs take.
        seed: Seed of everything random.
        progress: Told what is being done, the present certificate in it.
        **settings: What :meth:`boundcheck.pac_bayes.settings.PacBayesSettings.of` reads, e.g. ``epochs=20``.

    Returns:
        The run whose network has the posterior's mean as weights. ``boundcheck.evaluate(run)`` measures the stored posterior on
        fresh draws, and every other theorem on the network itself.

    Raises:
        InputError: A setting, the network or the sample can't be used.
    """
    words = {"labels": labels, "classes": classes, "domain": domain}
    run = run_from_objects(network, train, test, network, **words)  # type: ignore[arg-type]
    job = CertifyJob(
        method="pac-bayes",
        data=run.data,
        model=run.model,
        labels=labels,
        seed=seed,
        delta=delta,
        configurations=configurations,
        seconds=seconds,
        settings=settings,
    )
    dtype = next((p.dtype for p in run.network.parameters() if p.is_floating_point()), torch.float32)

    def forget(found: Certified) -> None:
        """Nothing is written down."""

    found = certify(
        Task(
            job=job,
            network=run.network,
            x=torch.from_numpy(run.train.x).to(dtype),
            y=torch.from_numpy(run.train.y),
            classes=run.classes,
            deadline=float("inf") if seconds is None else time.monotonic() + seconds,
            resumed=None,
            history=(),
            save=forget,
            progress=progress,
        )
    )
    run.network.load_state_dict(dict(found.state))
    return replace(run, reference_kind="initial", history=found.history, certificate=found.certificate)
