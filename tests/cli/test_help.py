"""Help, version and catalogue: quick, in 80 columns, with an example, and without what only computing needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import boundcheck as package
from boundcheck.bounds import CATALOGUE
from boundcheck.cli.main import app

COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)
HEAVY = {"torch", "matplotlib", "pandas", "scipy", "sklearn", "cvxpy", "flint", "jinja2", "pooch"}
PROBE = """
import sys, time
from boundcheck.cli.main import main
code = main(sys.argv[1:])
print(time.process_time(), *sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def said_by(*words: str) -> tuple[str, float, set[str]]:
    """What a process of its own prints, the seconds of processor time that it takes, and the modules that it loads."""
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    spent, *loaded = done.stderr.split()
    return done.stdout, float(spent), set(loaded)


def test_commands() -> None:
    assert {"bounds", "demo", "evaluate", "train"} <= set(COMMANDS)


@pytest.mark.parametrize("words", [("--version",), ("--help",), *((name, "--help") for name in COMMANDS)])
def test_first_words_come_within_a_second_and_load_nothing_heavy(words: tuple[str, ...]) -> None:
    times = []
    # The first start may compile the modules, and caches that other work has emptied cost processor time too.
    while len(times) < 3 and not any(seconds < 1.0 for seconds in times):
        said, seconds, loaded = said_by(*words)
        times.append(seconds)
        assert said
        assert not HEAVY & loaded
    assert min(times) < 1.0


def test_version(boundcheck: Callable[..., Any]) -> None:
    assert boundcheck("--version").out == f"boundcheck {package.__version__}\n"


def test_no_words_show_the_commands(boundcheck: Callable[..., Any]) -> None:
    answer = boundcheck()
    assert all(name in answer.out + answer.err for name in COMMANDS)
    assert answer.code in (0, 2)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_in_80_columns(name: str, boundcheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = boundcheck(name, "--help")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in answer.out.replace("NAME,…", "")  # nothing is cut off
    example = answer.out.split("Example:")[1]
    assert f"boundcheck {name}" in example
    assert "--json" in answer.out
    assert "--seed" in answer.out
    prose = [line.rstrip() for line in answer.out[: answer.out.index("╭")].split("\n")]
    for line, after in pairwise(prose):
        if line and after:  # lines of one paragraph: each holds all the words that fit
            assert len(f"{line} {after.split()[0]}") > 79, line


def test_catalogue(boundcheck: Callable[..., Any]) -> None:
    answer = boundcheck("bounds")
    assert answer.code == 0
    assert all(name in answer.out for name in CATALOGUE)
    listed = json.loads(boundcheck("bounds", "--json", "-").out)
    assert [entry["name"] for entry in listed["bounds"]] == list(CATALOGUE)
    for entry in listed["bounds"]:
        assert sum(entry["shares"].values()) == pytest.approx(1.0, abs=1e-12)
        assert entry["hypotheses"]


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_one_theorem(name: str, tmp_path: Path, boundcheck: Callable[..., Any]) -> None:
    theorem = CATALOGUE[name]
    answer = boundcheck("bounds", name, "--json", tmp_path / "one.json")
    assert answer.code == 0
    said = " ".join(answer.out.split())
    assert " ".join(theorem.cite.split())[:40] in said
    assert "Hypotheses" in said
    (only,) = json.loads((tmp_path / "one.json").read_text())["bounds"]
    assert only["statement"] == theorem.statement
    assert theorem.statement in boundcheck("bounds", name, "--latex").out
