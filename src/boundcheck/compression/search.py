"""From a trained network to the record of a short message for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up
from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.code import Message, decode
from boundcheck.compression.quantize import Differences, quantize
from boundcheck.evidence.code import Code
from boundcheck.evidence.selection import score
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.cost import affordable, operations_per_example
from boundcheck.networks.fusing import compared_buffers, fused, learned_buffers, refuse_batch_statistics
from boundcheck.networks.mistakes import dtype_of, program_mistakes
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

_DENSITIES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.008, 0.004, 0.002)
_FEWEST_ROWS, _FEWEST_MESSAGES = 100, 40  # with fewer a search could not tell good from bad
_LEVELS = (3, 5, 7, 9, 15, 31, 63, 255)  # numbers of levels that the search tries
_SMALL = 64  # tensors up to this size (biases of small layers) are kept whole at first: they cost next to nothing


@dataclass(frozen=True)
class _Effort:
    """How much is tried.

    Attributes:
        rows: Training examples that the search looks at.
        evaluations: Messages that it tries.
        levels: Numbers of levels that it tries on the whole grid of densities.
        operations: Floating point operations that the search may take; it looks at fewer examples and messages of a network that
            costs more.
    """

    rows: int
    evaluations: int
    levels: tuple[int, ...]
    operations: float


_EFFORTS: Mapping[str, _Effort] = {
    "quick": _Effort(rows=2000, evaluations=150, levels=(3, 7), operations=5e11),
    "full": _Effort(rows=10000, evaluations=400, levels=_LEVELS, operations=6e12),
}


@dataclass(frozen=True)
class _Choice:
    levels: int
    densities: tuple[float, ...]


def measure_code(subject: Subject) -> Code:
    """Quantize what training changed, write it down, decode it, and count the decoded network's errors.

    Args:
        subject: The network, its samples and the effort.

    Returns:
        The record.

    Raises:
        Unavailable: The network has no parameters, a number in it is not finite, or its predictions depend on each other.
    """
    plan, start, seconds = _EFFORTS[subject.effort], time.monotonic(), subject.time_budget
    network, before = fused(subject.network), None if subject.reference is None else fused(subject.reference)
    refuse_batch_statistics(network, "code")
    differences = Differences.of(network, before)
    buffers, flags = learned_buffers(network, before, subject.fixed), compared_buffers(network, before, subject.fixed)
    if any(b.is_floating_point() and not bool(torch.isfinite(b).all()) for b in buffers.values()):
        raise Unavailable("a buffer of the network holds something that is not a finite number")
    x, y = subject.train
    plan, n = _within_reach(plan, network, x), len(y)
    rows = torch.randperm(n, generator=generator(subject.seed))[: plan.rows]
    sample = (x[rows], y[rows])

    def loss(choice: _Choice) -> float:
        message = quantize(differences, choice.levels, choice.densities, buffers, flags)
        wrong, _ = program_mistakes(decode(message, network, before), *sample)
        nats = code_nats(message.counts, message.side_bits) + log_inverse_up(subject.delta)
        risk = float(wrong.mean())
        return score(kl_bound(risk, nats, n), risk, nats / n, subject.guess)

    best = _search(
        differences,
        loss,
        plan,
        deadline=math.inf if seconds is None else start + 0.7 * seconds,
        progress=lambda fraction: subject.progress("searching a short description", 0.8 * fraction),
    )
    message = quantize(differences, best.levels, best.densities, buffers, flags)
    subject.progress("measuring the decoded network", 0.8)
    return Code(
        counts=message.counts,
        side_bits=float(message.side_bits),
        detail=message.detail,
        errors=subject.errors(decode(message, network, before)),
        settings=_settings(message, subject.center),
    )


def _within_reach(plan: _Effort, network: nn.Module, x: torch.Tensor) -> _Effort:
    """The plan with as many examples and messages as its operations allow; the same on every machine."""
    each = operations_per_example(network, x[:1].to(dtype_of(network)))
    rows = affordable(min(plan.rows, len(x)), each * _FEWEST_MESSAGES, plan.operations, _FEWEST_ROWS)
    return replace(plan, rows=rows, evaluations=affordable(plan.evaluations, each * rows, plan.operations, _FEWEST_MESSAGES))


def _search(
    differences: Differences,
    loss: Callable[[_Choice], float],
    plan: _Effort,
    *,
    deadline: float,
    progress: Callable[[float], None],
) -> _Choice:
    """The best of a grid, improved tensor by tensor."""
    done = 0
    best, lowest = None, math.inf

    def spent() -> bool:
        return best is not None and (done >= plan.evaluations or time.monotonic() >= deadline)

    def attempt(choice: _Choice) -> bool:
        nonlocal done, best, lowest
        done += 1
        progress(min(done / plan.evaluations, 1.0))
        value = loss(choice)
        if best is None or value < lowest:
            best, lowest = choice, value
            return True
        return False

    for density in _DENSITIES:
        for levels in plan.levels:
            if not spent():
                attempt(_Choice(levels, tuple(1.0 if v.size <= _SMALL else density for v in differences.values)))
    if best is None:
        raise ValueError("expected at least one candidate; got none")
    for levels in _LEVELS:
        if not spent() and levels not in plan.levels:
            attempt(_Choice(levels, best.densities))
    for factor in (2.0, 1.4, 1.15):
        improved = True
        while improved and not spent():
            improved = False
            for index in range(len(differences.values)):
                for step in (1.0 / factor, factor):
                    if spent():
                        break
                    changed = [min(d * step, 1.0) if i == index else d for i, d in enumerate(best.densities)]
                    if changed[index] != best.densities[index] and attempt(_Choice(best.levels, tuple(changed))):
                        improved = True
                        break
    return best


def _settings(message: Message, reference: str) -> dict[str, float | int | str]:
    total = sum(tensor.symbols.size for tensor in message.tensors)
    nonzero = sum(int(np.count_nonzero(tensor.symbols)) for tensor in message.tensors)
    return {
        "levels": max(len(counted) for counted in message.counts),
        "symbols": total,
        "nonzero": nonzero,
        "quantized": "weights" if reference == "zero" else f"difference from the reference ({reference})",
    }
