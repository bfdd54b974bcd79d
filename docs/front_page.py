"""The parts of the front page that are made from rows: reports of the experiments and timings."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

from rich.console import Console

from boundcheck.report import Comparison, Report

_PART = re.compile(r"<!-- rows: (?P<kind>\w+) (?P<names>[\w.,/-]+) -->\n.*?<!-- /rows -->", re.DOTALL)
_WIDTH = 100
_FOOTNOTES = re.compile(r"\nAssumed, as no program can check it:.*", re.DOTALL)


def filled(text: str, root: Path) -> str:
    """The page with every part between ``<!-- rows: KIND NAMES -->`` and ``<!-- /rows -->`` renewed.

    Args:
        text: The page.
        root: Folder that the names are relative to; names are joined by commas.
    """

    def renewed(found: re.Match[str]) -> str:
        paths = [root / name for name in found["names"].split(",")]
        body = {"report": _report, "comparison": _comparison, "timings": _timings}[found["kind"]](paths)
        return f"<!-- rows: {found['kind']} {found['names']} -->\n{body}<!-- /rows -->"

    return _PART.sub(renewed, text)


def _report(paths: list[Path]) -> str:
    """What the terminal shows, less the list of assumptions, which the page of each theorem has."""
    shown = _FOOTNOTES.sub("", _printed(Report.from_json(paths[0])))
    return f"```text\n{shown}\n```\n"


def _comparison(paths: list[Path]) -> str:
    left, right = (Report.from_json(path) for path in paths)
    return f"```text\n{_printed(Comparison(left, right, ('true labels', 'random labels')))}\n```\n"


def _printed(item: object) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=_WIDTH, color_system=None, force_terminal=False).print(item)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())


def _timings(paths: list[Path]) -> str:
    """The last row of each command."""
    rows = {row["what"]: row for row in map(json.loads, paths[0].read_text(encoding="utf-8").splitlines())}
    lines = ["| command | median | peak memory |", "|---|---:|---:|"]
    lines += [f"| `{r['command']}` | {r['seconds_median']:.2f} s | {r['peak_gib']:.2f} GiB |" for r in rows.values()]
    machine = next(reversed(rows.values()))["machine"]
    lines += [
        "",
        f"{machine['cores']} cores of an {machine['processor']}, {machine['memory_gib']:.0f} GiB, Python {machine['python']}.",
    ]
    return "\n".join(lines) + "\n"
