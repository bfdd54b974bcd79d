"""From weights to symbols: a dead zone around zero, uniform levels outside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.compression.code import STEPS, CodedTensor, Message, columns_of
from boundcheck.evidence.unavailable import Unavailable

Array = NDArray[np.float64]
_CLIP = 0.995  # quantile of the kept magnitudes at the outermost level: larger ones are rare and pull all other levels apart

_COARSE = 4  # with up to so many levels a side, the dead zone alone decides what becomes zero


@dataclass(frozen=True, eq=False)
class Differences:
    """What is to be quantized, tensor by tensor.

    Attributes:
        names: Of the parameters, in the network's order.
        values: Difference from the reference of each, flattened by rows.
        columns: Numbers in a row of each.
        magnitudes: Their absolute values in ascending order.
    """

    names: tuple[str, ...]
    values: tuple[Array, ...]
    columns: tuple[int, ...]
    magnitudes: tuple[Array, ...]

    @classmethod
    def of(cls, module: nn.Module, reference: nn.Module | None) -> Differences:
        """Differences of a network's parameters from those of its reference, or from zero.

        Raises:
            Unavailable: A weight is not finite, there are none, or the reference has others.
        """
        before = {name: p.detach().double() for name, p in reference.named_parameters()} if reference is not None else None
        names, values, columns = [], [], []
        for name, p in module.named_parameters():
            w = p.detach().double()
            if before is not None:
                if name not in before or before[name].shape != w.shape:
                    raise Unavailable("the reference network has parameters of other names or shapes")
                w = w - before[name]
            if not bool(torch.isfinite(w).all()):
                raise Unavailable(f"the parameter {name} holds something that is not a finite real number")
            names.append(name)
            values.append(w.reshape(-1).numpy())
            columns.append(columns_of(w))
        if not names:
            raise Unavailable("the network has no parameters")
        return cls(tuple(names), tuple(values), tuple(columns), tuple(np.sort(np.abs(v)) for v in values))


def quantize(
    differences: Differences, levels: int, densities: Sequence[float], buffers: Mapping[str, torch.Tensor], flags: int = 0
) -> Message:
    """Keep the largest entries of each tensor and round them to few levels.

    The encoder may do what it likes, since the message tells the decoder everything: nothing here has to be paid for.

    Args:
        differences: What is to be quantized.
        levels: K.
        densities: For each tensor the share of entries that are not zero, in [0, 1].
        buffers: Passed on.
        flags: Passed on.
    """
    outermost, tensors = (levels - 1) // 2, []
    for value, columns, ordered, density in zip(
        differences.values, differences.columns, differences.magnitudes, densities, strict=True
    ):
        index, signed = _quantize_one(value, ordered, density, outermost)
        tensors.append(CodedTensor(signed.astype(np.int16), columns, step=index))
    return Message(tuple(tensors), buffers, flags)


def _quantize_one(value: Array, ordered: Array, density: float, outermost: int) -> tuple[int, NDArray[np.int64]]:
    """Index of the step size and signed symbols of one tensor."""
    kept = min(round(density * ordered.size), ordered.size)
    large = ordered[ordered.size - kept :]
    if kept == 0 or large[-1] == 0.0:
        return 0, np.zeros(value.size, dtype=np.int64)
    chosen = np.flatnonzero(np.abs(value) >= max(float(large[0]), np.finfo(np.float64).tiny))
    entries = value[chosen]
    size = np.abs(entries)
    step = float(large[min(int(_CLIP * kept), kept - 1)]) / outermost
    whole = _whole(size, step, outermost)
    step = float((whole * size).sum() / np.square(whole).sum())  # least squares, given the symbols
    index = int(np.clip(np.round(np.log2(step) * 8.0) + 208, 0, len(STEPS) - 1))
    signed = np.zeros(value.size, dtype=np.int64)
    signed[chosen] = np.sign(entries) * _whole(size, float(STEPS[index]), outermost)
    return index, signed


def _whole(size: Array, step: float, outermost: int) -> Array:
    least = 1.0 if outermost <= _COARSE else 0.0
    return np.clip(np.round(size / step), least, outermost)
