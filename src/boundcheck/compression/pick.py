"""Pick-to-learn: pick the worst examples, learn them, and go on until none is wrong outside."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.networks.mistakes import CHUNK, mistakes
from boundcheck.runs.training import logits_of

Rows = NDArray[np.int64]


class Learner(ABC):
    """Makes a predictor from the picked examples in their order, and from nothing else of those that can be picked.

    Whatever else it uses, numbers drawn at random among it, is fixed beforehand. What it says of an example depends on that
    example and on the picked ones alone.
    """

    @abstractmethod
    def judge(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which of the examples the present predictor misclassifies, and how bad each of them is."""

    @abstractmethod
    def learn(self, picked: Sequence[int]) -> None:
        """Make the next predictor.

        Args:
            picked: Indices in the order in which they were picked.
        """


def pick_examples(
    learner: Learner,
    ranks: NDArray[np.float64],
    batch: int,
    *,
    earlier: Sequence[int] = (),
    going_on: Callable[[Sequence[int], int], bool] = lambda picked, wrong: True,
) -> list[int]:
    """Run the algorithm.

    Args:
        learner: At its start; learns in place.
        ranks: Shape (n,), a number drawn independently for each example, by which equally bad ones are ranked.
        batch: Misclassified examples that are picked in one step, at most.
        earlier: What was picked, and learned, before an interruption.
        going_on: Told the picked examples and the number of errors outside before each step; whether to take it. Stopping early
            leaves errors outside, and of the bounds the classical one alone.

    Returns:
        Indices of the picked examples in their order.
    """
    picked = list(earlier)
    while True:
        wrong, badness = learner.judge()
        outside = wrong.copy()
        outside[picked] = False
        candidates = np.flatnonzero(outside)
        if candidates.size == 0 or not going_on(picked, candidates.size):
            return picked
        order = np.lexsort((ranks[candidates], -badness[candidates]))
        picked.extend(int(i) for i in candidates[order[:batch]])
        learner.learn(picked)


@dataclass(frozen=True)
class Lessons:
    """How a network learns the picked examples.

    Attributes:
        steps: Gradient steps after each pick.
        lr: Learning rate of stochastic gradient descent with momentum 0.9.
        picked_batch: Picked examples in a step, drawn with replacement.
        other_batch: Examples of the first network's part in a step, drawn with replacement.
        seed: Of the draws.
    """

    steps: int = 40
    lr: float = 0.02
    picked_batch: int = 32
    other_batch: int = 96
    seed: int = 0


class NetworkLearner(Learner):
    """A network that goes on from where it is, on picked examples mixed with those that it was first trained on.

    Args:
        network: The first network; a copy is trained.
        pool: Inputs and labels of the examples that can be picked, shape (n, ...) and (n,).
        before: Inputs and labels of those that the first network was trained on; none: picked examples alone.
        lessons: Settings.
        state: What :meth:`state` returned, to go on from.
    """

    def __init__(
        self,
        network: nn.Module,
        pool: tuple[torch.Tensor, torch.Tensor],
        before: tuple[torch.Tensor, torch.Tensor],
        lessons: Lessons,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = copy.deepcopy(network).eval()
        self.pool, self.before, self.lessons = pool, before, lessons
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=lessons.lr, momentum=0.9)
        self.round = 0
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
            self.round = int(state["round"])

    def state(self) -> dict[str, Any]:
        """Everything that the next lesson depends on, but for what is picked."""
        return {
            "network": {k: v.detach().clone() for k, v in self.network.state_dict().items()},
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "round": self.round,
        }

    def judge(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Errors and cross-entropies; what is not a number is worst."""
        wrong, badness = [], []
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(self.pool[1])), CHUNK):
                logits = logits_of(self.network, self.pool[0][rows])
                wrong.append(mistakes(logits, self.pool[1][rows])[0])
                badness.append(nn.functional.cross_entropy(logits, self.pool[1][rows], reduction="none").double())
        losses = torch.cat(badness).nan_to_num(nan=torch.inf)
        return torch.cat(wrong).numpy(), losses.numpy()

    def learn(self, picked: Sequence[int]) -> None:
        """Some steps of gradient descent; what is drawn depends on the seed, the round and the number of picked examples."""
        self.round += 1
        source = torch.Generator().manual_seed((self.lessons.seed * 1_000_003 + self.round) % 2**63)
        chosen, others = torch.tensor(list(picked)), len(self.before[1])
        for _ in range(self.lessons.steps):
            rows = chosen[torch.randint(len(chosen), (self.lessons.picked_batch,), generator=source)]
            x, y = self.pool[0][rows], self.pool[1][rows]
            if others:
                rows = torch.randint(others, (self.lessons.other_batch,), generator=source)
                x, y = torch.cat([x, self.before[0][rows]]), torch.cat([y, self.before[1][rows]])
            loss = nn.functional.cross_entropy(logits_of(self.network, x), y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
