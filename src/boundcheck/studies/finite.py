"""Adversaries on finite domains: the risk of any network is a ratio of whole numbers, read off the whole population."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.data import LabelLaw, corrupt, parse_labels
from boundcheck.data.synthetic import FiniteProblem
from boundcheck.data.synthetic import Sample as Labelled
from boundcheck.evidence.record import Evidence
from boundcheck.networks.mistakes import mistakes
from boundcheck.runs.run import Run, Sample
from boundcheck.studies.gibbs_risk import linear_gibbs_risk
from boundcheck.studies.trial import MEASURED_FAST, Setting, Trial, choose, load_weights, measured

_CHUNK = 4096


def run_on(problem: FiniteProblem, network: nn.Module, train: Labelled, shape: tuple[int, ...], law: LabelLaw) -> Run:
    """A run whose held-out sample is the population: each cell as often as its whole-numbered weight says."""
    cells = np.repeat(np.arange(problem.weights.size), problem.weights.ravel())
    low, high = problem.domain
    return Run(
        network=network,
        reference=None,
        reference_kind="zero",
        train=_sample(train, shape),
        test=_sample((problem.atoms[cells // problem.classes], (cells % problem.classes).astype(np.int64)), shape),
        classes=problem.classes,
        law=law,
        low=low,
        high=high,
        model="tiny",
        data="a finite domain",
    )


def _sample(rows: Labelled, shape: tuple[int, ...]) -> Sample:
    return Sample(rows[0].reshape(-1, *shape).astype(np.float32), rows[1])


@dataclass(frozen=True, eq=False)
class WorstOfGrid(Setting):
    """All networks of one architecture with weights from a list; the adversary takes the one with the largest gap.

    Attributes:
        name: As it stands in the table.
        says: What it is.
        problem: The distribution.
        architecture: Makes the network.
        candidates: Weights of each candidate, shape (candidates, parameters), fixed before the sample.
        shape: Shape of one input.
        n: Training examples.
        held_out: Held-out examples of the test-set bounds.
        ceiling: Largest risk of a candidate that the adversary takes; a small one leaves bounds room to say something.
        linear: A linear network without bias for two classes, whose Gibbs risk has a closed form: posteriors are audited too.
    """

    name: str
    says: str
    problem: FiniteProblem
    architecture: Callable[[], nn.Module]
    candidates: NDArray[np.float64]
    shape: tuple[int, ...]
    n: int
    held_out: int
    ceiling: float = 1.0
    linear: bool = False

    @property
    def sections(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of a network, and for linear ones a posterior and a code."""
        return (*MEASURED_FAST, "posterior", "code") if self.linear else MEASURED_FAST

    @property
    def about(self) -> tuple[str, ...]:  # type: ignore[override]
        """For linear networks, everything."""
        return ("network", "gibbs", "vote", "sample", "compressed") if self.linear else ("network",)

    @property
    def effort(self) -> str:
        """Of the measurement."""
        return "quick"

    @cached_property
    def right(self) -> NDArray[np.float32]:
        """Which candidate is right on which cell (atom, label), shape (candidates, atoms * classes)."""
        network = self.architecture().eval()
        names = [name for name, _ in network.named_parameters()]
        shapes = [p.shape for p in network.parameters()]
        x = torch.from_numpy(self.problem.atoms.reshape(-1, *self.shape)).float()
        x, y = x.repeat_interleave(self.problem.classes, 0), torch.arange(self.problem.classes).repeat(len(x))

        def outputs(flat: torch.Tensor) -> torch.Tensor:
            parts = torch.split(flat, [math.prod(shape) for shape in shapes])
            weights = {name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
            found: torch.Tensor = torch.func.functional_call(network, weights, (x,))
            return found

        parts = []
        with torch.no_grad():
            for flat in torch.split(torch.from_numpy(self.candidates).float(), _CHUNK):
                logits = torch.func.vmap(outputs)(flat)
                wrong, _ = mistakes(logits.reshape(-1, self.problem.classes), y.repeat(len(flat)))
                parts.append((~wrong).reshape(len(flat), -1).float().numpy())
        return np.concatenate(parts)

    @cached_property
    def risks(self) -> NDArray[np.float64]:
        """True risk of each candidate, shape (candidates,)."""
        law = self.problem.weights.ravel() / self.problem.weights.sum()
        found: NDArray[np.float64] = 1.0 - self.right @ law
        return found

    def worst(self, train: Labelled, rng: np.random.Generator) -> NDArray[np.float64]:
        """The candidate whose true error exceeds its training error most."""
        sensible = self._sensible
        found: NDArray[np.float64] = self.candidates[sensible[choose(rng, self.risks[sensible], self.errors(train)[sensible])]]
        return found

    def errors(self, sample: Labelled) -> NDArray[np.float64]:
        """Error of each candidate on a sample, shape (candidates,)."""
        atoms = {row.tobytes(): i for i, row in enumerate(self.problem.atoms)}
        cells = np.array([atoms[row.tobytes()] for row in sample[0]]) * self.problem.classes + sample[1]
        seen = np.bincount(cells, minlength=self.problem.weights.size).astype(np.float32)
        found: NDArray[np.float64] = 1.0 - (self.right @ seen).astype(np.float64) / len(cells)  # counts are exact in float32
        return found

    @cached_property
    def _sensible(self) -> NDArray[np.intp]:
        """Candidates below the ceiling and no worse than guessing: bounds near 1 have no room to miss."""
        return np.flatnonzero(self.risks <= min(self.ceiling, 1.0 - 1.0 / self.problem.classes) + 1e-9)

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, the candidate with the largest gap on it, and its exact risk."""
        rng = np.random.default_rng(seed)
        train, held_out = self.problem.sample(self.n, rng), self.problem.sample(self.held_out, rng)
        network = load_weights(self.architecture(), self.worst(train, rng))
        run = run_on(self.problem, network, train, self.shape, parse_labels("true"))
        test = _sample(held_out, self.shape)
        evidence = measured(run, sections, (test.x, test.y), int(rng.integers(2**62)), self.effort)
        return Trial(evidence, self._risks(evidence, run))

    def _risks(self, evidence: Evidence, run: Run) -> dict[str, Fraction | float]:
        risks = population_risks(evidence, int(self.problem.weights.sum()))
        if evidence.posterior is not None:
            risks["gibbs"] = linear_gibbs_risk(run, evidence.posterior.groups)
            # Each margin is symmetric around that of the network, so more than half of the posterior agrees with it.
            risks["vote"] = risks["network"]
        return risks


def population_risks(evidence: Evidence, total: int) -> dict[str, Fraction | float]:
    """Risks of deterministic predictors: errors on the population, whole numbers over its size.

    Args:
        evidence: Its held-out errors are those on the population.
        total: Size of the population.
    """
    found = {about: evidence.test_error_of(about) for about in ("network", "sample", "compressed")}
    return {about: Fraction(round(error * total), total) for about, error in found.items() if error is not None}


@dataclass(frozen=True, eq=False)
class Memorizer(Setting):
    """A network that looks the sample up: one hidden unit for each vertex of the cube, no error on labels that mean nothing.

    The unit of vertex a is relu((2a - 1) . x - |a| + 1), which is 1 at a and 0 at every other vertex; the output carries the
    majority of the labels seen there, and nothing, a tie, where none was seen.

    Attributes:
        name: As it stands in the table.
        says: What it is.
        problem: A distribution on the vertices of a cube.
        n: Training examples.
        held_out: Held-out examples of the test-set bounds.
        labels: The law of the training labels.
    """

    name: str
    says: str
    problem: FiniteProblem
    n: int
    held_out: int
    labels: str

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, labels drawn from the law, and the network that knows them by heart."""
        rng = np.random.default_rng(seed)
        law, atoms, k = parse_labels(self.labels), self.problem.atoms, self.problem.classes
        (x, clean), held_out = self.problem.sample(self.n, rng), self.problem.sample(self.held_out, rng)
        y = corrupt(clean, k, law, int(rng.integers(2**62)))
        hidden, out = nn.Linear(atoms.shape[1], len(atoms)), nn.Linear(len(atoms), k, bias=False)
        votes = np.zeros((k, len(atoms)))
        np.add.at(votes, (y, (x[:, None, :] == atoms).all(axis=2).argmax(axis=1)), 1.0)
        network = nn.Sequential(hidden, nn.ReLU(), out)
        load_weights(network, np.concatenate([(2 * atoms - 1).ravel(), 1 - atoms.sum(axis=1), votes.ravel()]))
        run = run_on(self.problem, network, (x, y), atoms.shape[1:], law)
        evidence = measured(run, sections, (held_out[0].astype(np.float32), held_out[1]), int(rng.integers(2**62)))
        # The expectation over corrupted labels is rounded once to the nearest float; half a unit in the last place is taken off.
        return Trial(evidence, {"network": math.nextafter(float(evidence.errors.test_error or 0.0), 0.0)})


def grid(values: Sequence[float], size: int) -> NDArray[np.float64]:
    """All vectors of a size with entries from a list."""
    return np.array(list(itertools.product(values, repeat=size)), dtype=np.float64)
