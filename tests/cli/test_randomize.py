"""``boundcheck randomize``: what it writes and says, how it goes on, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from boundcheck.cli.randomize_screen import tables
from boundcheck.studies.randomization import Interval, Line, Training

WORDS = ("randomize", "--widths", "8", "--n", "60", "--epochs", "3", "--seeds", "2", "--workers", "1")
CHEAP = ("--bounds", "langford2005testset,blumer1987bits")
Run = Callable[..., Any]


def test_a_table_rows_and_json(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = boundcheck(*WORDS, *CHEAP, "--fractions", "0,0.5,1", "--out", "r", "--json", "r.json")
    assert answer.code == 0, answer.err
    assert "6 kinds with 2 seeds each, 8 jobs" in answer.out
    for word in ("true labels", "corrupt:0.5", "random labels", "shuffled pixels", "random pixels", "gaussian", "blumer1987bits"):
        assert word in answer.out
    content = json.loads((desk / "r.json").read_text())
    assert content["format"] == "boundcheck-randomize/1"
    assert len(content["rows"]) == 12
    assert content["plan"] == json.loads((desk / "r" / "plan.json").read_text())["sha256"]
    assert [line["seeds"] for line in content["summary"]] == [2] * 6
    again = boundcheck(*WORDS, *CHEAP, "--fractions", "0,0.5,1", "--out", "r", "--json", "-")
    assert json.loads(again.out) == content  # nothing was done again: times and all are those of the first run


def test_bad_words_are_refused(refused: Callable[..., str], desk: Path, boundcheck: Run) -> None:
    assert boundcheck(*WORDS, "--bounds", "none", "--kinds", "true", "--out", "r").code == 0
    for words, says in (
        (("--fractions", "0,1.5"), "fractions in [0, 1]"),
        (("--fractions", "a"), "numbers joined by commas in --fractions"),
        (("--kinds", "true,shuffled"), "did you mean 'shuffled-pixels'"),
        (("--regularize", "dropot"), "did you mean 'dropout'"),
        (("--model", "alexnt"), "did you mean 'alexnet'"),
        (("--bounds", "nobody2020"), "the name of a bound"),
        (("--dask", "10.0.0.1:8786"), "in --dask"),
        (("--n", "61", "--data", "data.npz"), "--n between 1 and 60"),
        (("--data", "data.npz", "--crop", "3"), "leave the crop out"),
        (("--kinds", "true", "--bounds", "none", "--lr", "0.01"), "an --out folder of the same plan"),
        (("--kinds", "true", "--bounds", "none", "--seed", "1"), "of whose 2 jobs 1 are among these 2"),
        (("--seeds", "0"), "--seeds"),
    ):
        assert says in refused(*WORDS, "--out", "r", *words)
    (desk / "k.npz").write_bytes((desk / "data.npz").read_bytes())
    assert "settings of mlp" in refused(*WORDS, "--data", "k.npz", "--model-kwargs", '{"classes": 4}', "--out", "new")


def test_a_failed_job_is_said(desk: Path, boundcheck: Run) -> None:
    words = (*WORDS, "--bounds", "none", "--kinds", "true", "--lr", "1e30", "--out", "r")
    answer = boundcheck(*words)
    assert answer.code == 1
    assert answer.out.count("expected a training that converges") == 2
    assert boundcheck(*words, "--retry-failed").code == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends the signal that Ctrl-C sends")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(workers: str, heed_ctrl_c: Callable[[], None], desk: Path, boundcheck: Run) -> None:
    words = ["randomize", "--widths", "64", "--n", "600", "--epochs", "25", "--lr", "1e-4", "--seeds", "8", "--kinds", "true"]
    words += ["--bounds", "none", "--out", "r", "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "boundcheck", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    rows, deadline = desk / "r" / "rows.jsonl", time.monotonic() + 300
    try:
        while not rows.exists() or b"\n" not in rows.read_bytes():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process of the command
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert err == "boundcheck: interrupted\n"
    assert "goes on from there" in out
    kept = rows.read_bytes().splitlines()
    assert 1 <= len(kept) < 8
    assert boundcheck(*words[:-1], "1").code == 0
    assert rows.read_bytes().splitlines()[: len(kept)] == kept
    assert len(rows.read_bytes().splitlines()) == 8


def test_tables_fit_eighty_columns() -> None:
    found = Interval(0.123, 0.1, 0.2)
    line = Line("corrupt:0.75 labels", 10, 10, found, found, found, found, (0.1, 0.2), found, ("a" * 27, 0.987), 44.5, 45.5)
    screen = Console(width=80, record=True, file=io.StringIO())
    for table in tables([line], Training()):
        screen.print(table)
    text = screen.export_text()
    for whole in ("corrupt:0.75 labels", "10/10", "0.100-0.200", "44.5", "45.5", "0.987", "a" * 27):
        assert whole in text  # no cell is broken over two lines
