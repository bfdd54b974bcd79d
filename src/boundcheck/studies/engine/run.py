"""The engine: jobs in this process, in processes of this machine, or on a Dask cluster; the same rows come out."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

from boundcheck.progress import Progress, silent
from boundcheck.studies.engine.attempt import Attempt, attempt, lost
from boundcheck.studies.engine.cluster import check_address, on_cluster
from boundcheck.studies.engine.ledger import Row, check_plan, open_ledger, read_rows
from boundcheck.studies.engine.plan import Job, JobFunction, Plan

_DIED = "its process died, once beside others and once alone: killed from outside, or out of memory"


def run_jobs(
    function: JobFunction,
    jobs: Iterable[Job],
    out: str | os.PathLike[str],
    *,
    workers: int = 1,
    dask: str | None = None,
    retry_failed: bool = False,
    progress: Progress = silent,
) -> list[Row]:
    """Do the jobs of a plan whose rows are not in the folder yet, and return the rows of all.

    Args:
        function: Turns a job into rows; at the top of a module, pure: what it returns depends on the job alone.
        jobs: Different from each other.
        out: Folder with ``plan.json`` and ``rows.jsonl``; made if it is not there.
        workers: Processes of one thread each; 1 works in this process.
        dask: ``tcp://HOST:PORT`` of a running scheduler, or ``local:N`` for N processes behind a scheduler of their own.
        retry_failed: Do jobs again that failed in an earlier run.
        progress: Told how many jobs are finished.

    Returns:
        Rows in the order of the plan; those of failed jobs carry the reason.

    Raises:
        InputError: The folder holds another plan or is written to by another process, or the cluster can't be reached.
        ValueError: No jobs, equal jobs, or a function that no other process can import.
    """
    plan = Plan.of(function, jobs)
    if dask is not None:
        check_address(dask)
    with open_ledger(out, plan, retry_failed=retry_failed) as ledger:

        def tell() -> None:
            done, total = len(ledger.finished), len(plan.jobs)
            progress(f"{done} of {total} jobs", done / total)

        todo = [(key, job) for key, job in plan.jobs.items() if key not in ledger.finished]
        tell()
        attempts: Generator[tuple[str, Attempt]]
        if dask is not None and todo:
            attempts = on_cluster(function, todo, dask)
        elif workers == 1:
            attempts = ((key, attempt(function, job)) for key, job in todo)
        else:
            attempts = _in_processes(function, todo, workers)
        with closing(attempts):
            for key, made in attempts:
                ledger.append(key, made.results, made.failed, made.cost)
                tell()
    return read_rows(out)


def check_folder(function: JobFunction, jobs: Iterable[Job], out: str | os.PathLike[str]) -> None:
    """Refuse, before anything is said or done, a folder that holds rows of another plan.

    Args:
        function: As :func:`run_jobs`.
        jobs: The same.
        out: The same.

    Raises:
        InputError: The folder holds something else.
    """
    check_plan(Path(out), Plan.of(function, jobs))


def _in_processes(function: JobFunction, todo: Iterable[tuple[str, Job]], workers: int) -> Generator[tuple[str, Attempt]]:
    """Attempts in the order in which they end. When a process dies, each job that was under way is tried once more, alone."""
    waiting, under_way = deque(todo), dict[str, Job]()

    def handed_out() -> Iterator[tuple[str, Job]]:
        while waiting:
            key, job = waiting.popleft()
            under_way[key] = job
            yield key, job

    while waiting:
        try:
            for key, made in _pool(function, handed_out(), workers):
                del under_way[key]
                yield key, made
        except BrokenProcessPool:
            for key, job in under_way.items():
                yield key, _alone(function, key, job)
            under_way.clear()


def _alone(function: JobFunction, key: str, job: Job) -> Attempt:
    try:
        ((_, made),) = _pool(function, [(key, job)], 2)  # with 1, joblib would work in this process and die with it
    except BrokenProcessPool:
        return lost(_DIED)
    return made


def _pool(function: JobFunction, jobs: Iterable[tuple[str, Job]], workers: int) -> Generator[tuple[str, Attempt]]:
    """Attempts by processes of one thread each; no more jobs are handed out than there are processes."""
    from joblib import Parallel, delayed, parallel_config

    with warnings.catch_warnings(), parallel_config(backend="loky", inner_max_num_threads=1):
        # Said of what an interrupt cuts short; the jobs that were lost by it are done when the command is repeated.
        warnings.filterwarnings("ignore", "[0-9]+ tasks (have been|which were still)", UserWarning)
        work = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch=workers)
        yield from work(delayed(_keyed)(function, key, job) for key, job in jobs)


def _keyed(function: JobFunction, key: str, job: Job) -> tuple[str, Attempt]:
    return key, attempt(function, job)
