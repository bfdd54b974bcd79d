"""Training: plain stochastic gradient descent to zero training error, deterministic under a seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.errors import InputError, nearest
from boundcheck.runs.run import Sample

OPTIMIZERS = ("adam", "sgd")


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes:
        optimizer: One of :data:`OPTIMIZERS`.
        lr: Learning rate; multiplied by ``lr_decay`` after every epoch.
        lr_decay: Factor a learning rate loses per epoch, in (0, 1].
        momentum: Momentum of ``sgd``.
        weight_decay: Coefficient of the squared norm.
        batch_size: Examples a step.
        epochs: At most this many passes over the sample.
        seed: Seed of the initial weights and of the order of the examples.
    """

    optimizer: str = "adam"
    lr: float = 1e-3
    lr_decay: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_size: int = 128
    epochs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that can't train anything.

        Raises:
            InputError: A setting is out of its range.
        """
        if self.optimizer not in OPTIMIZERS:
            raise InputError("an optimizer", repr(self.optimizer), nearest(self.optimizer, OPTIMIZERS))
        ranges = {
            "lr": self.lr > 0.0,
            "lr_decay": 0.0 < self.lr_decay <= 1.0,
            "momentum": 0.0 <= self.momentum < 1.0,
            "weight_decay": self.weight_decay >= 0.0,
            "batch_size": self.batch_size >= 1,
            "epochs": self.epochs >= 1,
            "seed": 0 <= self.seed < 2**63,
        }
        for name, fits in ranges.items():
            if not fits:
                advice = "see 'boundcheck train --help' for its range"
                raise InputError(f"a usable --{name.replace('_', '-')}", repr(getattr(self, name)), advice)


@dataclass(frozen=True)
class Epoch:
    """One pass over the sample.

    Attributes:
        epoch: Counted from 1.
        loss: Mean cross-entropy during the pass, in nats.
        errors: Training errors after the pass, in evaluation mode; ties and NaN count.
        seconds: Time since training started.
    """

    epoch: int
    loss: float
    errors: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Trained:
    """What training ended with.

    Attributes:
        history: One record an epoch, those of an earlier part included.
        fitted: Whether the last epoch had no training error.
        optimizer: State to go on from.
    """

    history: tuple[Mapping[str, Any], ...]
    fitted: bool
    optimizer: Mapping[str, Any]


def make_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer that the settings name."""
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            network.parameters(), lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.Adam(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)


def count_errors(network: nn.Module, x: torch.Tensor, y: torch.Tensor, chunk: int = 4096) -> int:
    """Training errors in evaluation mode, in the precision that the network is trained in; ties and NaN count."""
    network.eval()
    wrong = 0
    with torch.no_grad():
        for start in range(0, len(y), chunk):
            logits, labels = network(x[start : start + chunk]), y[start : start + chunk, None]
            own = logits.gather(1, labels)
            best_other = logits.scatter(1, labels, -torch.inf).amax(1, keepdim=True)
            wrong += int((~(own > best_other)).sum())
    return wrong


def _batches(n: int, settings: Settings, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Indices of one epoch: its order depends on seed and epoch alone, so that a resumed training repeats nothing."""
    order = np.random.default_rng([settings.seed, epoch]).permutation(n)
    for start in range(0, n, settings.batch_size):
        yield order[start : start + settings.batch_size]


def train_epochs(
    network: nn.Module,
    sample: Sample,
    settings: Settings,
    *,
    history: tuple[Mapping[str, Any], ...] = (),
    optimizer_state: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Epoch, Callable[[], Trained]], None] | None = None,
) -> Trained:
    """Train in place until no training error is left or the epochs are spent.

    Args:
        network: Changed in place; left in evaluation mode.
        sample: The training sample.
        settings: How to train.
        history: Epochs that an earlier part has done.
        optimizer_state: State that the earlier part ended with.
        on_epoch: Called after each epoch with its record and with a function that gives the state so far.

    Raises:
        InputError: The loss became NaN or infinite.
    """
    x, y = torch.from_numpy(np.ascontiguousarray(sample.x, dtype=np.float32)), torch.from_numpy(sample.y)
    optimizer = make_optimizer(network, settings)
    if optimizer_state is not None:
        optimizer.load_state_dict(dict(optimizer_state))
    records = list(history)
    before = float(records[-1]["seconds"]) if records else 0.0
    start = time.perf_counter()

    def so_far() -> Trained:
        fitted = bool(records) and records[-1]["errors"] == 0
        return Trained(tuple(records), fitted, optimizer.state_dict())

    with torch.random.fork_rng(devices=[]):
        for number in range(len(records) + 1, settings.epochs + 1):
            if so_far().fitted:
                break
            torch.manual_seed((settings.seed * 1_000_003 + number) % 2**63)  # dropout, if the network has some
            for group in optimizer.param_groups:
                group["lr"] = settings.lr * settings.lr_decay ** (number - 1)
            loss = _one_epoch(network, optimizer, x, y, settings, number)
            record = Epoch(number, loss, count_errors(network, x, y), before + time.perf_counter() - start)
            records.append(asdict(record))
            if on_epoch is not None:
                on_epoch(record, so_far)
    network.eval()
    return so_far()


def _one_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, settings: Settings, number: int
) -> float:
    network.train()
    total = 0.0
    for batch in _batches(len(y), settings, number):
        index = torch.from_numpy(batch)
        loss = nn.functional.cross_entropy(network(x[index]), y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(loss.detach()) * len(batch)
    if not np.isfinite(total):
        raise InputError("a training that converges", f"a loss of {total} in epoch {number}", "lower --lr")
    return total / len(y)
