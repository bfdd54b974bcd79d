"""The report as a mapping, as JSON, as a data frame and in the terminal."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats

from boundcheck.errors import InputError
from boundcheck.report import Report, ledger
from boundcheck.report.rows import PREDICTORS
from boundcheck.report.table import as_text, table
from boundcheck.theorem import ABOUT, FAMILIES, Status


def _strict(text: str) -> dict:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON number")

    return json.loads(text, parse_constant=refuse)


def test_it_is_a_mapping(report: Report) -> None:
    assert report["bartlett2017spectral"].value == 812.4
    assert "bartlett2017spectral" in report
    assert "bartlett" not in report
    assert len(list(report)) == len(report) == 11
    with pytest.raises(KeyError, match="did you mean 'bartlett2017spectral'"):
        report["bartlet2017spectral"]


def test_families_stand_in_their_order(report: Report) -> None:
    backwards = dataclasses.replace(report).certificates[::-1]
    again = Report(report.provenance, report.problem, report.errors, backwards, 0.05, False)
    assert [c.name for c in again] == [c.name for c in backwards]
    order = [FAMILIES.index(c.family) for c in report]
    assert order == sorted(order)


def test_what_spends_more_than_delta_is_refused(report: Report) -> None:
    with pytest.raises(ValueError, match="spend at most"):
        dataclasses.replace(report, joint=True)
    with pytest.raises(ValueError, match="spend at most"):
        dataclasses.replace(report, delta=0.01)
    with pytest.raises(ValueError, match="one certificate"):
        dataclasses.replace(report, certificates=report.certificates * 2)


def test_the_ledger_sums_to_delta(report: Report, joint_report: Report) -> None:
    assert report.ledger == ()
    assert [name for name, _ in joint_report.ledger] == [c.name for c in joint_report]
    # m shares delta / m, each rounded to nearest: m / 2 units in the last place of delta / m
    assert math.fsum(share for _, share in joint_report.ledger) == pytest.approx(0.05, rel=1e-15)


def test_a_reason_is_said_once_where_it_is_the_same(report: Report) -> None:
    absent = [c for c in report if c.status is Status.NOT_APPLICABLE]
    same = [dataclasses.replace(c, why="one and the same") for c in absent]
    text = as_text(table(dataclasses.replace(report, certificates=tuple(c for c in report if c not in absent) + tuple(same))))
    assert len(absent) > 1
    assert text.count("one and the same") == 1
    assert text.count("as above") == len(absent) - 1
    assert "as above" not in as_text(table(report))


def test_the_ledger_says_what_each_theorem_spends_on_what(report: Report, joint_report: Report) -> None:
    assert ledger.lines(report) == ()
    *each, total = ledger.lines(joint_report)
    with_value = [c.name for c in joint_report if c.status is not Status.NOT_APPLICABLE]
    assert [line.name for line in each[: len(with_value)]] == with_value
    assert [line.name for line in each[len(with_value) :]] == [f"not applicable ({len(joint_report) - len(with_value)})"]
    for line in (*each, total):
        assert math.fsum(line.shares.values()) == pytest.approx(line.delta, rel=1e-12)  # shares of shares, each rounded
    assert total.delta == pytest.approx(0.05, rel=1e-12)
    for kind in ledger.purposes(joint_report):
        assert math.fsum(line.shares.get(kind, 0.0) for line in each) == pytest.approx(total.shares[kind], rel=1e-12)
    text, document = as_text(table(joint_report)), json.loads(joint_report.to_json())
    assert "ledger of delta" in text
    assert "ledger of delta" not in as_text(table(report))
    assert [entry["name"] for entry in document["ledger"]] == [c.name for c in joint_report]
    assert all(math.fsum(e["shares"].values()) == pytest.approx(e["delta"], rel=1e-12) for e in document["ledger"])
    assert json.loads(report.to_json())["ledger"] == []


def test_json_has_the_fields_of_the_format(report: Report) -> None:
    document = _strict(report.to_json())
    assert document["format"] == "boundcheck-report/1"
    assert document["delta"] == 0.05
    assert document["joint"] is False
    run = document["run"]
    assert list(run)[:6] == ["checkpoint", "sha256", "model", "parameters", "data", "labels"]
    assert (run["model"], run["parameters"], run["data"], run["labels"]) == ("mlp", 407050, "mnist", "true")
    assert document["train"] == {"n": 60000, "errors": 3, "error": 0.00005, "invalid": 0}
    test = document["test"]
    assert (test["n"], test["errors"], test["error"], test["clean_error"]) == (10000, 162, 0.0162, 0.0162)
    exact = stats.binomtest(162, 10000).proportion_ci(0.95, method="exact")
    assert test["interval"] == pytest.approx([exact.low, exact.high], rel=1e-8)  # scipy's own accuracy
    assert document["measures"] == []
    assert {c["status"] for c in document["certificates"]} == {"non-vacuous", "vacuous", "not-applicable"}


def test_json_certificates_have_their_types(report: Report) -> None:
    for c in _strict(report.to_json())["certificates"]:
        strings, numbers = ("name", "family", "cite", "about", "status"), ("delta", "vacuous_at", "seconds")
        assert all(isinstance(c[field], str) for field in strings)
        assert all(isinstance(c[field], float) for field in numbers)
        assert all(c[field] is None or isinstance(c[field], float) for field in ("value", "log10_value", "test_error"))
        assert all(set(h) == {"says", "state", "because"} for h in c["hypotheses"])
        assert {h["state"] for h in c["hypotheses"]} <= {"holds", "violated", "assumed"}
        assert (c["why"] is None) == (c["status"] != "not-applicable")
        assert c["family"] in FAMILIES
        assert c["about"] in {"network", "gibbs", "compressed", "sample"}


def test_a_value_too_large_for_a_float_is_null_with_its_logarithm(report: Report) -> None:
    huge = next(c for c in _strict(report.to_json())["certificates"] if c["name"] == "neyshabur2015path")
    assert huge["value"] is None
    assert huge["log10_value"] == 400.237
    assert huge["terms"] == {"complexity": None}
    assert huge["status"] == "vacuous"


def test_odd_choices_become_json(report: Report) -> None:
    import numpy as np

    odd = dataclasses.replace(report.certificates[0], choices={"a": np.int64(3), "b": np.float64(0.5), "c": math.inf, "d": "x"})
    changed = dataclasses.replace(report, certificates=(odd,))
    assert _strict(changed.to_json())["certificates"][0]["choices"] == {"a": 3, "b": 0.5, "c": "inf", "d": "x"}


@pytest.mark.parametrize("name", ["report", "random_report", "joint_report", "bare_report"])
def test_json_is_read_back(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    report = request.getfixturevalue(name)
    text = report.to_json(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == text
    for source in (text, tmp_path / "report.json", str(tmp_path / "report.json")):
        again = Report.from_json(source)
        assert again.certificates == report.certificates
        assert (again.provenance, again.problem, again.delta, again.joint) == (
            report.provenance,
            report.problem,
            report.delta,
            report.joint,
        )
        assert again.to_json() == text


def test_no_held_out_sample_is_null(bare_report: Report) -> None:
    assert _strict(bare_report.to_json())["test"] is None


@pytest.mark.parametrize(
    "source",
    [
        "{",
        "{}",
        '{"format": "boundcheck-report/2"}',
        '{"format": "boundcheck-report/1"}',
        '{"format": "boundcheck-report/1", "delta": NaN}',
        "no/such/file.json",
    ],
)
def test_what_is_no_report_is_refused_in_one_line(source: str) -> None:
    with pytest.raises(InputError) as caught:
        Report.from_json(source)
    assert "\n" not in str(caught.value)


def test_an_unwritable_path_is_refused_before_the_work(report: Report, tmp_path: Path) -> None:
    for write in (report.to_json, report.to_html, report.to_latex, report.plot):
        with pytest.raises(InputError):
            write(tmp_path / "no" / "file.png")
    assert list(tmp_path.iterdir()) == []


def test_the_frame_has_a_row_for_each_certificate(report: Report) -> None:
    frame = report.to_frame()
    assert list(frame["name"]) == [c.name for c in report]
    spectral = frame.set_index("name").loc["bartlett2017spectral"]
    assert spectral["value"] == 812.4
    assert spectral["excess"] == 812.4 - 0.0162
    assert spectral["dominant_term"] == "complexity"
    assert frame["value"].dtype == frame["test_error"].dtype == "float64"


def test_an_empty_frame_keeps_its_columns(report: Report, bare_report: Report) -> None:
    assert list(bare_report.to_frame().columns) == list(report.to_frame().columns)


@pytest.mark.parametrize("columns", ["20", "80", "100", "300"])
@pytest.mark.parametrize("name", ["report", "random_report", "joint_report", "bare_report"])
def test_the_table_shows_every_certificate_in_words(
    name: str, columns: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    report = request.getfixturevalue(name)
    text = repr(report)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= min(max(int(columns), 80), 120)
    bounds = text.partition("ledger of delta")[0]
    lines = {line.split()[0]: line for line in bounds.splitlines() if line and not line.startswith((" ", "-"))}
    for c in report:
        assert c.name in lines
        if c.status is not Status.NOT_APPLICABLE:
            assert str(c.status) in lines[c.name].split()
    assert "hold together" in text if report.joint else "holds alone" in text


def test_the_table_says_what_a_reader_has_to_know(random_report: Report) -> None:
    text = str(random_report)
    for words in ("clean labels", "repeat an earlier one", "independent draws", "error of guessing among 10 classes"):
        assert words in text


def test_markup_in_a_reason_is_text(report: Report) -> None:
    odd = dataclasses.replace(report["golowich2018depth"], why="[bold]no[/bold] [x]")
    assert "[bold]no[/bold] [x]" in str(dataclasses.replace(report, certificates=(odd,)))


def test_a_tiny_delta_is_not_called_certainty(report: Report) -> None:
    certificates = tuple(dataclasses.replace(c, delta=1e-9) for c in report)
    text = str(dataclasses.replace(report, certificates=certificates, delta=1e-9))
    assert "probability 1 - 1e-09" in " ".join(text.split())


def test_reading_a_report_needs_neither_torch_nor_matplotlib(report: Report, tmp_path: Path) -> None:
    report.to_json(tmp_path / "r.json")
    code = (
        "import sys; from boundcheck.report import Report; str(Report.from_json(sys.argv[1])); "
        "print(sorted({'torch', 'matplotlib', 'pandas', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r.json")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_predictor_that_a_theorem_speaks_of_has_words() -> None:
    assert set(PREDICTORS) == set(ABOUT)
