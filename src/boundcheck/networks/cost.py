"""What one evaluation of a network costs, counted and not timed, so that the work planned from it is the same everywhere."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def operations_per_example(module: nn.Module, x: torch.Tensor) -> float:
    """Floating point operations of one example's forward pass, and at least two a parameter.

    Args:
        module: A network in evaluation mode.
        x: A batch of one or more examples, as the network takes them.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(x)
    parameters = sum(p.numel() for p in module.parameters())
    return max(float(counter.get_total_flops()) / len(x), 2.0 * parameters, 1.0)


def affordable(wanted: int, each: float, budget: float, least: int) -> int:
    """How many of ``wanted`` repetitions fit a budget of operations.

    Args:
        wanted: As many as are of use.
        each: Operations of one.
        budget: Operations of all.
        least: As few as make sense, whatever they cost.
    """
    return max(min(wanted, least), min(wanted, int(budget / each)))
