"""The built-in architectures: linear, fully connected, convolutional and residual, those of one paper, and a fixed front end.

Each is made from settings that JSON can hold, so that a checkpoint can say how to rebuild its network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError, nearest
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.modules import Normalize, Residual, image_shape
from boundcheck.networks.oriented import oriented
from boundcheck.networks.subspace import subspace
from boundcheck.networks.zhang2017 import alexnet, inception

__all__ = ["ARCHITECTURES", "Normalize", "build", "conv", "describe", "linear", "mlp", "oriented", "rebuild", "residual"]

Shape = Sequence[int]


def linear(input_shape: Shape, classes: int, bias: bool = True) -> nn.Module:
    """One linear layer.

    Args:
        input_shape: Shape of one example.
        classes: Number of outputs.
        bias: Whether it has a constant part.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), classes, bias=bias))


def mlp(
    input_shape: Shape, classes: int, widths: Sequence[int] = (512, 512), bias: bool = True, batchnorm: bool = False,
    dropout: float = 0.0, rank: int | None = None, xavier: bool = False,
) -> nn.Module:  # fmt: skip
    """Fully connected layers with ReLU between them.

    Args:
        input_shape: Shape of one example.
        classes: Number of outputs.
        widths: Units of each hidden layer.
        bias: Whether the layers have constant parts.
        batchnorm: Whether a batch normalization follows each hidden layer.
        dropout: Probability with which a hidden unit is left out while training.
        rank: Each matrix but the last is a product of two with so many columns and rows; ``None``: one matrix.
        xavier: Whether initial weights are uniform within sqrt(6 / (rows + columns)) and biases zero, as X. Glorot and Y. Bengio
            (AISTATS 2010) have it; else they are PyTorch's, under which signals shrink from layer to layer.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    size = math.prod(input_shape)
    for width in widths:
        layers.extend([nn.Linear(size, rank, bias=False)] if rank else [])
        layers.append(nn.Linear(rank or size, width, bias=bias))
        layers.extend([nn.BatchNorm1d(width)] if batchnorm else [])
        layers.extend([nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])])
        size = width
    network = nn.Sequential(*layers, nn.Linear(size, classes, bias=bias))
    for layer in (module for module in network if xavier and isinstance(module, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def conv(
    input_shape: Shape, classes: int, channels: Sequence[int] = (16, 32), pool: str = "max", width: int = 64,
    bias: bool = True, batchnorm: bool = False,
) -> nn.Module:  # fmt: skip
    """Blocks of a 3x3 convolution and a reduction by two, then one hidden layer.

    Args:
        input_shape: Shape of one example: (height, width) or (channels, height, width).
        classes: Number of outputs.
        channels: Channels of each block.
        pool: How a block halves the map: ``max``, ``average`` or ``stride``.
        width: Units of the hidden layer after the blocks; 0 for none.
        bias: Whether the layers have constant parts.
        batchnorm: Whether a batch normalization follows each convolution.

    Raises:
        InputError: If the input is no image or ``pool`` is unknown.
    """
    layers, (depth, *sizes) = image_shape(input_shape)
    pools: Mapping[str, Callable[[], list[nn.Module]]] = {
        "max": lambda: [nn.MaxPool2d(2, ceil_mode=True)],
        "average": lambda: [nn.AvgPool2d(2, ceil_mode=True)],
        "stride": list,
    }
    if pool not in pools:
        raise InputError("a kind of pool", repr(pool), nearest(pool, list(pools)))
    for count in channels:
        layers.append(nn.Conv2d(depth, count, 3, stride=2 if pool == "stride" else 1, padding=1, bias=bias))
        layers.extend([nn.BatchNorm2d(count)] if batchnorm else [])
        layers.extend([nn.ReLU(), *pools[pool]()])
        depth, sizes = count, [math.ceil(size / 2) for size in sizes]
    size = depth * math.prod(sizes)
    layers.append(nn.Flatten())
    if width:
        layers.extend([nn.Linear(size, width, bias=bias), nn.ReLU()])
        size = width
    return nn.Sequential(*layers, nn.Linear(size, classes, bias=bias))


def residual(
    input_shape: Shape, classes: int, channels: Sequence[int] = (16, 32), bias: bool = True, batchnorm: bool = False
) -> nn.Module:
    """A 3x3 convolution, one residual block per entry of ``channels``, a global average and a linear layer.

    Args:
        input_shape: Shape of one example: (height, width) or (channels, height, width).
        classes: Number of outputs.
        channels: Channels of each block; a block that changes their number halves the map.
        bias: Whether the layers have constant parts.
        batchnorm: Whether a batch normalization follows each convolution.

    Raises:
        InputError: If the input is no image.
    """
    layers, (depth, *_) = image_shape(input_shape)

    def convolution(into: int, out: int, taps: int, stride: int = 1) -> list[nn.Module]:
        made: list[nn.Module] = [nn.Conv2d(into, out, taps, stride=stride, padding=taps // 2, bias=bias)]
        return [*made, nn.BatchNorm2d(out)] if batchnorm else made

    layers.extend([*convolution(depth, channels[0], 3), nn.ReLU()])
    depth = channels[0]
    for count in channels:
        stride = 1 if count == depth else 2
        branch = nn.Sequential(*convolution(depth, count, 3, stride), nn.ReLU(), *convolution(count, count, 3))
        same = count == depth
        shortcut = nn.Identity() if same else nn.Sequential(*convolution(depth, count, 1, stride))
        layers.append(Residual(branch, shortcut))
        depth = count
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, classes, bias=bias))


def memorizer(input_shape: Shape, classes: int, hinges: int) -> nn.Module:
    """The network of ``boundcheck construct``, all of whose hidden units share one direction.

    Args:
        input_shape: Shape of one example.
        classes: Number of outputs.
        hinges: Number of hidden units.
    """
    return Memorizer(math.prod(input_shape), hinges, classes)


ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {
        "linear": linear,
        "mlp": mlp,
        "conv": conv,
        "residual": residual,
        "alexnet": alexnet,
        "inception": inception,
        "oriented": oriented,
        "subspace": subspace,
    }
)
"""Networks to be trained."""
CONSTRUCTED: Mapping[str, Callable[..., nn.Module]] = MappingProxyType({"memorizer": memorizer})
"""Networks whose weights are solved for, which no training finds."""


def build(name: str, input_shape: Shape, classes: int, *, seed: int = 0, **settings: Any) -> nn.Module:
    """Makes a built-in network with freshly drawn weights.

    Args:
        name: A key of ``ARCHITECTURES`` or ``CONSTRUCTED``.
        input_shape: Shape of one example.
        classes: Number of outputs.
        seed: Seed of the initial weights; torch's global generator is left as it was.
        **settings: Settings of the architecture, see its function.

    Returns:
        The network, in float32 and in training mode.

    Raises:
        InputError: If there is no such architecture or setting.
    """
    known = {**ARCHITECTURES, **CONSTRUCTED}
    if name not in known:
        raise InputError("an architecture", repr(name), nearest(name, list(ARCHITECTURES)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return known[name](tuple(int(n) for n in input_shape), int(classes), **settings)
        except TypeError as error:
            raise InputError(f"settings of {name}", str(error), "see the architecture's help") from error


def describe(name: str, input_shape: Shape, classes: int, **settings: Any) -> dict[str, Any]:
    """The settings of a built-in network in a form that JSON can hold.

    Returns:
        ``{"name": ..., "kwargs": {...}}``, from which :func:`rebuild` makes the network.
    """
    kwargs: dict[str, Any] = {"input_shape": [int(n) for n in input_shape], "classes": int(classes)}
    kwargs |= {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    return {"name": name, "kwargs": kwargs}


def rebuild(spec: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """Makes the network that :func:`describe` described, with freshly drawn weights.

    Raises:
        InputError: If the description is none.
    """
    try:
        return build(str(spec["name"]), seed=seed, **dict(spec["kwargs"]))
    except (KeyError, TypeError) as error:
        raise InputError("a description with name and kwargs", repr(dict(spec)), "rewrite the checkpoint") from error
