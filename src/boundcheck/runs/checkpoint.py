"""The checkpoint: weights, initial weights, how to rebuild the network, the data and its hash, and the history."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import boundcheck
from boundcheck.errors import InputError
from boundcheck.files import write_whole
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
        model: ``{"name": …, "kwargs": {…}}`` of a built-in architecture, or
            ``{"factory": "package.module:name", "kwargs": {…}}``.
        state: Trained weights.
        initial_state: The weights training started from.
        data: The training sample.
        training: Settings of the training.
        history: One record an epoch.
        optimizer: State of the optimizer, kept where training was not finished.
        certificate: What ``boundcheck certify`` adds so that its certificate can be measured again from the file alone: plain
            containers and tensors, ``method`` among them. ``state`` is then the mean of a posterior or a decoded network, and
            ``initial_state`` the weights that were fixed before any data.
    """

    model: Mapping[str, Any]
    state: Mapping[str, torch.Tensor]
    initial_state: Mapping[str, torch.Tensor]
    data: DataDescription
    training: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    optimizer: Mapping[str, Any] | None = field(default=None, repr=False)
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)

    def save(self, path: str | Path) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            InputError: The path can't be written.
        """
        content = {
            "format": FORMAT,
            "boundcheck": boundcheck.__version__,
            "model": dict(self.model),
            "state_dict": dict(self.state),
            "initial_state_dict": dict(self.initial_state),
            "data": vars(self.data).copy(),
            "training": dict(self.training),
            "history": [dict(record) for record in self.history],
            "optimizer": None if self.optimizer is None else dict(self.optimizer),
        }
        if self.certificate is not None:
            content["certificate"] = dict(self.certificate)
        buffer = io.BytesIO()
        torch.save(_plain(content), buffer)
        write_whole(path, buffer.getvalue())


def _plain(value: Any) -> Any:
    """Plain containers whose equal words are one object: pickle writes a repeated object differently from an equal one."""
    if isinstance(value, str):
        return sys.intern(str(value))
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


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
        raise InputError(
            f"a checkpoint of format {FORMAT}", f"{path} of format {content['format']}", "use the version that wrote it"
        )
    try:
        checkpoint = Checkpoint(
            model=_mapping(content, "model"),
            state=_tensors(content, "state_dict"),
            initial_state=_tensors(content, "initial_state_dict"),
            data=_data(_mapping(content, "data")),
            training=_mapping(content, "training"),
            history=_history(content),
            optimizer=None if content.get("optimizer") is None else _mapping(content, "optimizer"),
            certificate=None if content.get("certificate") is None else _certificate(content),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "a whole boundcheck checkpoint", f"{path}, where {error} is not as it should be", "train it again"
        ) from None
    check_finite(checkpoint.state, path)
    check_finite(checkpoint.initial_state, path)
    return checkpoint


def _mapping(content: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = content[field]
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(field)
    return value


def _certificate(content: Mapping[str, Any]) -> Mapping[str, Any]:
    value = _mapping(content, "certificate")
    if type(value["method"]) is not str:
        raise TypeError("certificate")
    return value


def _tensors(content: Mapping[str, Any], field: str) -> Mapping[str, torch.Tensor]:
    value = _mapping(content, field)
    if not all(isinstance(tensor, torch.Tensor) for tensor in value.values()):
        raise TypeError(field)
    return value


def _data(value: Mapping[str, Any]) -> DataDescription:
    data = DataDescription(**value)
    words = (data.name, data.sha256, data.labels, data.labels_sha256)
    numbers = (data.seed, *([] if data.n is None else [data.n]))
    if not all(type(word) is str for word in words) or not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError("data")
    return data


def _history(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    records = tuple(content["history"])
    fields = {"epoch": int, "loss": float, "errors": int}
    for record in records:
        if not isinstance(record, Mapping) or not all(type(record.get(name)) is kind for name, kind in fields.items()):
            raise TypeError("history")
    if not records:
        raise ValueError("history")
    return records


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
