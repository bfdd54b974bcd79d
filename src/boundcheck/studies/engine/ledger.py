"""The folder of a study: ``plan.json``, and ``rows.jsonl``, to which the rows of a finished job are appended at once.

Whatever kills the writer leaves whole jobs and at most one torn one at the end, which is recognised and done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boundcheck.errors import InputError
from boundcheck.files import check_writable, write_whole
from boundcheck.studies.engine.plan import Job, Plan, canonical

FORMAT = "boundcheck-row/1"
PLAN, ROWS, _LOCK = "plan.json", "rows.jsonl", ".lock"


@dataclass(frozen=True)
class Row:
    """One line of what a study found.

    Attributes:
        job: Key of the job.
        row: Number among the rows of the job.
        of: Number of rows of the job.
        config: The job.
        result: What the function returned, or ``None`` where the job failed.
        failed: Why it failed, or ``None``.
        cost: ``seconds`` (wall), ``cpu_seconds`` and ``machine``: the only part that differs from run to run.
    """

    job: str
    row: int
    of: int
    config: Job
    result: Mapping[str, Any] | None
    failed: str | None
    cost: Mapping[str, Any]

    def line(self, version: str) -> str:
        """The line of ``rows.jsonl``, its end included."""
        return canonical({"format": FORMAT, "boundcheck": version, **vars(self)}) + "\n"


@dataclass
class Ledger:
    """A folder that is open for writing.

    Attributes:
        folder: Where it is.
        plan: Its plan.
        finished: Keys of the jobs whose rows are there.
    """

    folder: Path
    plan: Plan
    finished: set[str] = field(default_factory=set)

    def append(self, key: str, results: Sequence[Mapping[str, Any]] | None, failed: str | None, cost: Mapping[str, Any]) -> None:
        """Keep what a job returned, or why it failed; on the disk when this returns.

        Raises:
            InputError: The rows can't be written.
        """
        config, parts = self.plan.jobs[key], [None] if results is None else results
        rows = [Row(key, i, len(parts), config, part, failed, cost) for i, part in enumerate(parts)]
        data = "".join(row.line(self.plan.version) for row in rows).encode()
        try:
            with (self.folder / ROWS).open("ab", buffering=0) as file:
                if file.write(data) != len(data):
                    raise OSError(None, "only a part of a row was taken")
                os.fsync(file.fileno())
        except OSError as error:
            got = f"{self.folder / ROWS} ({error.strerror})"
            raise InputError("rows that can be written", got, "make room; finished jobs are kept, repeat the command") from error
        self.finished.add(key)


@contextmanager
def open_ledger(out: str | os.PathLike[str], plan: Plan, *, retry_failed: bool = False) -> Iterator[Ledger]:
    """Open a folder for one writer: made if it is not there, refused if it holds something else.

    Args:
        out: The folder.
        plan: What is going to be written.
        retry_failed: Whether jobs that failed count as missing.

    Raises:
        InputError: The folder holds another plan, rows that are no rows, or another process writes to it.
    """
    from filelock import FileLock, Timeout

    folder = Path(out)
    check_plan(folder, plan)
    _make(folder)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        wait = "wait until it is done, or choose another --out"
        raise InputError("an --out folder that no other process writes to", str(folder), wait) from None
    try:
        check_plan(folder, plan)  # another process may have made it its own in between
        if not (folder / PLAN).exists():
            write_whole(folder / PLAN, plan.to_json())
        kept = [row for row in _whole_jobs(folder) if not (retry_failed and row.failed is not None)]
        lines = "".join(row.line(plan.version) for row in kept)
        if (folder / ROWS).exists() and (folder / ROWS).read_bytes() != lines.encode():
            write_whole(folder / ROWS, lines)
        yield Ledger(folder, plan, {row.job for row in kept})
    finally:
        lock.release()


def check_plan(folder: Path, plan: Plan) -> None:
    """Refuse a folder that holds rows of another plan.

    Raises:
        InputError: It does, or is none.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder in --out", f"a file, {folder}", "choose another name")
    if not (folder / PLAN).exists():
        if (folder / ROWS).exists():
            raise InputError(f"rows with their {PLAN} in --out", f"{folder}, which has rows without it", "choose another --out")
        return
    found = read_plan(folder)
    if found.sha256 == plan.sha256:
        return
    if found.version != plan.version:
        got = f"{folder}, whose rows are of version {found.version}"
    elif found.function != plan.function:
        got = f"{folder}, whose rows are of another study ({found.function})"
    else:
        shared = len(found.jobs.keys() & plan.jobs.keys())
        got = f"{folder}, of whose {len(found.jobs)} jobs {shared} are among these {len(plan.jobs)}"
    advice = "choose another --out, or repeat the command that made it"
    raise InputError("an --out folder of the same plan, or a new one", got, advice)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("a folder that can be made in --out", f"{folder} ({error.strerror})", "choose another place") from None
    check_writable([folder / PLAN])


def read_plan(folder: str | os.PathLike[str]) -> Plan:
    """The plan of a folder.

    Raises:
        InputError: It has none, or the file is damaged.
    """
    path = Path(folder) / PLAN
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"a folder with a {PLAN}", f"{path} ({error.strerror})", "name a folder that a study wrote") from None
    except ValueError as error:
        raise InputError("the plan of a study", f"{path}: {error}", "choose another folder") from None


def read_rows(folder: str | os.PathLike[str]) -> list[Row]:
    """The rows of all finished jobs, in the order of the plan, whatever the order in which they were written.

    Raises:
        InputError: The folder is none of a study, or a row is damaged.
    """
    plan, rows = read_plan(folder), _whole_jobs(Path(folder))
    order = {key: i for i, key in enumerate(plan.jobs)}
    strange = next((row.job for row in rows if row.job not in order), None)
    if strange is not None:
        raise InputError(f"rows of the plan in {folder}", f"a row of another job, {strange}", "put back the plan they are of")
    return sorted(rows, key=lambda row: (order[row.job], row.row))


def _whole_jobs(folder: Path) -> list[Row]:
    """The rows of jobs all of whose rows are there, as they were written; a torn end is left out."""
    path = folder / ROWS
    if not path.exists():
        return []
    *whole, _ = path.read_bytes().split(b"\n")  # what follows the last line end is nothing, or torn
    rows = [_parsed(line, path, number) for number, line in enumerate(whole, start=1)]
    count: dict[str, int] = {}
    for row in rows:
        count[row.job] = count.get(row.job, 0) + 1
    return [row for row in rows if count[row.job] == row.of]


def _parsed(line: bytes, path: Path, number: int) -> Row:
    try:
        content = json.loads(line)
        if content.pop("format") != FORMAT:
            raise ValueError("format")
        content.pop("boundcheck")
        return Row(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        got = f"line {number} of {path}, which is none ({type(error).__name__})"
        raise InputError(f"rows of format {FORMAT}", got, "take the line out: its job is then done again") from None
