"""The files that a report is written to: refused before any work where they can't be, written whole after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from boundcheck.cli.screen import console, deliver_json
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from boundcheck.evidence.record import Evidence
    from boundcheck.report.report import Report

Outputs = Mapping[str, str | None]
"""Paths by option: ``--json``, ``--latex``, ``--html``, ``--plot`` and ``--evidence``."""


def check_outputs(outputs: Outputs, inputs: Iterable[str | None] = ()) -> None:
    """Refuse, before any work, outputs that can't be written or would overwrite what is read.

    Args:
        outputs: Where the report goes.
        inputs: Paths that are read.

    Raises:
        InputError: One of them can't be used.
    """
    from boundcheck.files import check_writable

    read = {os.path.realpath(path) for path in inputs if path is not None and "\0" not in path}
    for option, path in outputs.items():
        if path == "-" and option != "--json":
            raise InputError(f"a file in {option}", "'-'", "standard output takes --json alone")
        if path not in (None, "-") and "\0" not in str(path) and os.path.realpath(str(path)) in read:
            raise InputError(f"a new file in {option}", f"'{path}', which is read", "choose another name")
    check_writable([path for path in outputs.values() if path is not None and path != "-"])
    picture = outputs.get("--plot")
    if picture is not None:
        from boundcheck.report.plot import picture_format

        picture_format(picture)


def deliver(outputs: Outputs, report: Report, found: Evidence, text: str | None = None) -> None:
    """Print a report and write every file that was asked for.

    Args:
        outputs: Where it goes.
        report: The report.
        found: What was measured.
        text: The report as JSON, where it holds more than the report itself.
    """
    from boundcheck.files import write_whole

    json_file = outputs["--json"]
    console(json_file).print(report)
    if (path := outputs["--evidence"]) is not None:
        from boundcheck.evidence.serialize import to_json

        write_whole(path, to_json(found) + "\n")
    if (path := outputs["--latex"]) is not None:
        write_whole(path, report.to_latex())
    if (path := outputs["--html"]) is not None:
        write_whole(path, report.to_html())
    if (path := outputs["--plot"]) is not None:
        report.plot(path)
    if json_file is not None:
        deliver_json(json_file, report.to_json() if text is None else text)
