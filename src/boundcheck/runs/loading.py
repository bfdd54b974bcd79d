"""From files to a run: boundcheck's own checkpoints, and networks that others trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from boundcheck.data import Dataset, load_dataset, parse_labels
from boundcheck.errors import InputError
from boundcheck.networks.factory import from_factory
from boundcheck.networks.modules import Normalize
from boundcheck.networks.onnx_reader import is_onnx, read_onnx
from boundcheck.runs.checkpoint import Checkpoint, file_sha256, is_checkpoint, parse_checkpoint
from boundcheck.runs.described import network_of
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.samples import check_labels, find_data, make_samples
from boundcheck.runs.state import find_state_dict, fit_state_dict, read_file


@dataclass(frozen=True)
class Source:
    """Where a network and its data come from, as a user names them.

    Attributes:
        checkpoint: Path of the file with the weights.
        model: ``package.module:factory`` for a network of the user's own.
        model_kwargs: Arguments of the factory.
        reference: Path of the initial weights.
        data: Name or path of the data.
        data_dir: Folder of the named data sets.
        labels: Law of the training labels; ``None``: as the checkpoint says, else true.
        n: Training examples used, the first of a permutation under ``seed``; ``None``: as the checkpoint says, else all.
        seed: Seed of label corruption and choice of examples, for files of other programs.
        mean: Subtracted from the inputs, one number or one a channel.
        std: What they are divided by then.
    """

    checkpoint: str
    model: str | None = None
    model_kwargs: Mapping[str, Any] | None = None
    reference: str | None = None
    data: str | None = None
    data_dir: str | None = None
    labels: str | None = None
    n: int | None = None
    seed: int = 0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def load_run(checkpoint: str | Path, **source: Any) -> Run:
    """Load a checkpoint with the data that it was trained on; no code in the file is run.

    Args:
        checkpoint: A boundcheck checkpoint, or a file with a state dict together with ``model``.
        **source: Further attributes of :class:`Source`.

    Returns:
        The run that :func:`boundcheck.evaluate` takes.

    Raises:
        InputError: Something can't be used; the message says what was expected, what came and what to do.
    """
    where = Source(str(checkpoint), **source)
    run = (
        _compressed(where)
        if _is_compressed(where.checkpoint)
        else _onnx(where)
        if is_onnx(where.checkpoint)
        else _from_tensors(where)
    )
    if where.mean is not None or where.std is not None:
        run = _normalized(run, where)
    run = replace(run, checkpoint=where.checkpoint, sha256=file_sha256(where.checkpoint))
    return fit_input_shape(run)


def _from_tensors(where: Source) -> Run:
    content = read_file(where.checkpoint)
    if is_checkpoint(content):
        _refuse_beside_own(where)
        return _own(parse_checkpoint(content, where.checkpoint), where)
    return _foreign(content, where)


def _is_compressed(path: str) -> bool:
    from boundcheck.compression.bits_file import MAGIC

    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):  # a name with a zero byte is a ValueError
        return False  # the reader of checkpoints says what is wrong


def _compressed(where: Source) -> Run:
    """A file of bits, which says what its network is but not on what data it was trained."""
    from boundcheck.compression.bits_file import parse
    from boundcheck.compression.stored import METHOD, unpack

    if where.reference is not None or where.model_kwargs:
        raise InputError(
            "a compressed network without --reference and --model-kwargs", "both", "leave them out: the file says it"
        )
    data = Path(where.checkpoint).read_bytes()
    file = parse(data, where.checkpoint)
    initial = network_of(file.model, where.model, seed=file.seed).eval()
    _, network = unpack(file, initial, where.checkpoint)
    dataset = load_dataset(where.data or "digits", data_dir=where.data_dir)
    law = parse_labels(where.labels or "true")
    train, test = make_samples(dataset, law, where.seed, where.n)
    name = str(file.model.get("name", file.model.get("factory")))
    run = _run(dataset, network, initial, "initial", train, test, law.spec, name)
    stored = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return replace(run, certificate={"method": METHOD, "bytes": stored})


def _onnx(where: Source) -> Run:
    """A file that holds the network itself, so that no factory is asked for."""
    if where.model is not None or where.model_kwargs:
        raise InputError("an ONNX file without --model and --model-kwargs", "both", "leave them out: the file is the network")
    network = read_onnx(where.checkpoint)
    reference = None
    if where.reference is not None:
        if not is_onnx(where.reference):
            raise InputError("an ONNX file as --reference of one", where.reference, "export the initial network too")
        reference = read_onnx(where.reference)
        if [p.shape for p in reference.parameters()] != [p.shape for p in network.parameters()]:
            raise InputError("a reference of the network's own architecture", where.reference, "export both from one program")
    dataset = load_dataset(where.data or "digits", data_dir=where.data_dir)
    law = parse_labels(where.labels or "true")
    train, test = make_samples(dataset, law, where.seed, where.n)
    return _run(dataset, network, reference, "zero" if reference is None else "file", train, test, law.spec, "onnx")


def _refuse_beside_own(where: Source) -> None:
    """Refuse what would be ignored, since the checkpoint says it."""
    extra = [word for word, value in (("--n", where.n), ("--model-kwargs", where.model_kwargs or None)) if value is not None]
    if extra:
        raise InputError(f"a boundcheck checkpoint without {' and '.join(extra)}", "both", "leave it out: the checkpoint says it")


def _own(checkpoint: Checkpoint, where: Source) -> Run:
    description = checkpoint.data
    if where.labels is not None and parse_labels(where.labels) != parse_labels(description.labels):
        raise InputError(f"the labels of the checkpoint, {description.labels}", where.labels, "leave --labels out")
    dataset = find_data(description, where.data, where.data_dir)
    law = parse_labels(description.labels)
    train, test = make_samples(dataset, law, description.seed, description.n)
    check_labels(description, train)
    networks = []
    for state in (checkpoint.state, checkpoint.initial_state):
        network = network_of(checkpoint.model, where.model)
        fit_state_dict(network, state, where.checkpoint)
        networks.append(network.eval())
    name = str(checkpoint.model.get("name", checkpoint.model.get("factory")))
    run = _run(dataset, networks[0], networks[1], "initial", train, test, law.spec, name)
    if where.reference is not None:
        reference = network_of(checkpoint.model, where.model)
        run = replace(run, reference=_with_weights(reference, where.reference), reference_kind="file")
    return replace(run, history=checkpoint.history, certificate=checkpoint.certificate)


def _foreign(content: Any, where: Source) -> Run:
    if where.model is None or ":" not in where.model:
        raise InputError(
            "a boundcheck checkpoint, or a state dict with --model package.module:factory",
            f"{where.checkpoint}, a file of another program" + ("" if where.model is None else f", with --model {where.model}"),
            "name the function that builds its network with --model, and its data with --data",
        )
    state = find_state_dict(content, where.checkpoint)
    dataset = load_dataset(where.data or "digits", data_dir=where.data_dir)
    kwargs = dict(where.model_kwargs or {})
    network = from_factory(where.model, kwargs)
    fit_state_dict(network, state, where.checkpoint)
    law = parse_labels(where.labels or "true")
    train, test = make_samples(dataset, law, where.seed, where.n)
    reference = None
    if where.reference is not None:
        reference = _with_weights(from_factory(where.model, kwargs), where.reference)
    kind = "zero" if reference is None else "file"
    return _run(dataset, network.eval(), reference, kind, train, test, law.spec, where.model)


def _with_weights(network: nn.Module, path: str) -> nn.Module:
    content = read_file(path)
    state = parse_checkpoint(content, path).state if is_checkpoint(content) else find_state_dict(content, path)
    fit_state_dict(network, state, path)
    return network.eval()


def _run(
    dataset: Dataset,
    network: nn.Module,
    reference: nn.Module | None,
    kind: str,
    train: Sample,
    test: Sample,
    labels: str,
    model: str,
) -> Run:
    return Run(
        network=network,
        reference=reference,
        reference_kind=kind,
        train=train,
        test=test,
        classes=dataset.classes,
        law=parse_labels(labels),
        low=dataset.low,
        high=dataset.high,
        model=model,
        data=dataset.name,
    )


def _normalized(run: Run, where: Source) -> Run:
    """Put the fixed affine map (x - mean) / std before the network, as its first layer."""
    mean, std = where.mean or (0.0,), where.std or (1.0,)
    channels = run.train.x.shape[1] if run.train.x.ndim == 4 else 1
    for name, values in (("--mean", mean), ("--std", std)):
        if len(values) not in (1, channels):
            raise InputError(f"one number or {channels} in {name}", f"{len(values)}", "give one a channel, joined by commas")
    if not all(s > 0.0 for s in std):
        raise InputError("positive numbers in --std", ",".join(map(str, std)), "give standard deviations")
    first = Normalize(mean, std)
    reference = None if run.reference is None else nn.Sequential(first, run.reference).eval()
    return replace(run, network=nn.Sequential(first, run.network).eval(), reference=reference)


def fit_input_shape(run: Run, *, more_classes: bool = False) -> Run:
    """Bring the inputs into the shape that the network takes: as they are, flat, or with a channel axis.

    Args:
        run: The run.
        more_classes: Whether the network may tell more classes apart than the run has; the run then has as many.

    Raises:
        InputError: The network takes none of them, or returns no k numbers an example.
    """
    shape = run.train.x.shape[1:]
    tried = [shape, (math.prod(shape),), *([(1, *shape)] if len(shape) == 2 else []), *([shape[1:]] if shape[:1] == (1,) else [])]
    complaint = ""
    for candidate in dict.fromkeys(tried):
        try:
            with torch.no_grad():
                output = run.network(torch.from_numpy(run.train.x[:2].reshape(-1, *candidate)).to(_dtype(run.network)))
        except Exception as error:  # a user's network may fail in any way on a shape that it does not take
            complaint = complaint or f"{type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"
            continue
        classes = _classes_told_apart(output, min(2, len(run.train)))
        if classes == run.classes or (more_classes and classes > run.classes):
            test = None if run.test is None else _reshaped(run.test, candidate)
            return replace(run, train=_reshaped(run.train, candidate), test=test, classes=classes)
        complaint = (
            f"an output of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else f"a {type(output).__name__}"
        )
    wanted = f"a network from inputs of shape {tuple(shape)} to {run.classes} numbers an example"
    raise InputError(wanted, complaint, "check the network against the data: --model, --model-kwargs and --data")


def _classes_told_apart(output: object, rows: int) -> int:
    """Classes of a network by its output on some rows: one number tells two apart; 0 where the output is of no use."""
    if not isinstance(output, torch.Tensor) or not output.is_floating_point() or output.ndim not in (1, 2) or len(output) != rows:
        return 0
    return max(2, output.shape[1]) if output.ndim == 2 else 2


def _dtype(network: nn.Module) -> torch.dtype:
    return next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)


def _reshaped(sample: Sample, shape: tuple[int, ...]) -> Sample:
    # A sample in this shape already is kept with what was computed on it.
    return sample if sample.x.shape[1:] == shape else Sample(sample.x.reshape(-1, *shape), sample.y)
