"""The settings of the audit: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from boundcheck.data.synthetic import FiniteProblem, GaussianPair, coin
from boundcheck.networks.architectures import build
from boundcheck.studies.certified import Trained
from boundcheck.studies.finite import Memorizer, WorstOfGrid, grid
from boundcheck.studies.gaussians import WorstDirection
from boundcheck.studies.picks import PickedExamples
from boundcheck.studies.posteriors import LearnedPrior, NoisyWeights
from boundcheck.studies.ridge import Ridge
from boundcheck.studies.trial import Setting

Atoms = NDArray[np.float64]

_TERNARY = (-1.0, 0.0, 1.0)


@cache
def settings() -> Mapping[str, Setting]:
    """Every setting by name; candidates are the same in every process."""
    made = (
        _linear(),
        _noisy(),
        _split(),
        _certified(),
        _relu(),
        _deep(),
        _residual(),
        _conv(),
        _patches(),
        _memorizer(),
        _overlapping(),
        _planted(),
        _ridge(),
        _picked(),
    )
    return {setting.name: setting for setting in made}


def _linear() -> Setting:
    w = grid(_TERNARY, 5)
    return WorstOfGrid(
        name="linear",
        says="32 vertices of a cube, majority labels with one in ten flipped; worst of 243 linear rules, weights -1, 0, 1",
        problem=_labelled(grid((0.0, 1.0), 5), lambda x: (x.sum(axis=1) > 2).astype(np.int64), 2, noise=1, of=10),
        architecture=lambda: nn.Sequential(nn.Linear(5, 2, bias=False)),
        candidates=np.concatenate([-w, w], axis=1),
        shape=(5,),
        n=150,
        held_out=60,
        linear=True,
    )


def _relu() -> Setting:
    return WorstOfGrid(
        name="relu",
        says="25 points of a grid, 3 classes with noise; worst of all 59049 networks 2-2-3 with weights -1, 0, 1",
        problem=_labelled(
            grid((-2.0, -1.0, 0.0, 1.0, 2.0), 2), lambda x: np.sign(x[:, 0] - x[:, 1]).astype(np.int64) + 1, 3, noise=1, of=10
        ),
        architecture=lambda: nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 3, bias=False)),
        candidates=grid(_TERNARY, 10),
        shape=(2,),
        n=1500,
        held_out=60,
    )


def _noisy() -> Setting:
    w = grid((-4.0, -1.0, 0.0, 1.0, 4.0), 4)
    return NoisyWeights(
        name="noisy",
        says="16 vertices of a cube, the first coordinate as label with noise; worst of 625 linear rules, noise in their weights",
        problem=_labelled(grid((0.0, 1.0), 4), lambda x: (x[:, 0] > 0).astype(np.int64), 2, noise=1, of=10),
        architecture=lambda: nn.Sequential(nn.Linear(4, 2, bias=False)),
        candidates=np.concatenate([-w, w], axis=1),
        shape=(4,),
        n=100,
        held_out=60,
        ceiling=0.3,
    )


def _split() -> Setting:
    w = grid(_TERNARY, 5)
    return LearnedPrior(
        name="split",
        says="32 vertices of a centred cube, noisy majority labels; worst of 243 linear rules, prior from another sample",
        problem=_labelled(grid((-1.0, 1.0), 5), lambda x: (x.sum(axis=1) > 0).astype(np.int64), 2, noise=1, of=10),
        architecture=lambda: nn.Sequential(nn.Linear(5, 2, bias=False)),
        candidates=np.concatenate([-w, w], axis=1),
        shape=(5,),
        n=100,
        held_out=60,
        ceiling=0.3,
    )


def _certified() -> Setting:
    return Trained(
        name="certified",
        says="32 vertices of a centred cube, noisy majority labels; certificates trained on each sample, four kinds of priors",
        problem=_labelled(grid((-1.0, 1.0), 5), lambda x: (x.sum(axis=1) > 0).astype(np.int64), 2, noise=1, of=10),
        architecture=lambda: build("linear", (5,), 2, bias=False),
        candidates=np.zeros((1, 10)),
        shape=(5,),
        n=40,
        held_out=60,
    )


def _deep() -> Setting:
    rng = np.random.default_rng(1)
    x = grid((-2.0, -1.0, 0.0, 1.0, 2.0), 2)
    return WorstOfGrid(
        name="deep",
        says="20 points of a grid, 2 classes with noise; worst of 20000 networks 2-3-3-2 with weights -1, 0, 1, n = 4000",
        problem=_labelled(x[x[:, 0] != x[:, 1]], lambda x: (x[:, 0] > x[:, 1]).astype(np.int64), 2, noise=1, of=10),
        architecture=lambda: nn.Sequential(
            nn.Linear(2, 3, bias=False),
            nn.ReLU(),
            nn.Linear(3, 3, bias=False),
            nn.LeakyReLU(0.5),
            nn.Linear(3, 2, bias=False),
        ),
        candidates=rng.integers(-1, 2, size=(20000, 21)).astype(np.float64),
        shape=(2,),
        n=4000,
        held_out=60,
        ceiling=0.3,
    )


class _Residual(nn.Module):
    """A network 2-2-2 whose hidden units are a linear map of the input plus two layers of it, around which it skips."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner, self.outer, self.last = (nn.Linear(2, 2, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        stem = self.first(x)
        hidden: Tensor = self.last(torch.relu(stem + self.outer(torch.relu(self.inner(stem)))))
        return hidden


def _residual() -> Setting:
    rng = np.random.default_rng(4)
    x = grid((-2.0, -1.0, 0.0, 1.0, 2.0), 2)
    candidates = rng.integers(-1, 2, size=(20000, 16)).astype(np.float64)
    return WorstOfGrid(
        name="residual",
        says="20 points of a grid, 2 classes with noise; worst of 20000 networks with a skip connection, n = 12000",
        problem=_labelled(x[x[:, 0] != x[:, 1]], lambda x: (x[:, 0] > x[:, 1]).astype(np.int64), 2, noise=1, of=10),
        architecture=_Residual,
        candidates=candidates,
        shape=(2,),
        n=12000,
        held_out=60,
        ceiling=0.3,
    )


def _patches() -> Setting:
    rng = np.random.default_rng(2)
    left, side = np.tile([1.0, 1.0, 0.0, 0.0], 4), rng.integers(0, 2, size=(48, 1))
    atoms = np.abs(side - np.where(rng.random((48, 16)) < 0.1, 1.0 - left, left))
    # One network tells the halves apart: sums over blocks, over the columns of blocks, and the difference of the two columns.
    planted = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, -1, 0, 0, -1, 1, 0, 0], dtype=np.float64)
    changed = rng.random((4000, len(planted))) < rng.choice([0.02, 0.1, 0.3], size=(4000, 1))
    return WorstOfGrid(
        name="patches",
        says="binary 4 x 4 pictures, brighter half as label with noise; worst of 4000 chains of two convolutions, n = 6000",
        problem=_labelled(np.unique(atoms, axis=0), lambda x: (x @ (1 - 2 * left) > 0).astype(np.int64), 2, noise=3, of=10),
        architecture=lambda: nn.Sequential(
            nn.Conv2d(1, 2, 2, stride=2, bias=False),
            nn.ReLU(),
            nn.Conv2d(2, 2, (2, 1), bias=False),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4, 2, bias=False),
        ),
        candidates=np.where(changed, rng.integers(-1, 2, size=changed.shape), planted),
        shape=(1, 4, 4),
        n=6000,
        held_out=60,
        ceiling=0.16,
    )


def _conv() -> Setting:
    rng = np.random.default_rng(0)
    atoms = rng.integers(0, 2, size=(48, 16)).astype(np.float64)
    return WorstOfGrid(
        name="conv",
        says="48 binary 4 x 4 pictures, fair coins for labels; worst of 4000 convolutional networks with a max-pool",
        problem=FiniteProblem(np.unique(atoms, axis=0), np.ones((len(np.unique(atoms, axis=0)), 2), dtype=np.int64)),
        architecture=lambda: nn.Sequential(
            nn.Conv2d(1, 2, 2, bias=False), nn.ReLU(), nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(8, 2, bias=False)
        ),
        candidates=rng.integers(-1, 2, size=(4000, 24)).astype(np.float64),
        shape=(1, 4, 4),
        n=400,
        held_out=60,
    )


def _memorizer() -> Setting:
    return Memorizer(
        name="memorizer",
        says="16 vertices of a cube, labels corrupted with probability 0.8; a network that looks the sample up",
        problem=coin(4, 2),
        n=24,
        held_out=60,
        labels="corrupt:0.8",
    )


def _overlapping() -> Setting:
    return WorstDirection(
        name="gaussians",
        says="two overlapping Gaussians in 8 dimensions; worst of 500 linear rules",
        problem=GaussianPair(dim=8, margin=1.0, along=1.0, across=1.0),
        n=120,
        held_out=60,
        directions=500,
        spread=1.0,
    )


def _planted() -> Setting:
    return WorstDirection(
        name="margin",
        says="two classes in 4 dimensions at distance 1 from a planted hyperplane; worst of 200 rules near it, n = 3000",
        problem=GaussianPair(dim=4, margin=1.0, along=0.0, across=0.5, flip=0.02),
        n=3000,
        held_out=300,
        directions=200,
        spread=0.2,
    )


def _ridge() -> Setting:
    rng = np.random.default_rng(3)
    atoms = rng.choice([-0.5, 0.5], size=(64, 16))
    return Ridge(
        name="ridge",
        says="64 points in 16 dimensions, noisy labels of a hyperplane; least squares with a penalty, n = 400",
        problem=_labelled(np.unique(atoms, axis=0), lambda x: (x[:, :5].sum(axis=1) > 0.0).astype(np.int64), 2, noise=4, of=10),
        n=400,
        held_out=60,
        penalty=0.25,
    )


def _picked() -> Setting:
    w = grid(_TERNARY, 7)
    return PickedExamples(
        name="picked",
        says="128 vertices of a centred cube, majority of three coordinates as label; picked examples, worst of the best fits",
        problem=_labelled(grid((-1.0, 1.0), 7), lambda x: (x[:, :3].sum(axis=1) > 0).astype(np.int64), 2, noise=0, of=1),
        architecture=lambda: nn.Sequential(nn.Linear(7, 2, bias=False)),
        candidates=np.concatenate([-w, w], axis=1),
        shape=(7,),
        n=20,
        held_out=60,
    )


def _labelled(
    atoms: NDArray[np.float64], label: Callable[[NDArray[np.float64]], NDArray[np.int64]], classes: int, noise: int, of: int
) -> FiniteProblem:
    """Uniform on the atoms; with probability ``noise / of`` the label is uniform."""
    weights = np.full((len(atoms), classes), noise, dtype=np.int64)
    weights[np.arange(len(atoms)), label(atoms)] += classes * (of - noise)
    return FiniteProblem(atoms, weights)
