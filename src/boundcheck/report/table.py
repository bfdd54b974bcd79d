"""The report in a terminal."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from boundcheck.report import ledger, rows
from boundcheck.report.display import closest, downward, upward
from boundcheck.theorem import Status

if TYPE_CHECKING:
    from boundcheck.report.comparison import Comparison
    from boundcheck.report.report import Report

_STYLES = {Status.NON_VACUOUS: "bold green", Status.VACUOUS: "red", Status.NOT_APPLICABLE: "dim"}
_WIDTHS = (80, 120)
_ROOMY = 96  # columns from which the largest term of a bound fits on its line


def table(report: Report) -> RenderableType:
    """Head, measured errors, bounds, reasons where there is no bound, and what a reader has to know."""
    parts: list[RenderableType] = [_head(report), Text(), *(Text(line) for line in measured_lines(report))]
    applicable = rows.rows(report.certificates, applicable=True)
    if applicable:
        parts += [Text(), _Bounds(applicable)]
    reasons = rows.rows(report.certificates, applicable=False)
    if reasons:
        parts += [Text(), _reasons(reasons)]
    if report.measures:
        parts += [Text(), _measures(report)]
    parts.append(_footnotes(report, bool(applicable)))
    if report.joint:
        parts += [Text(), _Ledger(report), Text(ledger.opening())]
    return Group(*parts)


def as_text(item: object) -> str:
    """Anything rich can show, as text without colours, as wide as the terminal within 80 to 120 columns."""
    width = min(max(shutil.get_terminal_size((100, 24)).columns, _WIDTHS[0]), _WIDTHS[1])
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(item)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def measured_lines(report: Report) -> list[str]:
    """The measured errors in words."""
    e, held = report.errors, report.held_out
    lines = [f"train error  {closest(e.train_error)}  ({e.errors} of {e.n})"]
    if held is None:
        return [*lines, "test error   not measured: there is no held-out sample"]
    count = str(held.errors) if isinstance(held.errors, int) else f"{round(held.errors, 1):g} expected"
    low, high = downward(held.interval[0], 4), upward(held.interval[1], 4)
    level = rows.level_text(report.delta)
    lines.append(f"test error   {closest(held.error)}  ({count} of {held.n}), {level} interval [{low}, {high}]")
    if report.problem.corruption > 0.0:
        lines.append(f"  on clean labels  {closest(held.clean_error)}  ({e.test_errors} of {held.n})")
    return lines


def comparison_table(comparison: Comparison) -> RenderableType:
    """Two reports beside each other: measured errors, then each bound on both sides, then the verdict."""
    parts: list[RenderableType] = []
    for title, report in zip(comparison.titles, comparison.reports, strict=True):
        parts += [Text(title, style="bold"), *(Text(f"  {line}") for line in measured_lines(report))]
    shown = _ruled()
    shown.add_column("bound", no_wrap=True)
    for title in comparison.titles:
        shown.add_column(title, justify="right")  # a title may wrap, a value has no space to wrap at
        shown.add_column("", no_wrap=True)
    absent = []
    for pair in comparison.pairs:
        if not pair.has_value:
            absent.append(pair.name)
            continue
        cells: list[RenderableType] = []
        for row in pair.sides:
            cells += ["", ""] if row is None else [row.value, Text(row.verdict, style=_STYLES[row.certificate.status])]
        shown.add_row(Text(pair.name), *cells)
    parts += [Text(), shown, Text(), Text(comparison.verdict)]
    parts += [Text(sentence) for sentence in dict.fromkeys(rows.confidence(report) for report in comparison.reports)]
    if absent:
        parts.append(Text("Not applicable: " + ", ".join(absent) + "."))
    return Group(*parts)


def _head(report: Report) -> Text:
    p = report.provenance
    head = Text.assemble((p.model, "bold"), " on ", (p.data, "bold"), f", labels {p.labels}")
    head.append(f"; {p.parameters} parameters; reference {p.reference}; n = {report.problem.n}", style="dim")
    if p.checkpoint is not None:
        head.append(f"; {p.checkpoint}", style="dim")
    return head


def _ruled() -> Table:
    return Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)


@dataclass(frozen=True)
class _Bounds:
    """The bounds, with the largest term of each where the screen has room for it."""

    found: tuple[rows.Row, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        roomy = options.max_width >= _ROOMY
        shown = _ruled()
        for title in ("bound", "about", "value", "verdict", "measured", *(["largest term"] if roomy else [])):
            number = title in ("value", "measured")
            shown.add_column(title, justify="right" if number else "left", no_wrap=title != "largest term")
        for row in self.found:
            c = row.certificate
            verdict = Text(row.verdict, style=_STYLES[c.status])
            term = [Text(rows.dominant_term(c) or "")] if roomy else []
            shown.add_row(Text(c.name), c.about, row.value, verdict, row.measured, *term)
        yield shown


def _reasons(found: tuple[rows.Row, ...]) -> Table:
    shown = _ruled()
    shown.add_column("not applicable", no_wrap=True)
    shown.add_column("because", overflow="fold")
    before: str | None = None
    for row in found:
        why = row.certificate.why or ""
        shown.add_row(Text(row.certificate.name), Text("as above" if why and why == before else why))
        before = why
    return shown


def _measures(report: Report) -> Table:
    """Two measures a line."""
    shown = _ruled()
    for title in ("measure, no bound", ""):
        shown.add_column(title, no_wrap=True)
        shown.add_column("value" if title else "", justify="right", no_wrap=True)
    half = (len(report.measures) + 1) // 2
    cells = [(Text(name), closest(value, 4)) for name, value in report.measures]
    for i in range(half):
        shown.add_row(*cells[i], *(cells[i + half] if i + half < len(cells) else ()))
    return shown


@dataclass(frozen=True)
class _Ledger:
    """One budget: each theorem a line, each purpose a column; the grids paid inside where the screen has room for them."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        roomy = options.max_width >= _ROOMY
        shown, kinds = _ruled(), ledger.purposes(self.report)
        shown.add_column("ledger of delta", no_wrap=True)
        for title in ("share", *kinds):
            shown.add_column(title, justify="right", no_wrap=True)
        if roomy:
            shown.add_column("grids paid inside", overflow="fold")
        for line in ledger.lines(self.report):
            cells = ["" if kind not in line.shares else closest(line.shares[kind], 3) for kind in kinds]
            grids = [Text(", ".join(line.grids))] if roomy else []
            shown.add_row(Text(line.name), closest(line.delta, 3), *cells, *grids)
        yield shown


def _footnotes(report: Report, any_value: bool) -> RenderableType:
    total = sum(c.status is not Status.NOT_APPLICABLE for c in report)
    sentences = (rows.summary(report), rows.confidence(report), rows.thresholds(report).capitalize() + ".")
    lines: list[RenderableType] = [Text(sentence) for sentence in sentences]
    assumed = rows.assumptions(report) if any_value else ()
    if assumed:
        lines.append(Text("Assumed, as no program can check it:"))
        lines += [_item(f"{says} ({rows.assumed_by(names, total)})") for says, names in assumed]
    remarks = rows.remarks(report)
    if remarks:
        lines.append(Text("Note:"))
        lines += [_item(remark) for remark in remarks]
    return Padding(Group(*lines), (1, 0, 0, 0))


def _item(text: str) -> Table:
    """A list item whose later lines are indented."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("-", Text(text))
    return grid
