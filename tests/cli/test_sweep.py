"""``boundcheck sweep`` as its users meet it: a fresh plan, a plan that goes on, plans that are refused with nothing touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def plan(plan: Path, desk: Path) -> Path:
    """The plan on the desk, of one seed and few epochs."""
    plan.write_text(plan.read_text().replace("epochs = 30\nseeds = 2", "epochs = 3"))
    return plan


def test_a_fresh_plan_is_trained_said_and_ranked(plan: Path, boundcheck: Callable[..., Any]) -> None:
    answer = boundcheck("sweep", plan, "--out", "rows", "--workers", "1", "--json", "report.json")
    assert answer.code == 0
    assert "4 networks, 4 combinations with 1 seeds" in answer.out
    assert "'boundcheck rank rows' ranks them" in " ".join(answer.out.split())
    report = json.loads(Path("report.json").read_text())
    assert report["networks"] == len(report["rows"]) == 4
    assert report["missed"] == sum(not row["result"]["fitted"] for row in report["rows"])


def test_json_on_standard_output_stands_alone(plan: Path, boundcheck: Callable[..., Any]) -> None:
    answer = boundcheck("sweep", plan, "--out", "rows", "--workers", "1", "--json", "-")
    assert json.loads(answer.out)["networks"] == 4


def test_what_was_lost_is_done_again_and_nothing_else(plan: Path, boundcheck: Callable[..., Any]) -> None:
    words = ("sweep", plan, "--out", "rows", "--workers", "1")
    assert boundcheck(*words).code == 0
    rows = Path("rows/rows.jsonl")
    whole = rows.read_bytes()
    first, second, *_ = whole.splitlines(keepends=True)
    rows.write_bytes(first + second + b'{"torn')
    assert boundcheck(*words).code == 0
    again = rows.read_bytes()
    assert again.splitlines(keepends=True)[:2] == [first, second]
    assert len(again.splitlines()) == 4
    told = [[json.loads(line)["result"] for line in text.splitlines()] for text in (whole, again)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs = 3", "epoch = 3", "did you mean 'epochs'"),
        ("width = [4, 8]", "widths = [4, 8]", "did you mean 'width'"),
        ("[4, 8]\nlr = [0.02, 0.1]", "[4]", "with two values"),
        ("width = [4, 8]", "width = []", "a list of values of width"),
        ("[vary]\nwidth = [4, 8]\nlr = [0.02, 0.1]", "", "with two values"),
        ("[vary]", "[vary", "mend that line"),
        ("lr = [0.02, 0.1]", "lr = [0.02, -0.1]", "usable --lr"),
        ("n = 100", "n = 100000", "n from 1 to"),
        ("bartlett2017spectral", "bartlett2017spectrla", "did you mean 'bartlett2017spectral'"),
        ("loss:0.3", "loss", "a rule that ends training"),
    ],
)
def test_refused_plans_touch_nothing(plan: Path, refused: Callable[..., str], old: str, new: str, said: str) -> None:
    text = plan.read_text()
    assert old in text
    plan.write_text(text.replace(old, new))
    assert said in refused("sweep", "plan.toml", "--out", "rows", "--json", "report.json")


def test_a_folder_of_another_plan_is_refused_and_keeps_its_rows(
    plan: Path, boundcheck: Callable[..., Any], refused: Callable[..., str]
) -> None:
    assert boundcheck("sweep", plan, "--out", "rows", "--workers", "1").code == 0
    assert "same plan" in refused("sweep", "plan.toml", "--out", "rows", "--seed", "5")
    plan.write_text(plan.read_text().replace("0.1]", "0.2]"))
    assert "same plan" in refused("sweep", "plan.toml", "--out", "rows")


def test_words_that_are_refused(plan: Path, refused: Callable[..., str]) -> None:
    Path("file").write_text("")
    assert "a plan in TOML" in refused("sweep", "nowhere.toml")
    assert "--dask" in refused("sweep", "plan.toml", "--dask", "here")
    assert "a folder in --out" in refused("sweep", "plan.toml", "--out", "file")
    assert "--workers" in refused("sweep", "plan.toml", "--workers", "-1")


def test_a_dry_run_touches_nothing(plan: Path, desk: Path, boundcheck: Callable[..., Any]) -> None:
    before = sorted(desk.rglob("*"))
    answer = boundcheck("sweep", plan, "--out", "rows", "--dry-run")
    assert answer.code == 0
    assert "4 networks" in answer.out
    assert sorted(desk.rglob("*")) == before


def test_help_names_the_tables_of_a_plan(boundcheck: Callable[..., Any]) -> None:
    words = " ".join(boundcheck("sweep", "--help").out.split())
    assert "A plan in TOML has [vary] with" in words
    assert "and [fixed] with" in words
