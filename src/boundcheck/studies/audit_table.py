"""Tables of an audit from its rows, as Markdown: by family, by theorem, and every cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

AuditRow = Mapping[str, Any]
"""One line of ``rows.jsonl``: the fields of :class:`boundcheck.studies.audit.Row` and what is common to the audit."""


def read_rows(path: Path) -> list[AuditRow]:
    """Rows of an audit.

    Args:
        path: A file with a JSON object a line.
    """
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def whole_page(rows: Sequence[AuditRow], theorems: Iterable[str]) -> str:
    """By theorem, then every cell.

    Args:
        rows: Those of one audit.
        theorems: Names in the catalogue.
    """
    head = (
        f"{opening(rows, theorems)}\n\n"
        "Of each theorem the first table shows the setting in which it misses most often, or comes closest to a miss. Interval: "
        "of the probability of a miss, exact, at the shared level. Ratio: the smallest of a number to the true risk without a "
        "miss, in any setting.\n"
    )
    cells = (
        "Misses over trials in each setting; `n/a` where the theorem said that it does not apply, nothing where the setting does "
        "not know the risk that it speaks of; bold where misses exceed delta.\n"
    )
    return "\n".join((head, by_theorem(rows), cells, by_setting(rows)))


def opening(rows: Sequence[AuditRow], theorems: Iterable[str]) -> str:
    """How many trials of what, in a sentence or two, and which theorems these rows say nothing of.

    Args:
        rows: Those of one audit.
        theorems: Names in the catalogue.
    """
    audited, settings = _distinct(rows, "theorem"), _distinct(rows, "setting")
    failed = sorted({row["theorem"] for row in rows if not row["holds"]})
    says = f"{len(audited)} theorems, {len(settings)} settings, {rows[0]['trials']} trials each, delta = {rows[0]['delta']:g}. "
    if failed:
        says += f"Misses exceed delta: {', '.join(failed)}."
    else:
        says += "No theorem misses more often than delta allows, "
        says += f"at a level of {rows[0]['level']:g} shared by {len(rows)} cells."
    absent = not_yet(rows, theorems)
    return f"{says} Not in these rows yet: {', '.join(absent)}." if absent else says


def not_yet(rows: Iterable[AuditRow], theorems: Iterable[str]) -> list[str]:
    """Theorems that applied in no row: newer than the audit, or not at home in any of its settings.

    Args:
        rows: Those of one audit.
        theorems: Names in the catalogue.
    """
    applied = {row["theorem"] for row in rows if row["applicable"]}
    return [name for name in theorems if name not in applied]


def by_theorem(rows: Sequence[AuditRow]) -> str:
    """One line for each theorem."""
    lines = ["| theorem | setting | trials | applies | misses | rate | interval | delta | ratio |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in _distinct(rows, "theorem"):
        mine = [row for row in rows if row["theorem"] == name]
        row = worst(mine)
        shown = f"| {name} | {row['setting']} | {row['trials']} | {row['applicable']} | {row['misses']} | {row['rate']:.3f} | "
        lines.append(f"{shown}{_interval(row)} | {row['delta']:g} | {_ratio(mine)} |")
    return "\n".join(lines) + "\n"


def by_setting(rows: Sequence[AuditRow]) -> str:
    """One line for each theorem, one column for each setting."""
    settings = _distinct(rows, "setting")
    cells = {(row["theorem"], row["setting"]): row for row in rows}
    lines = ["| theorem | " + " | ".join(settings) + " |", "|---|" + "---:|" * len(settings)]
    lines += [
        "| " + " | ".join([name, *(_cell(cells.get((name, at))) for at in settings)]) + " |"
        for name in _distinct(rows, "theorem")
    ]
    return "\n".join(lines) + "\n"


def by_family(rows: Sequence[AuditRow], families: Mapping[str, str]) -> str:
    """One line for each family of theorems, with the theorem and setting that miss most often.

    Args:
        rows: Those of one audit.
        families: The family of each theorem, in the order of the table.
    """
    lines = ["| family | theorems | trials that apply | misses | most often | rate | interval | ratio |"]
    lines.append("|---|---:|---:|---:|---|---:|---:|---:|")
    for family in dict.fromkeys(families.values()):
        mine = [row for row in rows if families.get(row["theorem"]) == family]
        if not mine:
            continue
        row, missed = worst(mine), sum(row["misses"] for row in mine)
        place = f"{row['theorem']} ({row['setting']})" if missed else "none"
        counts = f"{len(_distinct(mine, 'theorem'))} | {sum(row['applicable'] for row in mine)} | {missed}"
        lines.append(f"| {family} | {counts} | {place} | {row['rate']:.3f} | {_interval(row)} | {_ratio(mine)} |")
    return "\n".join(lines) + "\n"


def worst(rows: Iterable[AuditRow]) -> AuditRow:
    """The row with the highest rate; without misses, the one that comes closest to the true risk."""

    def closeness(row: AuditRow) -> tuple[float, bool, float]:
        return row["rate"], row["applicable"] > 0, -(row["tightest"] if row["tightest"] is not None else float("inf"))

    return max(rows, key=closeness)


def _distinct(rows: Iterable[AuditRow], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def _interval(row: AuditRow) -> str:
    return f"{row['interval'][0]:.3f}–{row['interval'][1]:.3f}"


def _ratio(rows: Iterable[AuditRow]) -> str:
    known = [row["tightest"] for row in rows if row["tightest"] is not None]
    return f"{min(known):.2f}" if known else ""


def _cell(row: AuditRow | None) -> str:
    if row is None:
        return ""
    if row["applicable"] == 0:
        return "n/a"
    text = f"{row['misses']} / {row['trials']}"
    return text if row["holds"] else f"**{text}**"
