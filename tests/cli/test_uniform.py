"""``boundcheck uniform``: both examples, their JSON, exit codes, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SMALL = ("--example", "spheres", "--m", "200", "--d", "100", "--widths", "50", "--epochs", "30", "--test", "500", "--runs", "2")


def test_the_linear_example(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck("uniform", "--m", "20", "--d", "5000", "--json", "-")
    assert answer.code == 0
    content = json.loads(answer.out)
    assert content["format"] == "boundcheck-uniform/1"
    assert content["lower_bound"] > 0.9
    assert content["runs"][0]["flipped_errors"] == 20


def test_conditions_that_do_not_hold(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck("uniform", "--m", "100", "--d", "500")
    assert answer.code == 1
    said = " ".join(answer.out.split())  # lines break where the terminal ends
    assert "does not hold; it does from" in said
    assert "nothing follows" in said


def test_the_spheres_and_their_kept_runs(desk: Path, boundcheck: Run) -> None:
    first = boundcheck("uniform", *SMALL, "--out", "runs", "--json", "a.json")
    again = boundcheck("uniform", *SMALL, "--out", "runs", "--json", "b.json")
    alone = boundcheck("uniform", *SMALL, "--json", "c.json")
    assert {first.code, again.code, alone.code} == {0}
    contents = [json.loads(Path(name).read_text()) for name in ("a.json", "b.json", "c.json")]
    assert contents[0] == contents[1] == contents[2]
    assert len(Path("runs/rows.jsonl").read_text().splitlines()) == 2
    assert contents[0]["lower_bound"] == pytest.approx(min(row["gap"] for row in contents[0]["runs"]))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--example", "sphere"), "did you mean 'spheres'"),
        (("--m", "0",), "--m and --d"),
        (("--delta", "0"), "delta in (0, 1)"),
        (("--runs", "0"), "--runs"),
        (("--out", "x"), "without --out and --widths"),
        (("--m", "100000", "--d", "100000"), "--m times --d"),
        ((*SMALL, "--stop", "never"), "a rule that ends training"),
        ((*SMALL, "--widths", "x"), "--widths"),
    ],
)  # fmt: skip
def test_bad_words(refused: Callable[..., str], words: tuple[str, ...], says: str) -> None:
    assert says in refused("uniform", *words)
