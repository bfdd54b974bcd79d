"""From one ONNX operator with weights or windows to the torch layer that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

_CONVOLUTIONS: Mapping[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_MAX_POOLS: Mapping[int, Any] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVERAGE_POOLS: Mapping[int, Any] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_GLOBAL_POOLS: Mapping[int, Any] = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_BATCH_NORMS: Mapping[int, Any] = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

Array = np.ndarray[Any, Any]
MakeParameter = Callable[[str, Array], nn.Parameter]


class Refused(Exception):  # noqa: N818  (a reason, as Unavailable is)
    """Something in the file has no place here; carries what it is."""


@dataclass(frozen=True, eq=False)
class Settings:
    """What an operator is given beside its signal.

    Attributes:
        kind: Its name.
        attributes: By name.
        constants: Its further inputs.
        names: Their names in the file.
        shape: Shape of the signal for one example.
    """

    kind: str
    attributes: Mapping[str, Any]
    constants: tuple[Array, ...]
    names: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def axes(self) -> int:
        """Axes of the map, channels excluded.

        Raises:
            Refused: There is none, or more than three.
        """
        count = len(self.shape) - 1
        if count not in _CONVOLUTIONS:
            raise Refused(f"{self.kind} on an input of shape {self.shape}")
        return count

    def tuple_of(self, name: str) -> tuple[int, ...]:
        """An attribute with one number an axis; ones where it is left out."""
        return tuple(int(v) for v in self.attributes.get(name, (1,) * self.axes))

    @property
    def padding(self) -> tuple[int, ...]:
        """Padding of each axis.

        Raises:
            Refused: It differs between the two sides, or is to be worked out by the program that runs the file.
        """
        auto = self.attributes.get("auto_pad", b"NOTSET")
        if auto not in (b"NOTSET", b"VALID"):
            raise Refused(f"{self.kind} with auto_pad={auto.decode()}")
        pads = tuple(int(v) for v in self.attributes.get("pads", (0,) * (2 * self.axes)))
        before, after = pads[: self.axes], pads[self.axes :]
        if before != after:
            raise Refused(f"{self.kind} with padding {list(pads)}, which differs between the sides")
        return before


def _gemm(s: Settings, parameter: MakeParameter) -> nn.Module:
    if s.attributes.get("transA", 0):
        raise Refused("Gemm with transA")
    if s.attributes.get("alpha", 1.0) != 1.0 or s.attributes.get("beta", 1.0) != 1.0:
        raise Refused("Gemm with factors alpha or beta")
    weight = s.constants[0] if s.attributes.get("transB", 0) else s.constants[0].T
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=len(s.constants) > 1)
    layer.weight = parameter(s.names[0], weight)
    if len(s.constants) > 1:
        layer.bias = parameter(s.names[1], np.broadcast_to(s.constants[1].reshape(-1), (weight.shape[0],)))
    return layer


def _matmul(s: Settings, parameter: MakeParameter) -> nn.Module:
    if s.constants[0].ndim != 2:
        raise Refused(f"MatMul with a constant of shape {s.constants[0].shape}")
    rows, columns = s.constants[0].shape
    layer = nn.Linear(rows, columns, bias=False)
    layer.weight = parameter(s.names[0], s.constants[0].T)
    return layer


def _convolution(s: Settings, parameter: MakeParameter) -> nn.Module:
    weight, groups = s.constants[0], int(s.attributes.get("group", 1))
    layer: nn.Module = _CONVOLUTIONS[s.axes](
        weight.shape[1] * groups, weight.shape[0], weight.shape[2:], s.tuple_of("strides"), s.padding, s.tuple_of("dilations"),
        groups, bias=len(s.constants) > 1,
    )  # fmt: skip
    layer.weight = parameter(s.names[0], weight)
    if len(s.constants) > 1:
        layer.bias = parameter(s.names[1], s.constants[1])
    return layer


def _max_pool(s: Settings, parameter: MakeParameter) -> nn.Module:
    steps = zip(s.tuple_of("kernel_shape"), s.tuple_of("strides"), s.padding, strict=True)
    if s.attributes.get("ceil_mode", 0) and any(stride > kernel or pad for kernel, stride, pad in steps):
        raise Refused("MaxPool with ceil_mode and padding or gaps, whose last window programs place in several ways")
    layer: nn.Module = _MAX_POOLS[s.axes](
        s.tuple_of("kernel_shape"), s.tuple_of("strides"), s.padding, s.tuple_of("dilations"),
        ceil_mode=bool(s.attributes.get("ceil_mode", 0)),
    )  # fmt: skip
    return layer


def _average_pool(s: Settings, parameter: MakeParameter) -> nn.Module:
    if any(v != 1 for v in s.tuple_of("dilations")):
        raise Refused("AveragePool with dilations")
    if s.attributes.get("ceil_mode", 0):
        raise Refused("AveragePool with ceil_mode, which runtimes read in two ways")
    layer: nn.Module = _AVERAGE_POOLS[s.axes](
        s.tuple_of("kernel_shape"), s.tuple_of("strides"), s.padding,
        count_include_pad=bool(s.attributes.get("count_include_pad", 0)),
    )  # fmt: skip
    return layer


def _global_average(s: Settings, parameter: MakeParameter) -> nn.Module:
    layer: nn.Module = _GLOBAL_POOLS[s.axes](1)
    return layer


def _batch_norm(s: Settings, parameter: MakeParameter) -> nn.Module:
    if s.attributes.get("training_mode", 0):
        raise Refused("BatchNormalization in training mode")
    scale, offset, mean, variance = s.constants
    if len(s.shape) - 1 not in _BATCH_NORMS:
        raise Refused(f"BatchNormalization on an input of shape {s.shape}")
    layer: nn.Module = _BATCH_NORMS[len(s.shape) - 1](len(scale), eps=float(s.attributes.get("epsilon", 1e-5)))
    layer.weight, layer.bias = parameter(s.names[0], scale), parameter(s.names[1], offset)
    layer.running_mean, layer.running_var = torch.from_numpy(mean.copy()), torch.from_numpy(variance.copy())
    return layer


def _relu(s: Settings, parameter: MakeParameter) -> nn.Module:
    return nn.ReLU()


def _leaky_relu(s: Settings, parameter: MakeParameter) -> nn.Module:
    return nn.LeakyReLU(float(s.attributes.get("alpha", 0.01)))


LAYERS: Mapping[str, Callable[[Settings, MakeParameter], nn.Module]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _convolution,
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "BatchNormalization": _batch_norm,
}
"""Operator to what makes its layer."""
