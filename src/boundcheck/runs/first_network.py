"""A network learned on examples that a certificate does not count: plain training, resumable at every step.

It is the mean of a prior on a split sample, and what pick-to-learn starts from.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.errors import InputError, nearest
from boundcheck.networks.mistakes import mistakes
from boundcheck.runs.streams import generator
from boundcheck.runs.training import logits_of

_STREAM = 96  # streams of random numbers from here on are this module's
AUGMENTATIONS = ("none", "shift", "affine")
"""What is done to images while a network learns from them; the examples that are counted stay as they are."""


@dataclass(frozen=True)
class FirstSettings:
    """How the network is trained.

    Attributes:
        epochs: Passes over its examples.
        batch_size: Examples a step.
        lr: Largest learning rate of Adam; it falls to zero along half a cosine.
        weight_decay: Coefficient of the squared norm.
        augment: One of :data:`AUGMENTATIONS`.
        label_smoothing: Share of each label that is spread over all classes.
        seed: Seed of the order of the examples, of dropout and of the augmentation.
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.0
    augment: str = "none"
    label_smoothing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that can't train anything.

        Raises:
            InputError: A setting is out of its range.
        """
        if self.augment not in AUGMENTATIONS:
            raise InputError("an augmentation", repr(self.augment), nearest(self.augment, AUGMENTATIONS))
        sizes = self.epochs >= 1 and self.batch_size >= 1 and self.lr > 0.0 and self.weight_decay >= 0.0
        if not (sizes and 0.0 <= self.label_smoothing < 1.0):
            raise InputError("usable settings of the first network", repr(self), "see 'boundcheck certify --help'")


class FirstDescent:
    """A network on its way down; changes the network in place.

    Args:
        network: With its initial weights.
        x: Its examples.
        y: Their labels.
        how: Settings.
        state: What :meth:`state` returned, to go on from.
    """

    def __init__(
        self, network: nn.Module, x: torch.Tensor, y: torch.Tensor, how: FirstSettings, state: Mapping[str, Any] | None = None
    ) -> None:
        self.network, self.how, self._x, self._y = network, how, x, y
        trained = [p for p in network.parameters() if p.requires_grad]
        if not trained:
            raise InputError("a network with parameters to train", "none", "check --model")
        self._optimizer = torch.optim.AdamW(trained, lr=how.lr, weight_decay=how.weight_decay)
        self.epoch, self.step, self._loss, self._wrong = 0, 0, 0.0, 0
        if state is not None:
            network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
            self.epoch, self.step = int(state["epoch"]), int(state["step"])
            self._loss, self._wrong = float(state["loss"]), int(state["wrong"])

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "network": {k: v.detach().clone() for k, v in self.network.state_dict().items()},
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "epoch": self.epoch,
            "step": self.step,
            "loss": self._loss,
            "wrong": self._wrong,
        }

    def run(self, *, deadline: float, on_step: Callable[[], None], on_epoch: Callable[[int, float, int], None]) -> None:
        """Train until the epochs or the time are spent.

        Args:
            deadline: ``time.monotonic()`` after which training ends.
            on_step: Called after every step.
            on_epoch: Called with the epoch, its mean loss and its number of errors while the weights moved.

        Raises:
            InputError: The loss became NaN or infinite, or the network fails on a batch.
        """
        self.network.train()
        while self.epoch < self.how.epochs:
            order = np.random.default_rng([self.how.seed, _STREAM, self.epoch]).permutation(len(self._y))
            batches = np.array_split(order, max(1, math.ceil(len(order) / self.how.batch_size)))
            for index in range(self.step, len(batches)):
                self._one(torch.from_numpy(batches[index]), index, len(batches))
                on_step()
                if time.monotonic() >= deadline:
                    return
            self.epoch, self.step = self.epoch + 1, 0
            loss, wrong = self._loss / len(order), self._wrong
            self._loss, self._wrong = 0.0, 0
            on_epoch(self.epoch, loss, wrong)

    def _one(self, rows: torch.Tensor, index: int, of: int) -> None:
        done = (self.epoch + index / of) / self.how.epochs
        for group in self._optimizer.param_groups:
            group["lr"] = self.how.lr * 0.5 * (1.0 + math.cos(math.pi * done))
        source = generator(self.how.seed, _STREAM, self.epoch, index)
        x = augmented(self._x[rows], self.how.augment, source)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=source)))  # dropout, if the network has some
            outputs = logits_of(self.network, x)
        loss = F.cross_entropy(outputs, self._y[rows], label_smoothing=self.how.label_smoothing)
        if not bool(torch.isfinite(loss)):
            raise InputError(
                "a training that converges", f"a loss of {float(loss)} in epoch {self.epoch + 1}", "lower its learning rate"
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step = index + 1
        self._loss += float(loss.detach()) * len(rows)
        self._wrong += int(mistakes(outputs, self._y[rows])[0].sum())


def augmented(x: torch.Tensor, kind: str, source: torch.Generator) -> torch.Tensor:
    """Images moved a little, each in its own way.

    Args:
        x: Shape (b, channels, height, width); anything else is left as it is.
        kind: One of :data:`AUGMENTATIONS`: ``shift`` moves by up to two pixels, ``affine`` also turns by up to 12 degrees,
            scales by up to 12 % and shears a little.
        source: Source of randomness.
    """
    if kind == "none" or x.dim() != 4:
        return x
    size = torch.tensor([x.shape[3], x.shape[2]], dtype=x.dtype)
    uniform = torch.rand((5, len(x)), generator=source, dtype=x.dtype) * 2.0 - 1.0
    theta = torch.zeros((len(x), 2, 3), dtype=x.dtype)
    theta[:, 0, 0] = theta[:, 1, 1] = 1.0
    theta[:, :, 2] = uniform[:2].T * 4.0 / size  # two pixels, in units of half an image
    if kind == "affine":
        angle, scale, shear = uniform[2] * (math.pi / 15.0), 1.0 + 0.12 * uniform[3], 0.15 * uniform[4]
        theta[:, 0, 0], theta[:, 0, 1] = scale * angle.cos(), -scale * angle.sin() + shear
        theta[:, 1, 0], theta[:, 1, 1] = scale * angle.sin(), scale * angle.cos()
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)
