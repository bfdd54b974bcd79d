"""The convolutional networks of C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, ICLR 2017, appendix A.

Their sizes are arguments; the defaults train on two cores. The local response normalization of their AlexNet is left out: it is
no layer that a norm bound can speak of, and their Inception shows that the argument does not hang on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from boundcheck.networks.modules import Concatenation, image_shape

_MODULES = ((32, 32), (32, 48), 80, (112, 48), (96, 64), (80, 80), (48, 96), 96, (176, 160), (176, 160))
"""Channels of the modules: of the 1x1 and of the 3x3 branch, or of the convolution of a module that halves the map."""


def alexnet(
    input_shape: Sequence[int], classes: int, channels: Sequence[int] = (16, 32), widths: Sequence[int] = (128, 64),
    bias: bool = True, dropout: float = 0.0,
) -> nn.Module:  # fmt: skip
    """Two modules of a 5x5 convolution and a 3x3 pooling that halves the map, then fully connected layers.

    The paper's has ``channels=(64, 64)`` and ``widths=(384, 192)``: 1,387,786 parameters on 28 x 28 crops of three channels.

    Args:
        input_shape: Shape of one example: (height, width) or (channels, height, width).
        classes: Number of outputs.
        channels: Channels of each module.
        widths: Units of the fully connected layers.
        bias: Whether the layers have constant parts.
        dropout: Probability with which a unit of a fully connected layer is left out while training.

    Raises:
        InputError: If the input is no image.
    """
    layers, (depth, *sizes) = image_shape(input_shape)
    for count in channels:
        layers += [nn.Conv2d(depth, count, 5, padding=2, bias=bias), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
        depth, sizes = count, [math.ceil(size / 2) for size in sizes]
    layers.append(nn.Flatten())
    size = depth * math.prod(sizes)
    for width in widths:
        layers += [nn.Linear(size, width, bias=bias), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
        size = width
    return nn.Sequential(*layers, nn.Linear(size, classes, bias=bias))


def inception(
    input_shape: Sequence[int], classes: int, scale: float = 0.25, batchnorm: bool = True, bias: bool = True, dropout: float = 0.0
) -> nn.Module:
    """Two kinds of modules, one with a 1x1 and a 3x3 branch, one that halves the map, then a global average.

    The paper's has ``scale=1``: 1,649,402 parameters on three channels, the shifts of its batch normalizations counted and no
    scales; ours have scales too, 1,712 of them.

    Args:
        input_shape: Shape of one example: (height, width) or (channels, height, width).
        classes: Number of outputs.
        scale: Factor of the paper's numbers of channels.
        batchnorm: Whether a batch normalization follows each convolution, as in the paper. Without it initial weights have the
            variance 2/inputs of K. He et al. (ICCV 2015): under PyTorch's, signals fade over the layers, and it learns nothing.
        bias: Whether the layers have constant parts; before a batch normalization they have none.
        dropout: Probability with which an average is left out before the last layer while training.

    Raises:
        InputError: If the input is no image.
    """
    layers, (depth, *_) = image_shape(input_shape)

    def count(channels: int) -> int:
        return max(1, round(scale * channels))

    def convolution(into: int, out: int, taps: int, stride: int = 1) -> nn.Sequential:
        made = nn.Conv2d(into, out, taps, stride, padding=taps // 2, bias=bias and not batchnorm)
        if not batchnorm:
            nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
        return nn.Sequential(made, *([nn.BatchNorm2d(out)] if batchnorm else []), nn.ReLU())

    layers.append(convolution(depth, count(96), 3))
    depth = count(96)
    for module in _MODULES:
        if isinstance(module, int):
            halved = count(module)
            layers.append(Concatenation(convolution(depth, halved, 3, 2), nn.MaxPool2d(3, 2, padding=1)))
            depth += halved
        else:
            ones, threes = map(count, module)
            layers.append(Concatenation(convolution(depth, ones, 1), convolution(depth, threes, 3)))
            depth = ones + threes
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(depth, classes, bias=bias))
