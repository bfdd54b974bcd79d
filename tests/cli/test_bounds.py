"""``boundcheck bounds``: the catalogue and one theorem whole."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.cli.main import main

REVIEWED = tomllib.loads((Path(__file__).parent.parent / "theorems.toml").read_text(encoding="utf-8"))


def test_every_theorem_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bounds"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in CATALOGUE)
    assert f"{len(CATALOGUE)} theorems" in out


@pytest.mark.parametrize("name", tuple(CATALOGUE))
def test_one_theorem_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bounds", name, "--json", "-"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["bounds"]
    assert record["name"] == name
    assert record["statement"]
    assert record["cite"]
    assert abs(sum(record["shares"].values()) - 1.0) < 1e-12  # decimal fractions in binary
    assert len(record["hypotheses"]) == len(REVIEWED[name]["hypotheses"])
    assert {h["state"] for h in record["hypotheses"]} <= {"checked", "assumed"}


def test_latex_of_one_and_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bounds", "maurer2004kl", "--latex"]) == 0
    one = capsys.readouterr().out
    assert one.count(r"\begin{") == one.count(r"\end{") == 2
    assert one.count("{") == one.count("}")
    assert main(["bounds", "--latex"]) == 0
    table = capsys.readouterr().out
    assert table.count(r"\texttt{") == len(CATALOGUE)
    assert table.count("{") == table.count("}")


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bounds", "bartlett2017spectrum"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'bartlett2017spectral'?" in captured.err
    assert captured.err.count("\n") == 1
