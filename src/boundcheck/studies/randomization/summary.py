"""Rows of several seeds as one line for each kind: means with intervals, and time to fit relative to true labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from boundcheck.studies.engine import Row
from boundcheck.studies.randomization.kinds import TRUE

LEVEL = 0.95
"""Of the intervals over seeds."""


@dataclass(frozen=True)
class Interval:
    """A mean over seeds.

    Attributes:
        mean: The mean.
        low: Lower end of Student's interval at :data:`LEVEL`; the mean itself where there is one seed.
        high: Upper end.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval | None:
        """The interval of some values, ``None`` for none."""
        if not values:
            return None
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return cls(mean, mean, mean)
        from scipy.stats import t

        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
        half = float(t.ppf(0.5 + LEVEL / 2, len(values) - 1)) * deviation / math.sqrt(len(values))
        return cls(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Line:
    """One kind, all its seeds.

    Attributes:
        kind: Its name.
        seeds: Seeds that are finished.
        fitted: Those that reached zero training error.
        steps: Steps to zero training error, of those that reached it.
        ratio: The same relative to true labels under the same seed.
        train_error: At the end.
        test_error: On the law of the training sample.
        test_interval: With one seed, the exact interval of its held-out sample; else Student's over seeds.
        clean_error: On clean labels.
        best: Most frequent name of the best bound, and the mean of the best values; ``None`` without bounds.
        vacuous: Vacuous certificates, mean over seeds.
        applicable: Those that apply, mean over seeds.
    """

    kind: str
    seeds: int
    fitted: int
    steps: Interval | None
    ratio: Interval | None
    train_error: Interval
    test_error: Interval | None
    test_interval: tuple[float, float] | None
    clean_error: Interval | None
    best: tuple[str, float] | None
    vacuous: float | None
    applicable: float | None


def summarize(rows: Sequence[Row]) -> list[Line]:
    """One line for each kind, in the order of the rows; failed jobs are left out.

    Args:
        rows: Of one plan with one training.
    """
    done = [row for row in rows if row.result is not None]
    kinds = dict.fromkeys(row.result["kind"] for row in done if row.result is not None)
    return [_line(kind, [row for row in done if row.result is not None and row.result["kind"] == kind], done) for kind in kinds]


def _line(kind: str, rows: Sequence[Row], everything: Sequence[Row]) -> Line:
    results = [row.result or {} for row in rows]
    baseline = {
        row.config["settings"]["seed"]: row.result["steps"]
        for row in everything
        if row.result is not None and row.result["kind"] == TRUE.name and row.result["fitted"]
    }
    fitted = [(row.config["settings"]["seed"], row.result["steps"]) for row in rows if row.result and row.result["fitted"]]
    tests = [result["test"] for result in results if result["test"] is not None]
    test_error = Interval.of([test["error"] for test in tests])
    best = [result["best"] for result in results if result.get("best")]
    names = [found["name"] for found in best]
    return Line(
        kind=kind,
        seeds=len(rows),
        fitted=len(fitted),
        steps=Interval.of([float(steps) for _, steps in fitted]),
        ratio=Interval.of([steps / baseline[seed] for seed, steps in fitted if seed in baseline]),
        train_error=_certain(Interval.of([result["train"]["error"] for result in results])),
        test_error=test_error,
        test_interval=None if test_error is None else _ends(tests, test_error),
        clean_error=Interval.of([test["clean_error"] for test in tests]),
        best=(max(names, key=names.count), math.fsum(found["value"] for found in best) / len(best)) if best else None,
        vacuous=_mean([result["vacuous"] for result in results if "vacuous" in result]),
        applicable=_mean([result["applicable"] for result in results if "applicable" in result]),
    )


def _ends(tests: Sequence[dict[str, Any]], error: Interval) -> tuple[float, float]:
    low, high = (error.low, error.high) if len(tests) > 1 else tests[0]["interval"]
    return float(low), float(high)


def _certain(interval: Interval | None) -> Interval:
    if interval is None:
        raise ValueError("expected rows of a kind; got none; summarize what is finished")
    return interval


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
