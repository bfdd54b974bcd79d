"""An adversary who picks examples: among the rules that fit them best it takes the one with the largest risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import nn

from boundcheck.compression.pick import Learner, pick_examples
from boundcheck.data import parse_labels
from boundcheck.data.synthetic import FiniteProblem
from boundcheck.evidence.picked import Picked
from boundcheck.studies.finite import WorstOfGrid, run_on
from boundcheck.studies.trial import Setting, Trial, load_weights, measured

Array = NDArray[np.float64]


class _WorstFit(Learner):
    """Takes, of all candidates with the fewest errors on the picked examples, the one with the largest risk.

    Args:
        wrong: Which candidate errs on which example of the sample, shape (candidates, n).
        risks: True risk of each candidate, which an adversary knows.
    """

    def __init__(self, wrong: NDArray[np.bool_], risks: Array) -> None:
        self.wrong, self.risks = wrong, risks
        self.chosen = int(np.argmax(risks))

    def judge(self) -> tuple[NDArray[np.bool_], Array]:
        """All errors are equally bad."""
        return self.wrong[self.chosen], np.zeros(self.wrong.shape[1])

    def learn(self, picked: Sequence[int]) -> None:
        """The worst of the best fits."""
        errors = self.wrong[:, list(picked)].sum(axis=1)
        self.chosen = int(np.argmax(np.where(errors == errors.min(), self.risks, -1.0)))


@dataclass(frozen=True, eq=False)
class PickedExamples(Setting):
    """Pick-to-learn on a finite domain, the first rule and every choice among equal ones as bad as can be.

    Attributes:
        name: As it stands in the table.
        says: What it is.
        problem: The distribution.
        architecture: Makes the network.
        candidates: Weights of each candidate, shape (candidates, parameters), fixed before the sample.
        shape: Shape of one input.
        n: Training examples, all of which can be picked.
        held_out: Held-out examples.
        batch: Examples picked in one step.
        stops: Share of trials in which the algorithm is stopped after a few picks.
    """

    name: str
    says: str
    problem: FiniteProblem
    architecture: Callable[[], nn.Module]
    candidates: Array
    shape: tuple[int, ...]
    n: int
    held_out: int
    batch: int = 1
    stops: float = 0.3
    sections: tuple[str, ...] = ("picked",)

    @cached_property
    def _grid(self) -> WorstOfGrid:
        return WorstOfGrid(
            self.name, self.says, self.problem, self.architecture, self.candidates, self.shape, self.n, self.held_out
        )

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, what was picked of it, and the exact risk of the rule in the end."""
        rng = np.random.default_rng(seed)
        train, held_out = self.problem.sample(self.n, rng), self.problem.sample(self.held_out, rng)
        wrong, ranks = self._wrong(train), rng.random(self.n)
        most = int(rng.integers(1, 12)) if rng.random() < self.stops else self.n
        learner = _WorstFit(wrong, self._grid.risks)
        picked = pick_examples(learner, ranks, self.batch, going_on=lambda chosen, _: len(chosen) < most)
        again = _WorstFit(wrong[:, np.sort(picked)], self._grid.risks)
        if picked:
            pick_examples(again, ranks[np.sort(picked)], self.batch)
        network = load_weights(self.architecture(), self.candidates[learner.chosen])
        run = run_on(self.problem, network, train, self.shape, parse_labels("true"))
        evidence = measured(run, [s for s in sections if s != "picked"], held_out, int(rng.integers(2**62)))
        outside = np.delete(wrong[learner.chosen], picked)
        found = Picked(self.n, len(picked), int(outside.sum()), again.chosen == learner.chosen)
        total = int(self.problem.weights.sum())
        risk = Fraction(round(float(self._grid.risks[learner.chosen]) * total), total)
        return Trial(replace(evidence, picked=found), {"network": risk})

    def _wrong(self, sample: tuple[Array, NDArray[np.int64]]) -> NDArray[np.bool_]:
        atoms = {row.tobytes(): i for i, row in enumerate(self.problem.atoms)}
        cells = np.array([atoms[row.tobytes()] for row in sample[0]]) * self.problem.classes + sample[1]
        found: NDArray[np.bool_] = self._grid.right[:, cells] < 0.5
        return found
