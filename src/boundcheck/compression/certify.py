"""``--method compression``: a network trained for its code length, and the bytes from which it is measured again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from boundcheck.compression.code import decode
from boundcheck.compression.settings import CodeTraining
from boundcheck.compression.stored import METHOD, pack
from boundcheck.compression.training import CodeDescent, Stand
from boundcheck.errors import InputError, nearest
from boundcheck.networks.architectures import describe
from boundcheck.runs.certifying import SAVE_EVERY, Certified, Task

_TRAINING_SHARE = 0.85  # of a time budget; the rest is for measuring what was trained


def certify(task: Task) -> Certified:
    """Train a network for its code length.

    Args:
        task: What :func:`boundcheck.runs.certifying.run_certify` hands over.

    Returns:
        The decoded network as state, and its bytes.

    Raises:
        InputError: A setting or the network can't be used.
    """
    how = settings_of(task.job.settings, delta=task.job.delta, seed=task.job.seed)
    now = time.monotonic()
    deadline = now + _TRAINING_SHARE * (task.deadline - now) if math.isfinite(task.deadline) else math.inf
    if not any(True for _ in task.network.parameters()):
        raise InputError("a network with parameters to train", "none", "check --model")
    task.progress("what comes before the first weights", 0.0)
    descent = CodeDescent(task.network, task.x, task.y, how, task.resumed)
    history, saved = [dict(record) for record in task.history], time.monotonic()

    def on_epoch(stand: Stand) -> None:
        nonlocal saved
        history.append(asdict(stand))
        about = f"certificate about {stand.certificate:.4f} ({stand.errors:,} errors, {stand.nats:,.0f} nats)"
        task.progress(f"epoch {stand.epoch}: {about}", min(1.0, stand.epoch / how.passes(len(task.y))))
        if time.monotonic() - saved >= SAVE_EVERY:
            task.save(_certified(task, how, descent, history, descent.state()))
            saved = time.monotonic()

    descent.run(deadline=deadline, on_epoch=on_epoch)
    return _certified(task, how, descent, history, None)


def settings_of(given: Mapping[str, Any], *, delta: float, seed: int) -> CodeTraining:
    """Read the settings of a job.

    Args:
        given: Fields of :class:`boundcheck.compression.settings.CodeTraining`.
        delta: Of the job.
        seed: Of the job.

    Raises:
        InputError: One is not known or out of its range.
    """
    known = tuple(sorted({f.name for f in fields(CodeTraining)} - {"delta", "seed"}))
    for name in given:
        if name not in known:
            raise InputError("a setting of compression", repr(name), nearest(name, known))
    try:
        return CodeTraining(**given, delta=delta, seed=seed)
    except TypeError as error:
        raise InputError("settings of compression that are numbers", str(error), "see 'boundcheck certify --help'") from error


def _certified(
    task: Task, how: CodeTraining, descent: CodeDescent, history: list[dict[str, Any]], resume: Mapping[str, Any] | None
) -> Certified:
    message, job = descent.message(), task.job
    model = {"factory": job.model, "kwargs": dict(job.model_kwargs)}
    if ":" not in job.model:
        model = describe(job.model, tuple(task.x.shape[1:]), task.classes, **job.model_kwargs)
    file = pack(message, task.network, model, reference=how.reference, seed=job.seed, configurations=job.configurations)
    decoded = decode(message, task.network, task.network if how.reference == "initial" else None)
    state = {name: value.detach().clone() for name, value in decoded.state_dict().items()}
    certificate = {
        "method": METHOD,
        "bytes": torch.tensor(list(file.to_bytes()), dtype=torch.uint8),
        "settings": asdict(how),
    }
    return Certified(state, certificate, tuple(history), resume)
