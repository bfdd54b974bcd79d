"""``--method pick-to-learn``: a first network from one part of the sample, picked examples from the other."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.compression.pick import Lessons, NetworkLearner, pick_examples
from boundcheck.errors import InputError, nearest
from boundcheck.networks.frozen import frozen_features, frozen_split
from boundcheck.numerics.picked import picked_inverse
from boundcheck.runs.certifying import Certified, Task
from boundcheck.runs.training import logits_of

METHOD = "pick-to-learn"
_TRAINING_SHARE = 0.7  # of a time budget: the picked examples are run through a second time, and the network is measured
_RANKS, _SPLIT = 11, 12  # streams of random numbers


@dataclass(frozen=True)
class PickSettings:
    """What the method understands.

    Attributes:
        before: Share of the sample that the first network is trained on; 0: it has its initial weights.
        epochs: Passes over that part.
        lr: Largest learning rate of these, of Adam.
        batch_size: Examples a step of these.
        weight_decay: Of these, decoupled.
        batch: Misclassified examples that are picked in one step, at most.
        steps: Gradient steps after each pick.
        pick_lr: Their learning rate.
        picked_batch: Picked examples in a step.
        other_batch: Examples of the first part in a step.
    """

    before: float = 0.5
    epochs: int = 30
    lr: float = 0.003
    batch_size: int = 128
    weight_decay: float = 0.05
    batch: int = 4
    steps: int = 40
    pick_lr: float = 0.01
    picked_batch: int = 32
    other_batch: int = 96

    def __post_init__(self) -> None:
        """Refuse settings that can't train anything.

        Raises:
            InputError: A setting is out of its range.
        """
        ranges = {
            "before": 0.0 <= self.before < 1.0,
            "epochs": self.epochs >= 1,
            "lr": self.lr > 0.0,
            "batch_size": self.batch_size >= 1,
            "weight_decay": self.weight_decay >= 0.0,
            "batch": self.batch >= 1,
            "steps": self.steps >= 1,
            "pick_lr": self.pick_lr > 0.0,
            "picked_batch": self.picked_batch >= 1,
            "other_batch": self.other_batch >= 0,
        }
        for name, fits in ranges.items():
            if not fits:
                raise InputError(f"a usable {name}", repr(getattr(self, name)), "see 'boundcheck certify --help'")


def certify(task: Task) -> Certified:
    """Train the first network, run the algorithm, and run it again on what it picked.

    Args:
        task: What :func:`boundcheck.runs.certifying.run_certify` hands over.

    Returns:
        The last network, and which examples were picked.

    Raises:
        InputError: A setting or the network can't be used.
    """
    how, now = _settings(task.job.settings), time.monotonic()
    deadline = now + _TRAINING_SHARE * (task.deadline - now) if math.isfinite(task.deadline) else math.inf
    network, n, seed = copy.deepcopy(task.network).eval(), len(task.y), task.job.seed
    order = np.random.default_rng([seed, _SPLIT]).permutation(n)
    first = min(round(how.before * n), n - 1)
    before, pool = np.sort(order[:first]), np.sort(order[first:])
    front, rest = frozen_split(network)
    features = frozen_features(front, task.x, network)
    known, open_to = ((features[rows], task.y[rows]) for rows in (before, pool))
    history: list[dict[str, Any]] = []
    if first:
        _first_network(rest, known, how, seed, history, task, now + 0.6 * (deadline - now))
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    lessons = Lessons(how.steps, how.pick_lr, how.picked_batch, how.other_batch, seed)
    ranks = np.random.default_rng([seed, _RANKS]).random(len(pool))
    learner = NetworkLearner(rest, open_to, known, lessons)

    def going_on(picked: int, wrong: int) -> bool:
        bound = picked_inverse(picked, len(pool), task.job.delta)
        task.progress(
            f"{picked:,} picked, {wrong:,} wrong outside: certificate at least {bound:.4f}", 0.5 + 0.3 * picked / (picked + wrong)
        )
        history.append({"epoch": len(history) + 1, "loss": 0.0, "errors": wrong, "picked": picked})
        return time.monotonic() < deadline

    picked = pick_examples(learner, ranks, how.batch, going_on=going_on)
    task.progress("running again on what was picked", 0.85)
    same = _same_again(rest, open_to, known, lessons, ranks, how.batch, picked, learner)
    certificate = {
        "method": METHOD,
        "before": torch.from_numpy(before),
        "pool": torch.from_numpy(pool),
        "picked": torch.from_numpy(pool[picked]) if picked else torch.zeros(0, dtype=torch.int64),
        "same_again": same,
        "configurations": task.job.configurations,
        "first_state": state,
        "settings": asdict(how),
    }
    last = dict(zip(rest.state_dict(), learner.network.state_dict().values(), strict=True))
    with torch.no_grad():
        for name, value in rest.state_dict().items():
            value.copy_(last[name])
    history.append({"epoch": len(history) + 1, "loss": 0.0, "errors": 0, "picked": len(picked)})
    return Certified({k: v.detach().clone() for k, v in network.state_dict().items()}, certificate, tuple(history))


def _settings(given: Mapping[str, Any]) -> PickSettings:
    known = tuple(sorted(PickSettings.__dataclass_fields__))
    for name in given:
        if name not in known:
            raise InputError("a setting of pick-to-learn", repr(name), nearest(name, known))
    try:
        return PickSettings(**given)
    except TypeError as error:
        raise InputError("settings of pick-to-learn that are numbers", str(error), "see 'boundcheck certify --help'") from error


def _first_network(
    network: nn.Module,
    known: tuple[torch.Tensor, torch.Tensor],
    how: PickSettings,
    seed: int,
    history: list[dict[str, Any]],
    task: Task,
    deadline: float,
) -> None:
    """Train in place on the first part, by AdamW with a learning rate that falls to zero."""
    x, y = known
    optimizer = torch.optim.AdamW(network.parameters(), lr=how.lr, weight_decay=how.weight_decay)
    batches, planned, start = max(1, len(y) // how.batch_size), how.epochs, time.monotonic()
    epoch = 0
    while epoch < planned:
        source = torch.Generator().manual_seed((seed * 1_000_003 + epoch + 1) % 2**63)
        total = 0.0
        for i, rows in enumerate(torch.tensor_split(torch.randperm(len(y), generator=source), batches)):
            optimizer.param_groups[0]["lr"] = how.lr * 0.5 * (1.0 + math.cos(math.pi * min(1.0, (epoch + i / batches) / planned)))
            loss = nn.functional.cross_entropy(logits_of(network, x[rows]), y[rows], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        if not math.isfinite(total):
            raise InputError("a training that converges", f"a loss of {total} in epoch {epoch + 1}", "lower --lr")
        epoch += 1
        history.append({"epoch": len(history) + 1, "loss": total / len(y), "errors": 0, "picked": 0})
        task.progress(f"first network, epoch {epoch}: loss {total / len(y):.4f}", 0.5 * epoch / planned)
        if math.isfinite(deadline):
            each = (time.monotonic() - start) / epoch
            planned = min(planned, epoch + max(0, int((deadline - time.monotonic()) / each)))


def _same_again(
    network: nn.Module,
    open_to: tuple[torch.Tensor, torch.Tensor],
    known: tuple[torch.Tensor, torch.Tensor],
    lessons: Lessons,
    ranks: np.ndarray,
    batch: int,
    picked: list[int],
    learner: NetworkLearner,
) -> bool:
    """Whether the algorithm on the picked examples alone, each with its rank, ends with the same network."""
    rows = np.sort(np.array(picked, dtype=np.int64))
    again = NetworkLearner(network, (open_to[0][rows], open_to[1][rows]), known, lessons)
    order = pick_examples(again, ranks[rows], batch)
    same_order = [int(rows[i]) for i in order] == picked
    states = zip(again.network.state_dict().values(), learner.network.state_dict().values(), strict=True)
    return same_order and all(torch.equal(a, b) for a, b in states)
