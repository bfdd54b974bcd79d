"""From one torch module or function to one operation of the canonical graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrize

from boundcheck.networks import ops
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.modules import Normalize, Reshape

CONVOLUTIONS: dict[type[nn.Module], int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
BATCH_NORMS: dict[type[nn.Module], tuple[int, ...]] = {
    nn.BatchNorm1d: (1, 2),
    nn.BatchNorm2d: (3,),
    nn.BatchNorm3d: (4,),
}
MAX_POOLS: dict[type[nn.Module], int] = {nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3}
AVERAGE_POOLS: dict[type[nn.Module], int] = {nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3}
ADAPTIVE_POOLS: dict[type[nn.Module], int] = {
    nn.AdaptiveAvgPool1d: 1,
    nn.AdaptiveAvgPool2d: 2,
    nn.AdaptiveAvgPool3d: 3,
}
DROPOUTS: tuple[type[nn.Module], ...] = (
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Identity,
)  # fmt: skip
VIEWS: tuple[type[nn.Module], ...] = (*DROPOUTS, nn.Flatten, nn.Unflatten, Reshape)
POOL_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
AVERAGE_ARGUMENTS = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
SLOPE_ARGUMENTS = ("negative_slope", "inplace")

# Functions and methods that do what a module does: how to make that module from the arguments after the first.
FUNCTIONS: Mapping[Any, tuple[type[nn.Module], tuple[str, ...]]] = {
    F.relu: (nn.ReLU, ("inplace",)),
    F.relu_: (nn.ReLU, ()),
    torch.relu: (nn.ReLU, ()),
    torch.relu_: (nn.ReLU, ()),
    "relu": (nn.ReLU, ()),
    "relu_": (nn.ReLU, ()),
    F.leaky_relu: (nn.LeakyReLU, SLOPE_ARGUMENTS),
    F.leaky_relu_: (nn.LeakyReLU, SLOPE_ARGUMENTS[:1]),
    F.max_pool1d: (nn.MaxPool1d, POOL_ARGUMENTS),
    F.max_pool2d: (nn.MaxPool2d, POOL_ARGUMENTS),
    F.max_pool3d: (nn.MaxPool3d, POOL_ARGUMENTS),
    torch.max_pool1d: (nn.MaxPool1d, POOL_ARGUMENTS[:5]),
    torch.max_pool2d: (nn.MaxPool2d, POOL_ARGUMENTS[:5]),
    torch.max_pool3d: (nn.MaxPool3d, POOL_ARGUMENTS[:5]),
    F.avg_pool1d: (nn.AvgPool1d, AVERAGE_ARGUMENTS[:5]),
    F.avg_pool2d: (nn.AvgPool2d, AVERAGE_ARGUMENTS),
    F.avg_pool3d: (nn.AvgPool3d, AVERAGE_ARGUMENTS),
    F.adaptive_avg_pool1d: (nn.AdaptiveAvgPool1d, ("output_size",)),
    F.adaptive_avg_pool2d: (nn.AdaptiveAvgPool2d, ("output_size",)),
    F.adaptive_avg_pool3d: (nn.AdaptiveAvgPool3d, ("output_size",)),
}
CHANGES_IN_PLACE = {F.relu_, torch.relu_, "relu_", F.leaky_relu_, "add_", "mul_", "sub_", "div_"}


def array(tensor: torch.Tensor) -> ops.Array:
    """A tensor's numbers in float64, exactly."""
    if tensor.is_complex() or tensor.is_quantized:
        raise ValueError(f"weights of dtype {tensor.dtype}")
    return np.array(tensor.detach().cpu().to(torch.float64).numpy(), dtype=np.float64)


def axes(value: Any, count: int) -> tuple[int, ...]:
    """One integer per axis, from one integer or a sequence."""
    values = tuple(int(v) for v in value) if isinstance(value, (tuple, list)) else (int(value),) * count
    return values if len(values) == count else values * count


def kind_of(module: nn.Module) -> type[nn.Module]:
    """The class of a module, that below its parametrization where it has one."""
    kind = type(module)
    if parametrize.is_parametrized(module):
        kind = kind.__mro__[1]
    return kind


def from_module(module: nn.Module, key: str, shape: tuple[int, ...]) -> ops.Op:
    """The operation that a module does in evaluation mode.

    Args:
        module: Any module that is not looked into.
        key: Its path, which names its parameters.
        shape: Shape of its input for one example.

    Returns:
        The operation, :class:`ops.Unplaced` with the reason where there is none.
    """
    if module._forward_hooks or module._forward_pre_hooks:
        return ops.Unplaced(f"{type(module).__name__} has forward hooks, which may change what it computes")
    kind = kind_of(module)
    for table, make in _MAKERS:
        if kind in table:
            try:
                return make(module, key, shape)
            except ValueError as error:
                return ops.Unplaced(f"{kind.__name__} with {error}")
    return ops.Unplaced(f"{type(module).__name__} has no place in the theory of piecewise-linear networks")


def _passing(module: nn.Module, key: str, shape: tuple[int, ...]) -> ops.Op:
    return ops.Reshape() if isinstance(module, (nn.Flatten, nn.Unflatten, Reshape)) else ops.Identity()


def _activation(module: nn.Module, key: str, shape: tuple[int, ...]) -> ops.Op:
    return ops.LeakyRelu(float(module.negative_slope)) if isinstance(module, nn.LeakyReLU) else ops.Relu()


def _dense(module: nn.Module, key: str, shape: tuple[int, ...]) -> ops.Op:
    bias = getattr(module, "bias", None)
    return ops.Dense(array(_tensor(module.weight)), None if bias is None else array(bias), key)


def _tensor(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"weights that are no tensor but {type(value).__name__}")
    return value


def _convolution(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    count = CONVOLUTIONS[kind_of(module)]
    _needs_map(shape, count)
    dilation = axes(module.dilation, count)
    taps = axes(module.kernel_size, count)
    if module.padding == "same":
        # An even number of missing positions is split evenly; the odd one goes to the right.
        totals = [d * (k - 1) for d, k in zip(dilation, taps, strict=True)]
        padding = tuple((total // 2, total - total // 2) for total in totals)
    elif module.padding == "valid":
        padding = ((0, 0),) * count
    else:
        padding = tuple((p, p) for p in axes(module.padding, count))
    bias = None if module.bias is None else array(module.bias)
    return ops.Convolution(
        array(module.weight), bias, key, axes(module.stride, count), padding, dilation, int(module.groups),
        str(module.padding_mode),
    )  # fmt: skip


def _needs_map(shape: tuple[int, ...], count: int) -> None:
    if len(shape) != count + 1:
        raise ValueError(f"an input of shape {shape}, which has no channel axis and {count} further axes")


def _batch_norm(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    if module.running_mean is None or module.running_var is None:
        raise ValueError("statistics of each batch, so that the network is no function of one input")
    if len(shape) not in BATCH_NORMS[kind_of(module)]:
        raise ValueError(f"an input of shape {shape}")
    mean, variance = array(module.running_mean), array(module.running_var)
    gain = np.ones_like(mean) if module.weight is None else array(module.weight)
    offset = np.zeros_like(mean) if module.bias is None else array(module.bias)
    scale = gain / np.sqrt(variance + float(module.eps))
    per_channel = (-1, *(1,) * (len(shape) - 1))
    return ops.Scale(scale.reshape(per_channel), (offset - mean * scale).reshape(per_channel), key, False, True)


def _normalize(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    per_channel = (-1, *(1,) * (len(shape) - 1))
    mean, std = array(module.mean).reshape(per_channel), array(module.std).reshape(per_channel)
    scale, shift = np.broadcast_arrays(1.0 / std, -mean / std)
    return ops.Scale(scale.copy(), shift.copy(), key, bool(module.fixed))


def _max_pool(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    count = MAX_POOLS[kind_of(module)]
    _needs_map(shape, count)
    if module.return_indices:
        raise ValueError("return_indices")
    kernel = axes(module.kernel_size, count)
    return ops.MaxPool(
        kernel, kernel if module.stride is None else axes(module.stride, count), axes(module.padding, count),
        axes(module.dilation, count), bool(module.ceil_mode),
    )  # fmt: skip


def _average_pool(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    count = AVERAGE_POOLS[kind_of(module)]
    _needs_map(shape, count)
    kernel = axes(module.kernel_size, count)
    divisor = getattr(module, "divisor_override", None)
    return ops.AveragePool(
        kernel, kernel if module.stride is None else axes(module.stride, count), axes(module.padding, count),
        bool(module.ceil_mode), bool(module.count_include_pad), None if divisor is None else int(divisor),
    )  # fmt: skip


def _adaptive(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    count = ADAPTIVE_POOLS[kind_of(module)]
    _needs_map(shape, count)
    sizes = module.output_size if isinstance(module.output_size, (tuple, list)) else (module.output_size,) * count
    return ops.AdaptiveAveragePool(tuple(n if m is None else int(m) for m, n in zip(sizes, shape[1:], strict=True)))


def _memorizer(module: Any, key: str, shape: tuple[int, ...]) -> ops.Op:
    raise ValueError(
        "hinges that share one direction: a dense layer would have one for each of them, and the norms of a network that is not "
        "the one stored"
    )


Maker = Callable[[Any, str, tuple[int, ...]], ops.Op]
_MAKERS: tuple[tuple[Any, Maker], ...] = (
    ((nn.Linear,), _dense),
    (CONVOLUTIONS, _convolution),
    (BATCH_NORMS, _batch_norm),
    ((Normalize,), _normalize),
    ((Memorizer,), _memorizer),
    ((nn.ReLU, nn.LeakyReLU), _activation),
    (MAX_POOLS, _max_pool),
    (AVERAGE_POOLS, _average_pool),
    (ADAPTIVE_POOLS, _adaptive),
    (VIEWS, _passing),
)


def module_of_call(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> nn.Module | None:
    """The module that does what a functional call does.

    Args:
        target: The function, or the name of the method.
        args: Positional arguments after the first (the signal).
        kwargs: Keyword arguments.

    Returns:
        None for a function without such a module, or arguments that it does not know.
    """
    if target not in FUNCTIONS:
        return None
    kind, names = FUNCTIONS[target]
    if len(args) > len(names) or any(name not in names for name in kwargs):
        return None
    settings = dict(zip(names, args, strict=False)) | dict(kwargs)
    if settings.get("stride") == []:
        del settings["stride"]
    return kind(**settings)
