"""All rank statistics of a table of networks: one line for each measure, bound and baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError
from boundcheck.progress import Progress, silent
from boundcheck.ranking.baselines import baselines
from boundcheck.ranking.bootstrap import Interval, PairReplicates, kendall_replicates, percentiles, replicates
from boundcheck.ranking.conditional_information import OrderedPairs, conditional_information, ordered_pairs
from boundcheck.ranking.kendall import granulated, kendall
from boundcheck.ranking.networks import Networks
from boundcheck.ranking.pairs import Pairs, signs, single_changes
from boundcheck.ranking.sign_error import EFFECTIVE_SIZE, THRESHOLD, pair_weights, sign_errors

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How rankings are made.

    Attributes:
        threshold: Pairs with a Hoeffding weight up to this count nothing.
        effective_size: Environments with a smaller effective size are left out.
        bootstrap: Replicates behind the intervals; 0 for none.
        seed: Of the replicates, the baselines and the random part of the pairs.
    """

    threshold: float = THRESHOLD
    effective_size: float = EFFECTIVE_SIZE
    bootstrap: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold < 1.0:
            raise InputError("a threshold in [0, 1)", repr(self.threshold), "0 keeps every pair whose order is more than chance")
        if not (math.isfinite(self.effective_size) and self.effective_size >= 0.0):
            raise InputError("an effective size of at least 0", repr(self.effective_size), "0 keeps every environment")
        if self.bootstrap < 0:
            raise InputError("at least 0 replicates", str(self.bootstrap), "0 leaves the intervals out")


@dataclass(frozen=True)
class SignErrorSummary:
    """Sign errors over environments.

    Attributes:
        environments: How many are counted.
        mean: Their mean; ``None`` without environments.
        p90: Their 90th percentile.
        largest: Their maximum.
    """

    environments: int
    mean: float | None
    p90: float | None
    largest: float | None


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of one measure.

    Attributes:
        name: Its column.
        kind: ``measure``, ``bound`` or ``baseline``.
        networks: Networks that have a value.
        missing: Networks that have none.
        constant: The value is the same for all: it orders nothing.
        tau: Kendall's tau.
        tau_interval: Bootstrap interval of it.
        psi: Granulated coefficient by hyper-parameter; ``None`` where no pair differs in it alone.
        mean_psi: Their mean.
        information: Normalized conditional mutual information, its smallest value over conditioning sets.
        given: The set that attains it, names joined by a plus.
        sign_error: Over all environments.
        sign_error_by: By the hyper-parameter that changes.
        mean_interval: Bootstrap interval of the mean sign error.
        errors: Sign error of each environment, NaN where left out; for figures.
    """

    name: str
    kind: str
    networks: int
    missing: int
    constant: bool
    tau: float | None
    tau_interval: Interval | None
    psi: Mapping[str, float | None]
    mean_psi: float | None
    information: float | None
    given: str | None
    sign_error: SignErrorSummary
    sign_error_by: Mapping[str, SignErrorSummary]
    mean_interval: Interval | None
    errors: Floats = field(repr=False)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rank statistics of a table.

    Attributes:
        networks: The table.
        pairs: Its pairs that differ in one hyper-parameter.
        settings: How the ranking was made.
        judged: Measures and bounds by their mean sign error (by Kendall's tau where no environment is left), then the baselines.
        largest_effective: The largest effective size of an environment.
    """

    networks: Networks
    pairs: Pairs
    settings: Settings
    judged: tuple[Judged, ...]
    largest_effective: float

    def __getitem__(self, name: str) -> Judged:
        """One line.

        Raises:
            KeyError: No measure has this name.
        """
        for line in self.judged:
            if line.name == name:
                return line
        raise KeyError(name)


def rank(
    networks: Networks, settings: Settings | None = None, *, bounds: frozenset[str] = frozenset(), progress: Progress = silent
) -> Ranking:
    """Judge every measure of a table.

    Args:
        networks: The table.
        settings: How.
        bounds: Names among the measures that are bounds.
        progress: Told what is being done.

    Raises:
        InputError: More pairs differ in one hyper-parameter than fit into memory.
    """
    judge = _Judge(networks, settings or Settings())
    held = dict(baselines(networks.gap, judge.settings.seed))
    lines, total = [], len(networks.measures) + len(held)
    for done, (name, column) in enumerate((*networks.measures.items(), *held.items())):
        progress(name, done / total)
        baseline = done >= len(networks.measures)
        kind = "baseline" if baseline else "bound" if name in bounds else "measure"
        lines.append(judge.line(name, kind, column))
    ours = sorted(lines[: len(networks.measures)], key=_place)
    return Ranking(networks, judge.pairs, judge.settings, (*ours, *lines[len(networks.measures) :]), judge.largest_effective)


def _place(line: Judged) -> tuple[bool, float, float]:
    mean = line.sign_error.mean
    return line.constant, math.inf if mean is None else mean, -(line.tau if line.tau is not None else -math.inf)


class _Judge:
    """What is computed once for all measures."""

    def __init__(self, networks: Networks, settings: Settings) -> None:
        self.networks, self.settings = networks, settings
        self.pairs = single_changes(networks)
        self._order = signs(networks.gap, self.pairs.first, self.pairs.second)
        self._weights = pair_weights(networks, self.pairs, settings.threshold)
        self._ordered: OrderedPairs = ordered_pairs(networks.settings, networks.gap, settings.seed)
        self._drawn = replicates(len(networks), settings.bootstrap, settings.seed)
        self._replicates = PairReplicates(self.pairs, self._order, self._weights, self._drawn)
        effective = sign_errors(networks.gap, self._order, self.pairs, self._weights, 0.0).effective
        self.largest_effective = float(effective.max()) if len(effective) else 0.0

    def line(self, name: str, kind: str, column: Floats) -> Judged:
        """The statistics of one measure; a constant one has none."""
        names = tuple(self.networks.settings)
        known = column[~np.isnan(column)]
        constant = len(known) == 0 or bool(np.all(known == known[0]))
        missing = len(column) - len(known)
        if constant:
            empty = SignErrorSummary(0, None, None, None)
            return Judged(
                name, kind, len(known), missing, True, None, None, dict.fromkeys(names), None, None, None, empty,
                dict.fromkeys(names, empty), None, np.full(len(self.pairs.starts), np.nan),
            )  # fmt: skip
        gap, pairs = self.networks.gap, self.pairs
        errors = sign_errors(column, self._order, pairs, self._weights, self.settings.effective_size)
        psi = granulated(column, self._order, pairs, len(names))
        information, given = conditional_information(column, self._ordered)
        by = {h: _summary(errors.summary(pairs.hyperparameter == index)) for index, h in enumerate(names)}
        return Judged(
            name=name,
            kind=kind,
            networks=len(known),
            missing=missing,
            constant=False,
            tau=_number(kendall(column, gap)),
            tau_interval=percentiles(kendall_replicates(column, gap, self._drawn)),
            psi={h: _number(value) for h, value in zip(names, psi, strict=True)},
            mean_psi=None if np.isnan(psi).all() else float(np.nanmean(psi)),
            information=_number(information),
            given=None if math.isnan(information) else given,
            sign_error=_summary(errors.summary()),
            sign_error_by=by,
            mean_interval=self._mean_interval(column, ~np.isnan(errors.errors)),
            errors=errors.errors,
        )

    def _mean_interval(self, column: Floats, kept: NDArray[np.bool_]) -> Interval | None:
        """Of the mean sign error; there is none of the largest, which is larger in most replicates than in the table."""
        if not kept.any() or not self.settings.bootstrap:
            return None
        means = [errors.mean() if len(errors) else math.nan for errors in self._replicates.sign_errors(column, kept)]
        return percentiles(np.array(means))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _summary(found: tuple[float, float, float, int]) -> SignErrorSummary:
    mean, p90, largest, count = found
    return SignErrorSummary(count, _number(mean), _number(p90), _number(largest))
