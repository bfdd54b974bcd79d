"""One job done in whatever process it was given to: rows, or the reason why there are none, and what it cost."""

from __future__ import annotations

import json
import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boundcheck.errors import InputError
from boundcheck.studies.engine.plan import Job, JobFunction, canonical
from boundcheck.studies.machine import machine

_LENGTH = 300  # of a reason, in characters


@dataclass(frozen=True)
class Attempt:
    """What became of a job.

    Attributes:
        results: What the function returned, as JSON reads it back; ``None`` where it failed.
        failed: Why, or ``None``.
        cost: Wall seconds, processor seconds and the machine.
    """

    results: list[Mapping[str, Any]] | None
    failed: str | None
    cost: Mapping[str, Any]


def attempt(function: JobFunction, job: Job) -> Attempt:
    """Do a job on one thread; whatever it raises becomes its reason.

    Args:
        function: Turns the job into rows.
        job: The job.
    """
    from threadpoolctl import threadpool_limits

    _leave_interrupts_to_the_parent()
    wall, processor = time.perf_counter(), time.process_time()
    results, failed = None, None
    try:
        with threadpool_limits(limits=1):
            results = json.loads(canonical([dict(result) for result in function(job)]))
        if not results:
            results, failed = None, "it returned no rows"
    except InputError as error:
        failed = str(error)
    except Exception as error:  # one job's failure must not stop the others
        failed = _reason(error)
    cost = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - processor, "machine": machine()}
    return Attempt(results, failed, {k: round(v, 3) if isinstance(v, float) else v for k, v in cost.items()})


def lost(reason: str) -> Attempt:
    """What became of a job whose process died."""
    return Attempt(None, reason, {})


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; a worker that it kills would look like a job that failed."""
    if multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _reason(error: Exception) -> str:
    """Kind, first line of the message, and where it was raised."""
    lines = str(error).splitlines()
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = f": {lines[0]}" if lines else ""
    return f"{type(error).__name__}{said}"[:_LENGTH] + f" ({Path(place.filename).name}, line {place.lineno})"
