"""Held to the truth: the whole catalogue, thousands of samples, misses against delta.

A theorem misses in a trial when it applies and its number lies below the true risk. It promises that this has probability at most
delta, whatever the distribution and whatever predictor was chosen after seeing the sample. So in T independent trials of one
setting the misses are stochastically below Bin(T, delta); a trial to which the theorem does not apply is one without a miss. More
misses than that allows, at a level that all cells of the table share, refute the theorem or its code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from boundcheck.numerics import clopper_pearson
from boundcheck.studies.trial import Setting, predictor_of
from boundcheck.theorem import Theorem

LEVEL = 1e-3
"""Probability that an audit of a correct catalogue ends with a complaint."""

TOGETHER = "all together"
"""Name of the row of a joint audit that counts trials where any theorem misses."""

BATCH = 20
"""Trials handed to a worker at a time: long enough to hide the handing, short enough to stop soon."""


@dataclass(frozen=True)
class Plan:
    """What is audited.

    Attributes:
        theorems: Each under its name.
        make_settings: Makes the settings, by name; a function, so that each process makes its own and keeps them.
        trials: Independent trials of each setting.
        delta: Confidence of each theorem, or of all together when ``joint``.
        joint: Divide delta by the number of theorems, and count trials where any of them misses too.
        seed: Trial t of a setting draws from a stream of its own, the same whatever the number of workers.
    """

    theorems: Mapping[str, Theorem]
    make_settings: Callable[[], Mapping[str, Setting]]
    trials: int
    delta: float
    joint: bool = False
    seed: int = 0

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings that have something to say of one of the theorems."""
        return {name: setting for name, setting in self.make_settings().items() if self.covered(setting)}

    @property
    def share(self) -> float:
        """Delta of one theorem."""
        return self.delta / len(self.theorems) if self.joint else self.delta

    def covered(self, setting: Setting) -> dict[str, Theorem]:
        """The theorems that a setting can hold to the truth."""
        return {name: theorem for name, theorem in self.theorems.items() if setting.covers(theorem)}

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Theorems that no setting can hold to the truth."""
        return tuple(n for n, theorem in self.theorems.items() if not any(s.covers(theorem) for s in self.settings.values()))

    @property
    def cells(self) -> int:
        """Theorems times settings that are audited; they share the level."""
        joint = len(self.settings) if self.joint else 0
        return sum(len(self.covered(setting)) for setting in self.settings.values()) + joint


@dataclass
class Tally:
    """Counts of one theorem in one setting.

    Attributes:
        trials: Trials finished.
        applicable: Those in which the theorem applied.
        misses: Those in which its number lay below the risk.
        informative: Those in which its number was below the error of guessing.
        tightest: Smallest ratio of the number to the risk, over trials without a miss and with a positive risk.
    """

    trials: int = 0
    applicable: int = 0
    misses: int = 0
    informative: int = 0
    tightest: float | None = None

    def add(self, other: Tally) -> None:
        """Add the counts of other trials."""
        self.trials += other.trials
        self.applicable += other.applicable
        self.misses += other.misses
        self.informative += other.informative
        known = [ratio for ratio in (self.tightest, other.tightest) if ratio is not None]
        self.tightest = min(known, default=None)


@dataclass(frozen=True)
class Row:
    """One theorem in one setting: what was counted and what follows.

    Attributes:
        theorem: Its name, or :data:`TOGETHER`.
        setting: Name of the setting.
        trials: Independent trials.
        applicable: Trials in which the theorem applied.
        informative: Trials in which its number was below the error of guessing.
        misses: Trials in which its number lay below the true risk.
        rate: Misses per trial.
        interval: Exact two-sided interval for the probability of a miss, at the shared level.
        delta: What the theorem promises that probability to be below.
        holds: Whether the interval allows for the promise.
        tightest: Smallest ratio of number to risk without a miss.
    """

    theorem: str
    setting: str
    trials: int
    applicable: int
    informative: int
    misses: int
    rate: float
    interval: tuple[float, float]
    delta: float
    holds: bool
    tightest: float | None


@dataclass
class Audit:
    """An audit under way: run it to the end, or stop and read what is finished.

    Attributes:
        plan: What is audited.
        tallies: Counts by (theorem, setting).
        done: Trials finished, over all settings.
    """

    plan: Plan
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    done: int = 0

    @property
    def total(self) -> int:
        """Trials in all."""
        return self.plan.trials * len(self.plan.settings)

    def run(self, workers: int = 1) -> Iterator[int]:
        """Do the trials; after each batch its counts are kept and the number of finished trials is told.

        Args:
            workers: Processes.
        """
        for size, tallies in _batches(self.plan, workers):
            for key, tally in tallies.items():
                self.tallies.setdefault(key, Tally()).add(tally)
            self.done += size
            yield self.done

    def rows(self) -> list[Row]:
        """One row for each theorem and setting, in the order of the catalogue."""
        names = [*self.plan.theorems, TOGETHER]
        order = {name: i for i, name in enumerate(names)}
        keys = sorted(self.tallies, key=lambda key: (order[key[0]], list(self.plan.settings).index(key[1])))
        return [self._row(*key) for key in keys]

    def _row(self, theorem: str, setting: str) -> Row:
        tally = self.tallies[theorem, setting]
        delta = self.plan.delta if theorem == TOGETHER else self.plan.share
        # One-sided tests at LEVEL / cells each: the two-sided interval spends as much on either end.
        interval = clopper_pearson(tally.misses, tally.trials, 2.0 * LEVEL / max(self.plan.cells, 2))
        return Row(
            theorem=theorem,
            setting=setting,
            trials=tally.trials,
            applicable=tally.applicable,
            informative=tally.informative,
            misses=tally.misses,
            rate=tally.misses / tally.trials,
            interval=interval,
            delta=delta,
            holds=interval[0] <= delta,
            tightest=tally.tightest,
        )


def _batches(plan: Plan, workers: int) -> Iterator[tuple[int, dict[tuple[str, str], Tally]]]:
    """Counts of batches of trials, in any order; the settings take turns, so that an early stop leaves something of each."""
    jobs = [
        (name, range(start, min(start + BATCH, plan.trials))) for start in range(0, plan.trials, BATCH) for name in plan.settings
    ]
    if workers == 1:
        yield from (run_batch(plan, name, trials) for name, trials in jobs)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        work = Parallel(n_jobs=workers, return_as="generator_unordered")
        yield from work(delayed(run_batch)(plan, name, trials) for name, trials in jobs)


def run_batch(plan: Plan, name: str, trials: Sequence[int]) -> tuple[int, dict[tuple[str, str], Tally]]:
    """Counts of some trials of one setting.

    Args:
        plan: What is audited.
        name: The setting.
        trials: Numbers of the trials.

    Returns:
        How many trials, and counts by (theorem, setting).
    """
    setting = plan.settings[name]
    theorems = plan.covered(setting)
    tallies = {(theorem, name): Tally() for theorem in theorems}
    if plan.joint:
        tallies[TOGETHER, name] = Tally()
    for trial in trials:
        found = one_trial(plan, setting, theorems, trial)
        for theorem, tally in found.items():
            tallies[theorem, name].add(tally)
        if plan.joint:
            missed = any(tally.misses for tally in found.values())
            tallies[TOGETHER, name].add(Tally(1, 1, int(missed)))
    return len(trials), tallies


def one_trial(plan: Plan, setting: Setting, theorems: Mapping[str, Theorem], trial: int) -> dict[str, Tally]:
    """Counts of a single trial, by theorem."""
    key = int.from_bytes(hashlib.sha256(setting.name.encode()).digest()[:4], "big")
    seed = np.random.SeedSequence(plan.seed, spawn_key=(key, trial))
    sections = sorted({section for theorem in theorems.values() for section in theorem.reads})
    drawn = setting.trial(sections, seed)
    found = {}
    for name, theorem in theorems.items():
        certificate = theorem(drawn.evidence, plan.share)
        if certificate.why is None:
            found[name] = _judged(certificate.value, drawn.risks[predictor_of(theorem)], certificate.vacuous_at)
        else:  # a predictor that a trial does not have has no risk there
            found[name] = Tally(1)
    return found


def _judged(value: float | None, risk: Any, guess: float) -> Tally:
    if value is None:  # a number too large for a float is above every risk
        return Tally(1, 1)
    if value < risk:
        return Tally(1, 1, 1, int(value < guess))
    return Tally(1, 1, 0, int(value < guess), float(value / float(risk)) if risk > 0 else None)
