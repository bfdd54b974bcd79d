"""The checkpoint: weights, initial weights, how to rebuild the network, the data and its hash, and the history."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import boundcheck
from boundcheck.errors import InputError
from boundcheck.runs.state import check_finite, read_file

FORMAT = "boundcheck-checkpoint/1"


@dataclass(frozen=True)
class DataDescription:
    """Which sample a network was trained on.

    Attributes:
        name: ``mnist``, or the path of a file.
        sha256: Fingerprint of the arrays.
        labels: ``true``, ``random`` or ``corrupt:P``.
        seed: Seed of the label corruption and of the choice of examples.
        n: Number of training examples used, ``None`` for all.
        labels_sha256: Fingerprint of the labels that were trained on.
    """

    name: str
    sha256: str
    labels: str
    seed: int
    n: int | None
    labels_sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        model: ``{"name": …, "kwargs": {…}}`` of the registry of architectures, or ``{"factory": "package.module:name", "kwargs": {…}}``.
        input_shape: Shape of one example.
        classes: Number of classes.
        state: Trained weights.
        initial_state: The weights training started from.
        data: The training sample.
        training: Settings of the training.
        history: One record an epoch.
        optimizer: State of the optimizer, kept where training was not finished.
    """

    model: Mapping[str, Any]
    input_shape: tuple[int, ...]
    classes: int
    state: Mapping[str, torch.Tensor]
    initial_state: Mapping[str, torch.Tensor]
    data: DataDescription
    training: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    optimizer: Mapping[str, Any] | None = field(default=None, repr=False)


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint, whole or not at all: beside the target, then renamed.

    Args:
        checkpoint: What to write.
        path: Where.
    """
    content = {
        "format": FORMAT,
        "boundcheck": boundcheck.__version__,
        "model": dict(checkpoint.model),
        "input_shape": list(checkpoint.input_shape),
        "classes": checkpoint.classes,
        "state_dict": dict(checkpoint.state),
        "initial_state_dict": dict(checkpoint.initial_state),
        "data": vars(checkpoint.data).copy(),
        "training": dict(checkpoint.training),
        "history": [dict(record) for record in checkpoint.history],
        "optimizer": None if checkpoint.optimizer is None else dict(checkpoint.optimizer),
    }
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_checkpoint(content: Any) -> bool:
    """Whether the content of a file is a boundcheck checkpoint of any version."""
    return isinstance(content, Mapping) and str(content.get("format", "")).startswith("boundcheck-checkpoint/")


def parse_checkpoint(content: Any, path: str | Path) -> Checkpoint:
    """The checkpoint in a file's content.

    Args:
        content: What :func:`boundcheck.runs.state.read_file` returned.
        path: For the message.

    Raises:
        InputError: It is of another program, of another version, lacks a field, or holds NaN.
    """
    if not is_checkpoint(content):
        raise InputError(
            "a boundcheck checkpoint",
            f"{path}, a file of another program",
            "name its architecture with --model package.module:factory and its data with --data",
        )
    if content["format"] != FORMAT:
        raise InputError(f"a checkpoint of format {FORMAT}", f"{path} of format {content['format']}", "use the version that wrote it")
    try:
        checkpoint = Checkpoint(
            model=content["model"],
            input_shape=tuple(int(s) for s in content["input_shape"]),
            classes=int(content["classes"]),
            state=content["state_dict"],
            initial_state=content["initial_state_dict"],
            data=DataDescription(**content["data"]),
            training=content["training"],
            history=tuple(content["history"]),
            optimizer=content.get("optimizer"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("a whole boundcheck checkpoint", f"{path}, where {error} is not as it should be", "train it again") from None
    check_finite(checkpoint.state, path)
    check_finite(checkpoint.initial_state, path)
    return checkpoint


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a boundcheck checkpoint; nothing in it is run.

    Raises:
        InputError: The file can't be used; the message says why.
    """
    return parse_checkpoint(read_file(path), path)


def file_sha256(path: str | Path) -> str:
    """Hash of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
