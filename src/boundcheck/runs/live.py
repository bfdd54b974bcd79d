"""A run from live objects: a network in memory and arrays."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.data import make_dataset, parse_labels
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
    frozen = _frozen(network, "the network")
    x, y = _pair("train", train)
    xt, yt = (x, y) if test is None else _pair("test", test)
    low, high = _bounds(domain)
    # One label alone tells no number of classes; the network's outputs do.
    known = 2 if classes is None and all(given.dtype.kind in "biu" and not given.any() for given in (y, yt)) else classes
    dataset = make_dataset("the sample", x, y, xt, yt, classes=known, low=low, high=high)
    law = parse_labels(labels)
    initial = None if reference is None else _frozen(reference, "the reference")
    if initial is not None and _shapes(initial) != _shapes(frozen):
        raise InputError(
            "a reference of the network's own architecture",
            "parameters of other names or shapes",
            "copy the network before training",
        )
    run = Run(
        network=frozen,
        reference=initial,
        reference_kind="zero" if initial is None else "initial",
        train=Sample(dataset.inputs("train"), dataset.labels("train")),
        test=None if test is None else Sample(dataset.inputs("test"), dataset.labels("test")),
        classes=dataset.classes,
        law=law,
        low=dataset.low,
        high=dataset.high,
        model=type(network).__name__,
        data="arrays",
    )
    # Random labels are uniform on the classes of the sample, which a network with further outputs does not change.
    return fit_input_shape(run, more_classes=classes is None and law.p == 0.0)


def _bounds(domain: tuple[float, float] | None) -> tuple[float | None, float | None]:
    if domain is None:
        return None, None
    try:
        low, high = (float(end) for end in domain)
    except (TypeError, ValueError):
        low, high = math.inf, -math.inf
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(
            "domain=(lowest, highest) input coordinate", repr(domain), "pass for example (0.0, 1.0), or leave it out"
        )
    return low, high


def _pair(name: str, pair: tuple[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InputError(f"{name}=(inputs, labels)", f"a {type(pair).__name__}", "pass two arrays or tensors")
    x, y = (_array(name, part) for part in pair)
    return x, y


def _array(name: str, part: Any) -> np.ndarray[Any, Any]:
    if isinstance(part, torch.Tensor):
        plain = part.detach().cpu()
        return np.asarray(plain.float() if plain.dtype in (torch.bfloat16, torch.float16) else plain)
    try:
        return np.asarray(part)
    except ValueError as error:  # rows of different lengths
        raise InputError(
            f"arrays or tensors in {name}", f"a {type(part).__name__} ({error})", "give all rows the same shape"
        ) from error


def _frozen(network: nn.Module, name: str) -> nn.Module:
    if not isinstance(network, nn.Module):
        raise InputError(f"a torch.nn.Module as {name}", f"a {type(network).__name__}", "pass the network itself")
    check_finite(network.state_dict(), name)
    try:
        return copy.deepcopy(network).to("cpu").eval()
    except Exception as error:  # a module of the user's own may refuse to be copied in any way
        got = f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else 'no message'}"
        raise InputError(
            f"{name} to be a module that copy.deepcopy copies", got, "build a fresh one and load its state dict"
        ) from error


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in network.named_parameters()}
