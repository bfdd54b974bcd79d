"""Words and output paths that can't be used: one line, exit code 2, nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]
CHEAP = ("--bounds", "langford2005testset,blumer1987bits")


@pytest.mark.parametrize("delta", ["0", "1", "-1", "2", "nan", "inf", "x", ""])
def test_delta(delta: str, refused: Refused, desk: Path) -> None:
    for words in (("evaluate", "--checkpoint", "run.pt"), ("evaluate", "--from-evidence", "nowhere"), ("demo", "--out", "story")):
        line = refused(*words, "--delta", delta)
        assert "delta" in line
        assert "--help" in line or "in (0, 1)" in line
    assert not (desk / "story").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("evaluate", "--checkpoint", "run.pt", "--bounds", "bartlet2017spectral"), "did you mean 'bartlett2017spectral'?"),
        (("evaluate", "--checkpoint", "run.pt", "--bounds", "langford2005testset,vapnik"), "'vapnik'"),
        (("evaluate", "--checkpoint", "run.pt", "--bounds", ""), "known: "),
        (("evaluate", "--checkpoint", "run.pt", "--effort", "ful"), "did you mean 'full'?"),
        (("evaluate", "--from-evidence", "nowhere", "--effort", "ful"), "did you mean 'full'?"),
        (("evaluate", "--checkpoint", "run.pt", "--data", "digit"), "did you mean 'digits'?"),
        (("evaluate", "--checkpoint", "run.pt", "--seed", "-1"), "--seed"),
        (("evaluate", "--checkpoint", "run.pt", "--seed", str(2**63)), "--seed"),
        (("evaluate", "--chekpoint", "run.pt"), "--checkpoint"),
        (("evaluate", "run.pt"), "evaluate --help"),
        (("evaluat",), "evaluate"),
        (("bounds", "bartlet2017spectral"), "did you mean 'bartlett2017spectral'?"),
        (("bounds", "golowich2018size", "more"), "bounds --help"),
        (("train", "--model", "mpl"), "did you mean 'mlp'?"),
        (("train", "--model", "residul"), "residual"),
        (("train", "--model", "nowhere:net"), "No module named 'nowhere'"),
        (("train", "--data", "minst"), "did you mean 'mnist'?"),
        (("train", "--data", "synthetic:moons"), "synthetic problem"),
        (("train", "--data", "nowhere.npz"), "nowhere.npz"),
        (("train", "--labels", "rendom"), "did you mean 'random'?"),
        (("train", "--labels", "corrupt:1.5"), "corrupt:0.3"),
        (("train", "--labels", "corrupt:nan"), "corrupt:0.3"),
        (("train", "--labels", "corrupt"), "corrupt:0.3"),
        (("train", "--optimizer", "adm"), "did you mean 'adam'?"),
        (("train", "--lr", "0"), "--lr"),
        (("train", "--lr", "nan"), "--lr"),
        (("train", "--lr", "fast"), "--lr"),
        (("train", "--lr-decay", "1.5"), "--lr-decay"),
        (("train", "--momentum", "1"), "--momentum"),
        (("train", "--weight-decay", "-1"), "--weight-decay"),
        (("train", "--batch-size", "0"), "--batch-size"),
        (("train", "--epochs", "0"), "--epochs"),
        (("train", "--n", "0"), "between 1 and 1297"),
        (("train", "--n", "1298"), "between 1 and 1297"),
        (("train", "--n", "many"), "--n"),
        (("train", "--widths", "8,"), "--widths 512,512"),
        (("train", "--widths", "0"), "--widths"),
        (("train", "--widths", "-8"), "--widths"),
        (("train", "--widths", "8", "--model", "linear"), "widths"),
        (("train", "--widths", "99999999999999"), "--widths"),
        (("train", "--channels", "8", "--model", "mlp"), "channels"),
        (("train", "--model-kwargs", "{"), "--model-kwargs"),
        (("train", "--model-kwargs", "[]"), "--model-kwargs"),
        (("train", "--model-kwargs", '{"seed": 1}'), "seed"),
        (("train", "--model-kwargs", '{"input_shape": [1]}'), "input_shape"),
        (("train", "--model-kwargs", '{"widths": "wide"}'), "mlp"),
        (("train", "--model-kwargs", '{"widths": [-3]}'), "mlp"),
        (("train", "--model-kwargs", '{"widths": [1.5]}'), "mlp"),
        (("train", "--model-kwargs", '{"depth": 4}'), "depth"),
        (("train", "--model", "residual", "--model-kwargs", '{"channels": []}'), "residual"),
        (("train", "--model", "conv", "--model-kwargs", '{"pool": "men"}'), "kind of pool"),
        (("train", "--model", "conv", "--data", "data.npz"), "images"),
        (("train", "--resume", "--out", "nowhere.pt"), "nothing at"),
        (("train", "--resume", "--out", "data.npz"), "checkpoint"),
        (("train", "--resume", "--out", "run.pt"), "--resume"),
        (("demo", "--out", "run.pt"), "a folder in --out"),
        (("demo", "--out", "run.pt/inside"), "a folder that can be made"),
    ],
)
def test_words(words: tuple[str, ...], says: str, refused: Refused) -> None:
    assert says in refused(*words)


def test_training_that_diverges(desk: Path, boundcheck: Callable[..., Any]) -> None:
    before = (desk / "run.pt").read_bytes()
    answer = boundcheck("train", "--widths", "8", "--n", "300", "--lr", "1e30", "--optimizer", "sgd", "--out", "run.pt")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "lower --lr" in answer.err
    assert (desk / "run.pt").read_bytes() == before


def test_finished_training_is_not_resumed_with_more_epochs(refused: Refused) -> None:
    line = refused("train", "--widths", "8", "--epochs", "9", "--n", "300", "--out", "run.pt", "--resume")
    assert "which was finished" in line


@pytest.mark.parametrize("option", ["--json", "--latex", "--html", "--plot", "--evidence"])
@pytest.mark.parametrize("path", ["", "folder", "nowhere/r.png", "run.pt/r.png", "full/", "x" * 300 + ".png", "loop.png"])
def test_outputs(option: str, path: str, desk: Path, refused: Refused) -> None:
    (desk / "folder").mkdir()
    (desk / "loop.png").symlink_to("loop.png")
    assert "an output file" in refused("evaluate", "--checkpoint", "run.pt", *CHEAP, option, path)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which not even root can make files")
@pytest.mark.parametrize("option", ["--json", "--latex", "--html", "--plot", "--evidence"])
def test_read_only_places(option: str, refused: Refused) -> None:
    assert "/proc" in refused("evaluate", "--checkpoint", "run.pt", *CHEAP, option, "/proc/self/r.png")


def test_one_file_for_two_outputs(desk: Path, refused: Refused) -> None:
    words = ("evaluate", "--checkpoint", "run.pt", *CHEAP)
    assert "a file of its own" in refused(*words, "--json", "same", "--html", "same")
    assert "a file of its own" in refused(*words, "--json", "same", "--html", desk / "same")
    assert "a file of its own" in refused("train", "--epochs", "1", "--out", "same", "--json", "same")


@pytest.mark.parametrize("option", ["--latex", "--html", "--plot", "--evidence"])
def test_standard_output_is_for_json(option: str, refused: Refused) -> None:
    assert "--json alone" in refused("evaluate", "--checkpoint", "run.pt", *CHEAP, option, "-")


def test_outputs_do_not_overwrite_inputs(refused: Refused) -> None:
    assert "which is read" in refused("evaluate", "--checkpoint", "run.pt", *CHEAP, "--json", "./run.pt")
    assert "which is read" in refused("evaluate", "--checkpoint", "x", "--reference", "run.pt", "--evidence", "run.pt")
    assert "which is read" in refused("evaluate", "--from-evidence", "e.json", "--json", "e.json")


def test_figures_of_unknown_kinds(refused: Refused) -> None:
    assert ".png" in refused("evaluate", "--checkpoint", "run.pt", *CHEAP, "--plot", "figure.jpeg2")
