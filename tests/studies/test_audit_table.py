"""Tables of an audit: counts are those of the rows, nothing that failed goes unsaid."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.numerics import clopper_pearson
from boundcheck.studies.audit import LEVEL, Row
from boundcheck.studies.audit_table import by_family, by_setting, by_theorem, not_yet, opening, read_rows, whole_page, worst

AUDIT = Path(__file__).resolve().parents[2] / "experiments" / "audit"


def row(theorem: str, setting: str, misses: int, *, applicable: int = 100, tightest: float | None = 1.5) -> dict[str, Any]:
    interval = clopper_pearson(misses, 100, 2.0 * LEVEL / 3)
    made = Row(theorem, setting, 100, applicable, 0, misses, misses / 100, interval, 0.05, interval[0] <= 0.05, tightest)
    return {"level": LEVEL, **asdict(made)}


ROWS = [
    row("first", "a", 2, tightest=1.2),
    row("first", "b", 5),
    row("second", "a", 0, applicable=0, tightest=None),
    row("third", "b", 40),
]


def test_each_theorem_shows_the_setting_where_it_misses_most() -> None:
    first = next(line for line in by_theorem(ROWS).splitlines() if line.startswith("| first"))
    assert first.startswith("| first | b | 100 | 100 | 5 | 0.050 | ")
    assert first.endswith(" | 0.05 | 1.20 |")  # the smallest ratio of any setting
    assert worst(ROWS[:2])["setting"] == "b"
    assert worst([ROWS[2], row("second", "b", 0)])["setting"] == "b"


def test_every_cell_is_shown() -> None:
    lines = by_setting(ROWS).splitlines()
    assert lines[0] == "| theorem | a | b |"
    assert lines[2:] == ["| first | 2 / 100 | 5 / 100 |", "| second | n/a |  |", "| third |  | **40 / 100** |"]


def test_families_add_up() -> None:
    lines = by_family(ROWS, {"first": "x", "second": "y", "third": "x", "absent": "z"}).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| x | 2 | 300 | 47 | third (b) | 0.400 | ")
    assert lines[3].startswith("| y | 1 | 0 | 0 | none | 0.000 | ")


def test_a_failure_is_said() -> None:
    assert "Misses exceed delta: third." in opening(ROWS, ["first", "third"])
    assert "No theorem misses more often" in opening(ROWS[:3], ["first"])


def test_a_theorem_without_rows_is_named() -> None:
    """Newer than the audit, or never applicable in it: both say nothing of the theorem."""
    assert not_yet(ROWS, ["first", "second", "newest", "third"]) == ["second", "newest"]
    assert opening(ROWS, ["first", "second", "newest"]).endswith(" Not in these rows yet: second, newest.")
    assert "yet" not in opening(ROWS, ["first", "third"])
    assert whole_page(ROWS, ["newest"]).startswith(opening(ROWS, ["newest"]))


def test_the_committed_audit_found_nothing() -> None:
    rows = read_rows(AUDIT / "rows.jsonl")
    assert all(row["holds"] and row["trials"] >= 1000 for row in rows)
    assert {row["theorem"] for row in rows} <= set(CATALOGUE)
    assert (AUDIT / "table.md").read_text(encoding="utf-8") == whole_page(rows, CATALOGUE)


@pytest.mark.parametrize("mark", ["<!-- audit -->", "<!-- /audit -->"])
def test_a_page_without_marks_stays_as_it_is(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = AUDIT.parents[1] / "docs"
    monkeypatch.syspath_prepend(str(docs))
    from audit_part import with_audit

    assert with_audit(f"text {mark} text", AUDIT.parents[1]) == f"text {mark} text"
    filled = with_audit("a <!-- audit --> old <!-- /audit --> b", AUDIT.parents[1])
    assert filled.startswith("a <!-- audit -->\n")
    assert filled.endswith("<!-- /audit --> b")
    assert "| test-set | " in filled
    assert with_audit(filled, AUDIT.parents[1]) == filled
