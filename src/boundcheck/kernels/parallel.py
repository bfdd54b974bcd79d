"""Large tasks side by side on threads, each with the linear algebra library on one thread.

The library's own threads wait for each other by spinning; on a machine that has other work to do that costs several times the
work itself. Tasks of a tenth of a second or more, as blocks of a Gram matrix are, need no such waiting. NumPy lets go of the
interpreter while it multiplies and takes exponentials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from threadpoolctl import threadpool_info, threadpool_limits

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Workers:
    """Threads that take tasks.

    Attributes:
        count: How many.
        pool: The executor; ``None`` for one worker, the caller.
    """

    count: int
    pool: ThreadPoolExecutor | None

    def map(self, function: Callable[[T], S], tasks: Iterable[T]) -> Iterator[S]:
        """Results in the order of the tasks."""
        return map(function, tasks) if self.pool is None else self.pool.map(function, tasks)


def library_threads() -> int:
    """Threads that the linear algebra library would use: what OMP_NUM_THREADS and its kin say, else one a core."""
    found = [int(library["num_threads"]) for library in threadpool_info() if library["user_api"] == "blas"]
    return max(found, default=1)


@contextmanager
def workers(count: int | None = None) -> Iterator[Workers]:
    """Workers, while the linear algebra library is held to one thread.

    Args:
        count: How many; as many as the library would use when ``None``.
    """
    many = library_threads() if count is None else count
    with threadpool_limits(limits=1, user_api="blas"):
        if many <= 1:
            yield Workers(1, None)
            return
        pool = ThreadPoolExecutor(many)
        try:
            yield Workers(many, pool)
        finally:
            pool.shutdown(cancel_futures=True)
