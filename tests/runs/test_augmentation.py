"""Augmentation: moves and nothing else, while training and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks import build
from boundcheck.runs.augmentation import moved
from boundcheck.runs.run import Sample
from boundcheck.runs.training import Settings, train_epochs


def test_every_move_is_drawn_and_each_is_a_move() -> None:
    """Against all moves by brute force: an image of distinct values, cut out of a frame of zeros at each place."""
    image = torch.arange(1.0, 31.0).reshape(1, 2, 3, 5)
    framed = nn.functional.pad(image, [1] * 4)
    moves = {tuple(framed[0, :, i : i + 3, j : j + 5].flatten().tolist()) for i in range(3) for j in range(3)}
    torch.manual_seed(0)
    drawn = moved(image.repeat(500, 1, 1, 1), 1)
    assert {tuple(one.flatten().tolist()) for one in drawn} == moves
    assert torch.equal(moved(image, 0), image)
    grey = moved(image[:, 0].repeat(500, 1, 1), 1)
    assert {tuple(one.flatten().tolist()) for one in grey} == {move[:15] for move in moves}
    with pytest.raises(InputError, match="images"):
        moved(torch.zeros(4, 9), 1)


def test_errors_are_counted_on_images_as_they_are() -> None:
    """A network that is right exactly on unmoved images has no training error, however far training moves them."""
    rng = np.random.default_rng(0)
    sample = Sample(rng.random((40, 1, 6, 6)).astype(np.float32), rng.integers(0, 2, 40))
    seen: list[torch.Tensor] = []

    class Recording(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build("mlp", (1, 6, 6), 2, widths=(8,))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training:
                seen.append(x)
            return self.inner(x)

    train_epochs(Recording(), sample, Settings(epochs=2, augment=2))
    assert seen
    assert all(torch.equal(x, torch.from_numpy(sample.x)) for x in seen)


def test_the_same_seed_gives_the_same_network_and_another_augmentation_another() -> None:
    rng = np.random.default_rng(1)
    sample = Sample(rng.random((40, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, 40))

    def weights(augment: int) -> torch.Tensor:
        network = build("mlp", (1, 6, 6), 3, widths=(8,))
        train_epochs(network, sample, Settings(epochs=3, augment=augment))
        return nn.utils.parameters_to_vector(network.parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(0))
    with pytest.raises(InputError, match="--augment"):
        Settings(augment=-1)
