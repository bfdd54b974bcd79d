"""A run from live objects: a network in memory and arrays."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.data import Dataset, make_dataset, parse_labels
from boundcheck.errors import InputError
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.state import check_finite


def run_from_objects(
    network: nn.Module,
    train: tuple[Any, Any],
    test: tuple[Any, Any] | None,
    reference: nn.Module | None,
    *,
    labels: str,
    classes: int | None,
    domain: tuple[float, float] | None,
) -> Run:
    """Copy the network to the CPU in evaluation mode, check the samples, and join them.

    Args:
        network: From inputs (n, ...) to k numbers an example; left as it is.
        train: Inputs and labels as trained on.
        test: Held-out inputs and clean labels.
        reference: The network with its initial weights.
        labels: Law of the training labels.
        classes: Number of classes, or ``None``: one more than the largest label.
        domain: Lowest and highest input coordinate known a priori.

    Raises:
        InputError: Something is not as described.
    """
    if not isinstance(network, nn.Module):
        raise InputError("a torch.nn.Module or a run", f"a {type(network).__name__}", "pass the network itself")
    x, y = _pair("train", train)
    xt, yt = (x, y) if test is None else _pair("test", test)
    low, high = domain if domain is not None else (None, None)
    dataset = make_dataset("the sample", x, y, xt, yt, classes=classes, low=low, high=high)
    frozen = _frozen(network, "the network")
    initial = None if reference is None else _frozen(reference, "the reference")
    if initial is not None and _shapes(initial) != _shapes(frozen):
        raise InputError("a reference of the network's own architecture", "parameters of other names or shapes", "copy the network before training")
    run = Run(
        network=frozen,
        reference=initial,
        reference_kind="zero" if initial is None else "initial",
        train=Sample(dataset.inputs("train"), dataset.labels("train")),
        test=None if test is None else Sample(dataset.inputs("test"), dataset.labels("test")),
        classes=_classes(dataset, frozen, classes),
        law=parse_labels(labels),
        low=dataset.low,
        high=dataset.high,
        model=type(network).__name__,
        data="arrays",
    )
    return fit_input_shape(run)


def _classes(dataset: Dataset, network: nn.Module, asked: int | None) -> int:
    """The classes that the network tells apart, which may be more than occur in a small sample."""
    if asked is not None:
        return dataset.classes
    try:
        with torch.no_grad():
            dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
            shape = tuple(network(torch.from_numpy(dataset.inputs("train")[:2]).to(dtype)).shape)
    except Exception:  # the network may want another shape; fit_input_shape finds out and says so
        return dataset.classes
    return max(shape[1], dataset.classes) if len(shape) == 2 and shape[1] > 1 else dataset.classes


def _pair(name: str, pair: tuple[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InputError(f"{name}=(inputs, labels)", f"a {type(pair).__name__}", "pass two arrays or tensors")
    x, y = (np.asarray(part.detach().cpu()) if isinstance(part, torch.Tensor) else np.asarray(part) for part in pair)
    return x, y


def _frozen(network: nn.Module, name: str) -> nn.Module:
    check_finite(network.state_dict(), name)
    return copy.deepcopy(network).to("cpu").eval()


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in network.named_parameters()}
