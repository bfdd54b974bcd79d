"""One trial of an audit: a sample, a predictor chosen after seeing it, and the risk that this predictor really has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import rel_entr
from torch import nn

from boundcheck.data.synthetic import Sample as Labelled
from boundcheck.evidence.collect import MEASURED, collect
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Evidence
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.runs.run import Run
from boundcheck.theorem import Theorem

MEASURED_FAST = tuple(name for name in MEASURED if name not in ("posterior", "magnitude", "code", "kernel", "picked"))
"""Sections that a tiny network has; a kernel predictor is none, and posteriors and codes take their time."""


@dataclass(frozen=True)
class Trial:
    """What one trial hands to the theorems, and the truth that their answers are held against.

    Attributes:
        evidence: Measured as ``evaluate`` measures it.
        risks: By what a certificate is about, a number that is not above the population 0-1 error.
    """

    evidence: Evidence
    risks: Mapping[str, Fraction | float]


class Setting(ABC):
    """A distribution whose risk is known, and an adversary who picks the predictor after seeing the sample.

    Attributes:
        name: As it stands in the table.
        says: What it is, in one line.
        sections: Sections of the evidence that it can fill.
        about: What it knows the risk of.
    """

    name: str
    says: str
    sections: tuple[str, ...] = MEASURED_FAST
    about: tuple[str, ...] = ("network",)

    @abstractmethod
    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """Draw a sample, choose a predictor on it, measure sections of the evidence, and compute the true risk.

        Args:
            sections: Names of sections that the theorems read.
            seed: Of this trial alone.
        """

    def covers(self, theorem: Theorem) -> bool:
        """Whether this setting can hold a theorem to the truth."""
        return predictor_of(theorem) in self.about and set(theorem.reads) <= {"problem", "errors", *self.sections}


def predictor_of(theorem: Theorem) -> str:
    """Whose risk a theorem bounds: there are Gibbs predictors around the same weights with different noise."""
    return theorem.measured_as or theorem.about


def measured(run: Run, sections: Sequence[str], held_out: Labelled, seed: int, effort: str = "quick") -> Evidence:
    """The evidence of a run, with the counts of an independent held-out sample.

    A small domain has the same atoms in both samples. They are independent draws all the same, so repeated rows are no sign of a
    leak here, and the count of them is left out.

    Args:
        run: Its held-out sample, where it has one, stands for the whole population.
        sections: What is measured.
        held_out: Inputs in the run's shape and labels under the law before corruption, drawn independently of everything else.
        seed: Of the measurement.
        effort: Of the measurement, ``quick`` or ``full``.
    """
    evidence = collect(run, sections, seed=seed, effort=effort)
    wrong, invalid = program_mistakes(run.network, *held_out)
    errors = Errors(
        n=evidence.errors.n,
        errors=evidence.errors.errors,
        invalid=evidence.errors.invalid,
        test_n=len(wrong),
        test_errors=int(wrong.sum()),
        test_invalid=int(invalid.sum()),
        test_error=evidence.errors.test_error,
    )
    return replace(evidence, errors=errors)


def load_weights(network: nn.Module, weights: NDArray[np.float64]) -> nn.Module:
    """Fill the parameters of a network, in their order, with numbers; the network comes back in evaluation mode."""
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights).float(), network.parameters())
    return network.eval()


def choose(rng: np.random.Generator, risks: NDArray[np.float64], errors: NDArray[np.float64]) -> int:
    """The adversary's choice, by a fair coin: the largest gap, or the largest kl from training error up to risk.

    Differences are what square-root bounds watch, kl what inverted tails watch.

    Args:
        rng: Source of the coin.
        risks: True risk of each candidate.
        errors: Training error of each candidate.
    """
    gap = risks - errors
    if rng.random() < 0.5:
        return int(np.argmax(gap))
    return int(np.argmax(np.where(gap > 0.0, rel_entr(errors, risks) + rel_entr(1.0 - errors, 1.0 - risks), -1.0)))
