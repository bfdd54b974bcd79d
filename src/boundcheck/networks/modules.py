"""Small modules that the built-in architectures are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from boundcheck.errors import InputError


class Normalize(nn.Module):
    """``(x - mean) / std`` with constants: an affine first layer that counts as part of the network.

    Args:
        mean: One number, or one per channel (axis 1 of a batch).
        std: The same; every entry positive.
        fixed: Whether the constants were chosen before the data was seen. Otherwise they count as parameters.

    Raises:
        ValueError: If an entry of ``std`` is not positive.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], fixed: bool = True) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float64).reshape(-1))
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.float64).reshape(-1))
        if not bool((self.std > 0).all()):
            raise ValueError(f"standard deviations must be positive, got {std}")
        self.fixed = fixed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalizes a batch of shape (n, channels, ...), channel by channel, or with one constant for all."""
        shape = [1, -1] + [1] * (x.ndim - 2)
        return (x - self.mean.reshape(shape).to(x.dtype)) / self.std.reshape(shape).to(x.dtype)


class Reshape(nn.Module):
    """Gives every example another shape, for instance a channel axis.

    Args:
        shape: The new shape of one example.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reshapes a batch of shape (n, ...) to (n, *shape)."""
        return x.reshape((x.shape[0], *self.shape))


class Residual(nn.Module):
    """``relu(branch(x) + shortcut(x))``.

    Args:
        branch: The layers of the branch.
        shortcut: A convolution where the shapes differ, else the identity.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut, self.activation = branch, shortcut, nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of branch and shortcut through a ReLU."""
        y: torch.Tensor = self.activation(self.branch(x) + self.shortcut(x))
        return y


class Concatenation(nn.Module):
    """Branches beside each other, their channels one after the other.

    Args:
        *branches: From maps of one shape to maps of one size.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The channels of all branches."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def image_shape(shape: Sequence[int]) -> tuple[list[nn.Module], tuple[int, ...]]:
    """What brings an input into the form (channels, height, width), and that form.

    Raises:
        InputError: If the input is no image.
    """
    if len(shape) == 3:
        return [], tuple(shape)
    if len(shape) == 2:
        return [Reshape((1, *shape))], (1, *shape)
    raise InputError("images of shape (height, width) or (channels, height, width)", f"{tuple(shape)}", "use an mlp")
