"""What a command shows while it works and where it prints when it is done."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from boundcheck.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 1.0  # seconds of work before a bar appears


def console(json_file: str | None) -> Console:
    """Where tables and sentences go: standard output, unless JSON goes there and nothing else may."""
    from rich.console import Console

    return Console(stderr=json_file == "-", highlight=False)


def deliver_json(target: str, text: str) -> None:
    """Write JSON to a file, whole or not at all, or to standard output."""
    from boundcheck.files import write_whole

    if target == "-":
        print(text.rstrip("\n"))
    else:
        write_whole(target, text)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on standard error that appears after a second, and only on a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    task = bar.add_task("starting", total=1.0)
    patience = threading.Timer(_PATIENCE, bar.start)  # work that tells nothing for long shows its bar all the same
    patience.daemon = True
    patience.start()

    def tell(what: str, fraction: float) -> None:
        bar.update(task, description=what, completed=fraction)

    try:
        yield tell
    finally:
        patience.cancel()
        patience.join()
        bar.stop()
