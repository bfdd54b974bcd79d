"""Networks of the certificates that are no built-in architecture, for ``--model networks:NAME`` in this folder."""

from __future__ import annotations

from torch import nn


def small_convolutional(channels: tuple[int, int, int] = (32, 48, 96)) -> nn.Module:
    """Three convolutions with batch normalization and one linear layer, for pictures of 28 x 28 pixels in one channel.

    Args:
        channels: Of the three convolutions.
    """
    first, second, third = channels
    return nn.Sequential(
        nn.Conv2d(1, first, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1, bias=False),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(second, third, 3, padding=1, bias=False),
        nn.BatchNorm2d(third),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9 * third, 10),
    )
