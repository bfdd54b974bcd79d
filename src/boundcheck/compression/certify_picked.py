"""``--method pick-to-learn``: a first network from one part of the sample, picked examples from the other."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.compression.pick import Lessons, NetworkLearner, pick_examples
from boundcheck.errors import InputError, nearest
from boundcheck.networks.frozen import Parts
from boundcheck.numerics.picked import picked_inverse
from boundcheck.runs.certifying import SAVE_EVERY, Certified, Task
from boundcheck.runs.first_network import FirstDescent, FirstSettings

METHOD = "pick-to-learn"
_TRAINING_SHARE = 0.7  # of a time budget: the picked examples are run through a second time, and the network is measured
_FIRST_SHARE = 0.6  # of the time for training
_SMOOTHING = 0.05  # of the first network's labels
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
    return _Course(task, _settings(task.job.settings)).run()


class _Course:
    """One run of the method: where it is, and how to write that down."""

    def __init__(self, task: Task, how: PickSettings) -> None:
        self.task, self.how = task, how
        now, n, seed = time.monotonic(), len(task.y), task.job.seed
        self.deadline = now + _TRAINING_SHARE * (task.deadline - now) if math.isfinite(task.deadline) else math.inf
        self.network = copy.deepcopy(task.network).eval()
        order = np.random.default_rng([seed, _SPLIT]).permutation(n)
        first = min(round(how.before * n), n - 1)
        self.before, self.pool = np.sort(order[:first]), np.sort(order[first:])
        parts = Parts.of(self.network)
        self.rest, features = parts.rest, parts.features(task.x)
        self.known, self.open_to = ((features[rows], task.y[rows]) for rows in (self.before, self.pool))
        self.lessons = Lessons(how.steps, how.pick_lr, how.picked_batch, how.other_batch, seed)
        self.ranks = np.random.default_rng([seed, _RANKS]).random(len(self.pool))
        self.history: list[Mapping[str, Any]] = [dict(record) for record in task.history]
        self.resumed: dict[str, Any] = dict(task.resumed or {})
        self.saved = time.monotonic()

    def run(self) -> Certified:
        """First network, picks, and the same again."""
        if len(self.before):
            self._first_network()
        self.first_state = _copied(self.network)
        picking = self.resumed.get("picking")
        learner = NetworkLearner(self.rest, self.open_to, self.known, self.lessons, picking and picking["learner"])

        def going_on(picked: Sequence[int], wrong: int) -> bool:
            bound = picked_inverse(len(picked), len(self.pool), self.task.job.delta)
            about = f"{len(picked):,} picked, {wrong:,} wrong outside: certificate at least {bound:.4f}"
            self.task.progress(about, 0.5 + 0.3 * len(picked) / (len(picked) + wrong))
            self._at_times(lambda: self._picking(learner, picked))
            self._record(errors=wrong, picked=len(picked))
            return time.monotonic() < self.deadline

        earlier = picking["picked"] if picking else ()
        picked = pick_examples(learner, self.ranks, self.how.batch, earlier=earlier, going_on=going_on)
        self.task.progress("running again on what was picked", 0.85)
        same = self._same_again(picked, learner)
        self._record(errors=0, picked=len(picked))
        return self._certified(learner.network, picked, same, None)

    def _first_network(self) -> None:
        """Train in place on the first part, or take what an interrupted run had."""
        if "first_state" in self.resumed:
            self.network.load_state_dict(self.resumed["first_state"])
            return
        how, now = self.how, time.monotonic()
        settings = FirstSettings(
            how.epochs, how.batch_size, how.lr, how.weight_decay, label_smoothing=_SMOOTHING, seed=self.task.job.seed
        )
        descent = FirstDescent(self.rest, *self.known, settings, self.resumed.get("first"))

        def on_epoch(epoch: int, loss: float, errors: int) -> None:
            self._record(errors=errors, picked=0, loss=loss)
            self.task.progress(f"first network, epoch {epoch}: loss {loss:.4f}", 0.5 * epoch / how.epochs)

        def on_step() -> None:
            self._at_times(lambda: self._certified(self.rest, [], None, {"first": descent.state()}))

        self.first_state = _copied(self.network)  # of an unfinished run: it started from its initial weights so far
        descent.run(deadline=now + _FIRST_SHARE * (self.deadline - now), on_step=on_step, on_epoch=on_epoch)
        self.network.eval()

    def _picking(self, learner: NetworkLearner, picked: Sequence[int]) -> Certified:
        state = {"picked": list(picked), "learner": learner.state()}
        return self._certified(learner.network, picked, None, {"first_state": self.first_state, "picking": state})

    def _record(self, *, errors: int, picked: int, loss: float = 0.0) -> None:
        self.history.append({"epoch": len(self.history) + 1, "loss": loss, "errors": errors, "picked": picked})

    def _at_times(self, make: Callable[[], Certified]) -> None:
        if time.monotonic() - self.saved >= SAVE_EVERY:
            self.task.save(make())
            self.saved = time.monotonic()

    def _same_again(self, picked: Sequence[int], learner: NetworkLearner) -> bool:
        """Whether the algorithm on the picked examples alone, each with its rank, ends with the same network."""
        rows = np.sort(np.array(picked, dtype=np.int64))
        again = NetworkLearner(self.rest, (self.open_to[0][rows], self.open_to[1][rows]), self.known, self.lessons)
        order = pick_examples(again, self.ranks[rows], self.how.batch)
        states = zip(again.network.state_dict().values(), learner.network.state_dict().values(), strict=True)
        return [int(rows[i]) for i in order] == list(picked) and all(torch.equal(a, b) for a, b in states)

    def _certified(
        self, trained: nn.Module, picked: Sequence[int], same: bool | None, resume: Mapping[str, Any] | None
    ) -> Certified:
        """Where it stands; what an unfinished run picked is not known to be picked again."""
        certificate = {
            "method": METHOD,
            "before": torch.from_numpy(self.before),
            "pool": torch.from_numpy(self.pool),
            "picked": torch.from_numpy(self.pool[list(picked)]) if picked else torch.zeros(0, dtype=torch.int64),
            "same_again": same,
            "configurations": self.task.job.configurations,
            "first_state": self.first_state,
            "settings": asdict(self.how),
        }
        state = _copied(self.network) | _copied(trained)  # its names are those of the whole network
        history = tuple(self.history) or ({"epoch": 1, "loss": 0.0, "errors": 0, "picked": 0},)
        return Certified(state, certificate, history, resume)


def _copied(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _settings(given: Mapping[str, Any]) -> PickSettings:
    known = tuple(sorted(PickSettings.__dataclass_fields__))
    for name in given:
        if name not in known:
            raise InputError("a setting of pick-to-learn", repr(name), nearest(name, known))
    try:
        return PickSettings(**given)
    except TypeError as error:
        raise InputError("settings of pick-to-learn that are numbers", str(error), "see 'boundcheck certify --help'") from error
