"""Training: plain stochastic gradient descent until a rule says that it is enough, deterministic under a seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.errors import InputError, nearest
from boundcheck.runs.augmentation import moved
from boundcheck.runs.dense_gradients import threads, written_out
from boundcheck.runs.one_by_one import OneByOne, dense_layers
from boundcheck.runs.run import Sample
from boundcheck.runs.sgd_steps import SgdSteps
from boundcheck.runs.standing import Outputs, standing
from boundcheck.runs.stopping import Stop, parse_stop

OPTIMIZERS = ("adam", "sgd")
_FUSED = (torch.float32, torch.float64)
Gradients = Callable[[torch.Tensor, torch.Tensor], float]
"""From inputs and labels of a batch to its mean cross-entropy in nats; fills the gradients of all parameters."""
Step = Callable[[], object]
"""Moves the parameters by their gradients."""


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
        stop: The rule that ends training: ``errors`` (no training error is left), ``margin:GAMMA:SHARE`` or ``loss:NATS``.
        augment: Each time an image is used it is moved by at most this many pixels either way, zeros moving in. The training
            sample stays that of the images as they are: n counts them, and training errors are counted on them.
    """

    optimizer: str = "sgd"
    lr: float = 0.05
    lr_decay: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_size: int = 128
    epochs: int = 200
    seed: int = 0
    stop: str = "errors"
    augment: int = 0

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
            "augment": self.augment >= 0,
        }
        for name, fits in ranges.items():
            if not fits:
                advice = "see 'boundcheck train --help' for its range"
                raise InputError(f"a usable --{name.replace('_', '-')}", repr(getattr(self, name)), advice)
        parse_stop(self.stop)


@dataclass(frozen=True)
class Epoch:
    """One pass over the sample.

    Attributes:
        epoch: Counted from 1.
        loss: Mean cross-entropy during the pass, in nats.
        errors: Training errors after the pass, in evaluation mode; ties and NaN count.
        level: What the rule that ends training looks at, after the pass: the share of examples that are right or reached the
            margin, or the cross-entropy in nats.
        stopped: Whether the rule was met.
    """

    epoch: int
    loss: float
    errors: int
    level: float
    stopped: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """Where training stands at the end of an epoch.

    Attributes:
        history: One record an epoch that was recorded, those of an earlier part included.
        fitted: Whether the last epoch had no training error.
        stopped: Whether the rule that ends training was met.
        state: Weights at that moment; training that goes on does not change them.
        optimizer: State to go on from.
    """

    history: tuple[Mapping[str, Any], ...]
    fitted: bool
    stopped: bool
    state: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]


def make_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer that the settings name."""
    # One kernel for each tensor where torch has one: a sixth of the time of a step of a small network.
    fused = all(p.device.type == "cpu" and p.dtype in _FUSED for p in network.parameters())
    lr, decay = settings.lr, settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=lr, momentum=settings.momentum, weight_decay=decay, fused=fused)
    return torch.optim.Adam(network.parameters(), lr=lr, weight_decay=decay, fused=fused)


def logits_of(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Outputs of shape (n, k); a network with one output speaks for class 1 against class 0, whose output is zero.

    Raises:
        InputError: The network fails on the batch.
    """
    try:
        output = network(x)
    except Exception as error:  # a network of the user's own may fail in any way
        lines = str(error).splitlines() or ["no message"]
        got = f"{type(error).__name__}: {lines[0][:120]}"
        raise InputError(
            f"a network that takes a batch of {len(x)} examples", got, "mend the network, or change --batch-size"
        ) from error
    if output.ndim == 1 or output.shape[1] == 1:
        flat = output.reshape(-1)
        return torch.stack([torch.zeros_like(flat), flat], dim=1)
    return output  # type: ignore[no-any-return]


def batches(n: int, settings: Settings, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Indices of one epoch: its order depends on seed and epoch alone, so that a resumed training repeats nothing.

    A single example that would be left over joins the batch before it: batch normalization can't train on one.
    """
    order = np.random.default_rng([settings.seed, epoch]).permutation(n)
    ends = list(range(settings.batch_size, n, settings.batch_size))
    if ends and n - ends[-1] == 1 and settings.batch_size > 1:
        ends.pop()
    yield from np.split(order, ends)


def train_epochs(
    network: nn.Module,
    sample: Sample,
    settings: Settings,
    *,
    history: tuple[Mapping[str, Any], ...] = (),
    optimizer_state: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Epoch, Trained], None] | None = None,
    every_epoch: bool = True,
) -> Trained:
    """Train in place until the rule of the settings is met or the epochs are spent.

    Args:
        network: Changed in place; left in evaluation mode.
        sample: The training sample.
        settings: How to train.
        history: Epochs that an earlier part has done.
        optimizer_state: State that the earlier part ended with.
        on_epoch: Called after each epoch that is recorded, with its record and with where training stands.
        every_epoch: Whether each epoch is recorded. Otherwise the last one alone is, and of the others so much of the sample is
            looked at as tells that the rule isn't met.

    Raises:
        InputError: The loss became NaN or infinite, the network has nothing to train, or it fails on a batch.
    """
    trainable = [p for p in network.parameters() if p.requires_grad]
    if not trainable:
        raise InputError("a network with parameters to train", "none", "check --model")
    x, y = torch.from_numpy(np.ascontiguousarray(sample.x)).to(trainable[0].dtype), torch.from_numpy(sample.y)
    stop = parse_stop(settings.stop)
    by_hand = _by_hand(network, x, y, settings)
    optimizer = make_optimizer(network, settings)
    if optimizer_state is not None:
        _go_on(optimizer, optimizer_state)
    gradients, step, outputs_of = _means(network, x, y, optimizer)
    records = list(history)

    def so_far() -> Trained:
        fitted, stopped = bool(records) and records[-1]["errors"] == 0, _stopped(records, stop)
        state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return Trained(tuple(records), fitted, stopped, state, copy.deepcopy(optimizer.state_dict()))

    with torch.random.fork_rng(devices=[]), threads(network, settings.batch_size):
        for number in range(int(records[-1]["epoch"]) + 1 if records else 1, settings.epochs + 1):
            if _stopped(records, stop):
                break
            # Of dropout and augmentation; torch.manual_seed also tells devices that are not there, milliseconds each time.
            torch.default_generator.manual_seed((settings.seed * 1_000_003 + number) % 2**63)
            lr = settings.lr * settings.lr_decay ** (number - 1)
            for group in optimizer.param_groups:
                group["lr"] = lr
            if by_hand is None:
                total = _one_epoch(network, gradients, step, x, y, settings, number)
            else:
                total = by_hand.epoch((int(batch[0]) for batch in batches(len(y), settings, number)), lr)
            if not np.isfinite(total):
                raise InputError("a training that converges", f"a loss of {total} in epoch {number}", "lower --lr")
            network.eval()
            counted = standing(outputs_of, x, y, stop, whole=every_epoch or number == settings.epochs)
            if counted is None:
                continue
            found = asdict(counted)
            record = Epoch(number, total / len(y), found["errors"], stop.level(n=len(y), **found), stop.met(n=len(y), **found))
            records.append(asdict(record))
            if on_epoch is not None:
                on_epoch(record, so_far())
    network.eval()
    return so_far()


def _stopped(records: Sequence[Mapping[str, Any]], stop: Stop) -> bool:
    """Whether the last epoch met the rule; checkpoints of earlier versions record errors alone."""
    return bool(records) and bool(records[-1].get("stopped", stop.kind == "errors" and records[-1]["errors"] == 0))


def _by_hand(network: nn.Module, x: torch.Tensor, y: torch.Tensor, settings: Settings) -> OneByOne | None:
    """Steps written out by hand, where they are the same as the optimizer's and faster."""
    plain = settings.optimizer == "sgd" and settings.momentum == settings.weight_decay == 0.0 and settings.augment == 0
    layers = dense_layers(network) if plain and settings.batch_size == 1 else None
    return None if layers is None else OneByOne(layers, x, y)


def _go_on(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    try:
        optimizer.load_state_dict(copy.deepcopy(dict(state)))
    except Exception as error:  # torch complains of states that don't fit with errors of many kinds
        got = f"another one ({type(error).__name__}: {error})"
        raise InputError(
            "the optimizer's state that an interrupted training left", got, "train from the start, without --resume"
        ) from error


def _means(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer
) -> tuple[Gradients, Step, Outputs]:
    """What fills gradients, takes a step and gives outputs: written out for dense layers, torch for other networks."""
    dense = written_out(network, x, int(y.max()) + 1)
    if dense is None:
        return partial(_differentiated, network, optimizer), optimizer.step, partial(logits_of, network)
    return dense, SgdSteps(optimizer) if isinstance(optimizer, torch.optim.SGD) else optimizer.step, dense.outputs


def _one_epoch(
    network: nn.Module,
    gradients: Gradients,
    step: Step,
    x: torch.Tensor,
    y: torch.Tensor,
    settings: Settings,
    number: int,
) -> float:
    """One pass; the sum of the losses, in nats."""
    network.train()
    total = 0.0
    for batch in batches(len(y), settings, number):
        index = torch.from_numpy(batch)
        inputs, labels = x.index_select(0, index), y.index_select(0, index)
        if settings.augment:
            inputs = moved(inputs, settings.augment)
        total += gradients(inputs, labels) * len(batch)
        step()
    return total


def _differentiated(network: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor) -> float:
    """Fill the gradients of any network; the mean cross-entropy of the batch."""
    loss = nn.functional.cross_entropy(logits_of(network, x), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
