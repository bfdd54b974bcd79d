"""Augmentation: a fixed random rule by which training sees an image moved a little."""

from __future__ import annotations

import torch

from boundcheck.errors import InputError


def moved(x: torch.Tensor, most: int) -> torch.Tensor:
    """Each image moved by a whole number of pixels, uniform up to ``most`` either way in both directions; zeros move in.

    Args:
        x: Shape (b, channels, height, width) or (b, height, width).
        most: At least 0; torch's global generator draws the moves.

    Returns:
        A fresh tensor of the same shape.

    Raises:
        InputError: The examples are no images.
    """
    if x.ndim not in (3, 4):
        raise InputError("images, for augmentation", f"examples of shape {tuple(x.shape[1:])}", "leave augmentation out")
    images = x if x.ndim == 4 else x[:, None]
    count, channels, height, width = images.shape
    framed = torch.nn.functional.pad(images, [most] * 4)
    down, right = torch.randint(0, 2 * most + 1, (2, count, 1))
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    example, channel = torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return framed[example, channel, rows[:, None, :, None], columns[:, None, None, :]].reshape(x.shape)
