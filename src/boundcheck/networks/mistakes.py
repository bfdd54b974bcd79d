"""Which predictions of a program are errors: ties and NaN among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.evidence.counted import Errors

Mask = NDArray[np.bool_]
HeldOutError = Callable[[Mask, Mask], float]
"""From the masks of wrong and of invalid predictions on held-out examples to the error under the law of the labels."""

CHUNK = 4096
"""Rows that are evaluated at a time: large enough for fast products, small enough to stay in the cache's reach."""


def mistakes(outputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors of a batch of outputs.

    Args:
        outputs: Shape (b, k); with k = 1 a positive output means class 1, a negative one class 0.
        labels: Shape (b,), integers.

    Returns:
        (wrong, invalid): boolean, shape (b,). Wrong: not strictly above all other outputs. Invalid: wrong whatever the label is,
        because the largest output is tied or an output is NaN.
    """
    outputs = outputs.detach().reshape(outputs.shape[0], -1)
    if outputs.shape[1] == 1:
        score = outputs[:, 0]
        positive, negative = score > 0, score < 0
        return ~torch.where(labels == 1, positive, negative), ~(positive | negative)
    own = outputs.gather(1, labels[:, None])[:, 0]
    rivals = outputs.scatter(1, labels[:, None], -torch.inf).amax(dim=1)  # amax passes NaN on, and NaN is not below anything
    top = outputs.topk(2, dim=1).values
    valid = (top[:, 0] > top[:, 1]) & ~outputs.isnan().any(dim=1)
    return ~((own > rivals) & valid), ~valid


def predicted(outputs: torch.Tensor) -> torch.Tensor:
    """The class that each output predicts, as a unit vector; a row of zeros where a tie or NaN predicts none.

    Args:
        outputs: Shape (b, k); with k = 1 a positive output means class 1, a negative one class 0.

    Returns:
        Shape (b, max(k, 2)), integers.
    """
    outputs = outputs.detach().reshape(outputs.shape[0], -1)
    if outputs.shape[1] == 1:
        return torch.cat([outputs < 0, outputs > 0], dim=1).long()
    label = outputs.argmax(dim=1)
    wrong, _ = mistakes(outputs, label)
    return nn.functional.one_hot(label, outputs.shape[1]) * (~wrong)[:, None]


def program_mistakes(module: nn.Module, x: Any, y: Any, chunk: int = CHUNK) -> tuple[Mask, Mask]:
    """Errors of a module as it runs, in its own number format.

    Args:
        module: In evaluation mode.
        x: Inputs, shape (n, ...), array or tensor.
        y: Labels, shape (n,).
        chunk: Rows at a time.

    Returns:
        (wrong, invalid), shape (n,).
    """
    inputs, labels = torch.as_tensor(x), torch.as_tensor(y)
    parts = []
    with torch.no_grad():
        for start in range(0, len(labels), chunk):
            rows = inputs[start : start + chunk].to(dtype_of(module))
            parts.append(mistakes(module(rows), labels[start : start + chunk]))
    return join(parts)


def join(parts: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[Mask, Mask]:
    """Masks of several batches, one after the other, as arrays."""
    wrong, invalid = (torch.cat(masks).numpy() for masks in zip(*parts, strict=True))
    return wrong, invalid


def dtype_of(module: nn.Module) -> torch.dtype:
    """The number format of a module: that of its first floating parameter."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


def count_errors(
    module: nn.Module, train: tuple[Any, Any], test: tuple[Any, Any] | None, held_out_error: HeldOutError | None, overlap: int
) -> Errors:
    """Errors of one deterministic program on both samples.

    Args:
        module: In evaluation mode.
        train: Inputs and labels as trained on.
        test: Held-out inputs and clean labels, or ``None``.
        held_out_error: Turns masks into the error under the law of the labels; the share of wrong ones by default.
        overlap: Held-out rows that occur in the training sample, passed on.
    """
    wrong, invalid = program_mistakes(module, *train)
    found = Errors(n=len(wrong), errors=int(wrong.sum()), invalid=int(invalid.sum()))
    if test is None or len(test[1]) == 0:
        return found
    test_wrong, test_invalid = program_mistakes(module, *test)
    return Errors(
        n=found.n,
        errors=found.errors,
        invalid=found.invalid,
        test_n=len(test_wrong),
        test_errors=int(test_wrong.sum()),
        test_invalid=int(test_invalid.sum()),
        test_error=error_of(test_wrong, test_invalid, held_out_error),
        overlap=overlap,
    )


def error_of(wrong: Mask, invalid: Mask, held_out_error: HeldOutError | None) -> float:
    """The error under the law of the labels; the share of wrong predictions without one."""
    return float(wrong.mean()) if held_out_error is None else held_out_error(wrong, invalid)
