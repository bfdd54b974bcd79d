"""What a sweep will cost, from a trial whose results are thrown away."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boundcheck.studies.sweep.job import run_job

_EPOCHS = 2


@dataclass(frozen=True)
class Estimate:
    """Cost of a sweep.

    Attributes:
        networks: How many are trained.
        epoch_seconds: One pass over the sample, on one thread.
        other_seconds: Reading the data, measuring and asking.
        memory: Bytes of a process at its largest.
    """

    networks: int
    epoch_seconds: float
    other_seconds: float
    memory: int

    def seconds(self, epochs: int, workers: int) -> float:
        """Wall time where every training takes so many passes.

        Args:
            epochs: Passes of each training.
            workers: Processes.
        """
        return self.networks * (epochs * self.epoch_seconds + self.other_seconds) / workers


def estimate(jobs: Sequence[Mapping[str, Any]]) -> Estimate:
    """Train the first, the middle and the last combination for one and for two epochs, and look at the clock.

    Args:
        jobs: All of the sweep.
    """
    import resource
    import sys

    looked_at = [jobs[i] for i in dict.fromkeys((0, len(jobs) // 2, len(jobs) - 1))]
    epoch, other = 0.0, 0.0
    run_job(_short(looked_at[0], 1))  # what is loaded once is loaded
    for job in looked_at:
        times = [_timed(_short(job, epochs)) for epochs in (1, _EPOCHS)]
        one = max(times[1] - times[0], 0.0) / (_EPOCHS - 1)
        epoch, other = epoch + one, other + max(times[0] - one, 0.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Estimate(len(jobs), epoch / len(looked_at), other / len(looked_at), peak)


def _short(job: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """A job that takes so many epochs, whatever rule ends training."""
    return {**job, "settings": {**job["settings"], "epochs": epochs, "stop": "loss:1e-300"}}


def _timed(job: Mapping[str, Any]) -> float:
    start = time.perf_counter()
    run_job(job)
    return time.perf_counter() - start
