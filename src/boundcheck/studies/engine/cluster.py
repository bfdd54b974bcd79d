"""Jobs on a Dask cluster: the extra ``boundcheck[dask]``."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from typing import Any

from boundcheck.errors import InputError
from boundcheck.studies.engine.attempt import Attempt, attempt, lost
from boundcheck.studies.engine.plan import Job, JobFunction

_PATIENCE = 30  # seconds until a scheduler that does not answer is given up
_LOCAL = "local:"


def check_address(address: str) -> int | None:
    """The number of processes in ``local:N``, ``None`` for the address of a scheduler.

    Raises:
        InputError: It is neither.
    """
    if address.startswith(("tcp://", "tls://", "ucx://")):
        return None
    count = address.removeprefix(_LOCAL)
    if not address.startswith(_LOCAL) or not count.isdecimal() or int(count) < 1:
        raise InputError("tcp://HOST:PORT or local:N in --dask", repr(address), "write for example --dask tcp://10.0.0.1:8786")
    return int(count)


def on_cluster(function: JobFunction, todo: Iterable[tuple[str, Job]], address: str) -> Generator[tuple[str, Attempt]]:
    """Attempts in the order in which they end; a job whose worker died is done by another one, as the scheduler allows.

    Args:
        function: Turns a job into rows; the workers have to be able to import it.
        todo: Jobs by their keys.
        address: ``tcp://HOST:PORT`` of a scheduler, or ``local:N``.

    Raises:
        InputError: Dask is not installed, the scheduler does not answer, or it goes away.
    """
    processes = check_address(address)
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise InputError("Dask, for --dask", "none", "pip install 'boundcheck[dask]', or leave --dask out") from None
    with ExitStack() as stack:
        where: Any = address if processes is None else stack.enter_context(_local(processes))
        try:
            client: Any = stack.enter_context(Client(where, timeout=_PATIENCE, set_as_default=False))  # type: ignore[no-untyped-call]
        except OSError as error:
            advice = "start one with 'dask scheduler', or leave --dask out"
            raise InputError("a Dask scheduler that answers", f"{address} ({type(error).__name__})", advice) from None
        # pure=False: the scheduler must not answer with what another client's function of the same name returned.
        pending = {client.submit(attempt, function, job, pure=False): key for key, job in todo}
        stack.callback(lambda: client.cancel(list(pending)))  # on an interrupt nobody waits for the rest
        for future in as_completed(list(pending), loop=client.loop):  # type: ignore[no-untyped-call]
            key = pending.pop(future)
            if future.status == "finished":
                yield key, future.result()
            elif future.status == "error":
                why = future.exception()
                yield key, lost(f"its worker died or could not run it: {type(why).__name__}: {why}")
            else:
                got = f"{address}, which went away"
                raise InputError("a Dask scheduler that stays", got, "repeat the command when it is back; finished jobs are kept")
            future.release()


def _local(processes: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=processes, threads_per_worker=1, processes=True, dashboard_address=None
    )
