"""How a network does on its training sample after an epoch: its errors, and what the rule that ends training looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from boundcheck.networks.mistakes import mistakes
from boundcheck.runs.stopping import Stop

Outputs = Callable[[torch.Tensor], torch.Tensor]
"""From inputs of shape (b, ...) to outputs of shape (b, k), k > 1."""
_CHUNK = 1024  # rows at a time: the products are as fast as for more, and a pass that can end early ends soon


@dataclass(frozen=True)
class Standing:
    """How a network does on its training sample, in evaluation mode and in the precision that it is trained in.

    Attributes:
        errors: Training errors; ties and NaN count.
        reached: Examples whose margin, the output of the label less the largest other, is at least the rule's.
        loss: Mean cross-entropy in nats.
    """

    errors: int
    reached: int
    loss: float


def standing(outputs_of: Outputs, x: torch.Tensor, y: torch.Tensor, stop: Stop, *, whole: bool = True) -> Standing | None:
    """One pass over the sample.

    Args:
        outputs_of: What the network makes of a batch, in evaluation mode.
        x: Inputs, shape (n, ...).
        y: Labels, shape (n,).
        stop: The rule; what it doesn't look at is left at zero.
        whole: Whether to go on where the rule isn't met whatever the examples to come are.

    Returns:
        Where the network stands; ``None`` where the pass ended early.
    """
    errors, reached, loss, n = 0, 0, 0.0, len(y)
    with torch.no_grad():
        for start in range(0, n, _CHUNK):
            outputs, labels = outputs_of(x[start : start + _CHUNK]), y[start : start + _CHUNK]
            errors += int(mistakes(outputs, labels)[0].sum())
            if stop.kind == "margin":
                rivals = outputs.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
                reached += int((outputs.gather(1, labels[:, None])[:, 0] - rivals >= stop.value).sum())
            if stop.kind == "loss":
                loss += float(nn.functional.cross_entropy(outputs, labels, reduction="sum"))
            # No example takes errors or loss away, and those to come reach the margin at best.
            best = reached + n - min(start + _CHUNK, n)
            if not whole and not stop.met(errors=errors, reached=best, loss=loss / n, n=n):
                return None
    return Standing(errors, reached, loss / n)
