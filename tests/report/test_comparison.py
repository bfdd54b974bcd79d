"""Two reports side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from boundcheck.errors import InputError
from boundcheck.report import Comparison, Report
from boundcheck.theorem import Certificate, Status


@pytest.fixture(name="comparison")
def _comparison(report: Report, random_report: Report) -> Comparison:
    return Comparison(report, random_report)


def _with(report: Report, *statuses: Status) -> Report:
    first: Certificate = report.certificates[0]
    made = tuple(dataclasses.replace(first, name=f"a{i}", status=status) for i, status in enumerate(statuses))
    return dataclasses.replace(report, certificates=made)


def test_the_verdict_counts(comparison: Comparison) -> None:
    assert comparison.verdict == "On true labels 5 of 9 bounds are vacuous; on random labels all 9 bounds are vacuous."


@pytest.mark.parametrize(
    "statuses, words",
    [
        ((), "no bound is applicable"),
        ((Status.NOT_APPLICABLE,), "no bound is applicable"),
        ((Status.VACUOUS,), "the one applicable bound is vacuous"),
        ((Status.NON_VACUOUS,), "the one applicable bound is not vacuous"),
        ((Status.NON_VACUOUS, Status.NON_VACUOUS), "none of 2 bounds is vacuous"),
        ((Status.NON_VACUOUS, Status.VACUOUS, Status.NOT_APPLICABLE), "1 of 2 bounds is vacuous"),
    ],
)
def test_the_verdict_is_a_sentence(report: Report, statuses: tuple[Status, ...], words: str) -> None:
    side = _with(report, *statuses)
    assert Comparison(side, side, ("A", "B")).verdict == f"On A {words}; on B {words}."


def test_theorems_of_either_side_are_kept(report: Report, random_report: Report) -> None:
    left = dataclasses.replace(report, certificates=report.certificates[:3])
    right = dataclasses.replace(random_report, certificates=random_report.certificates[2:])
    pairs = Comparison(left, right).pairs
    assert [p.name for p in pairs] == [c.name for c in report]
    assert pairs[0].right is None
    assert pairs[5].left is None
    assert pairs[2].left is not None
    assert pairs[2].right is not None
    text = str(Comparison(left, right))
    assert all(c.name in text for c in report)
    Comparison(left, right).plot()
    Comparison(left, right).to_html()


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_table_holds_both_values(comparison: Comparison, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = {line.split()[0]: line.split() for line in str(comparison).splitlines() if line.strip()}
    assert lines["langford2005testset"][1:] == ["0.0185", "non-vacuous", "0.946", "vacuous"]
    assert max(map(len, str(comparison).splitlines())) <= int(columns)


def test_page_and_figure_are_written(comparison: Comparison, tmp_path: Path) -> None:
    text = comparison.to_html(tmp_path / "c.html")
    comparison.plot(tmp_path / "c.png")
    assert (tmp_path / "c.html").read_text(encoding="utf-8") == text
    assert comparison.verdict in text
    assert text.count('<details class="bound">') == 22
    assert "src=" not in text
    with pytest.raises(InputError):
        comparison.plot(tmp_path / "c.gif")
    with pytest.raises(InputError):
        comparison.to_html(tmp_path)


def test_identifiers_are_unique_in_the_page(comparison: Comparison) -> None:
    import re

    found = re.findall(r'\sid="([^"]*)"', comparison.to_html())
    assert len(found) == len(set(found))


def test_marks_are_filled_only_where_non_vacuous(comparison: Comparison) -> None:
    axes = comparison.plot().axes[0]
    filled = [
        line.get_markerfacecolor() != "none"
        for line in axes.lines
        if line.get_marker() in ("o", "s") and line.get_ydata()[0] > -0.5
    ]
    assert filled.count(True) == 4
    assert filled.count(False) == 7 * 2 - 4
