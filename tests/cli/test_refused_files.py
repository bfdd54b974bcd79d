"""Data files and evidence files that can't be used: one line, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Refused = Callable[..., str]
Arrays = dict[str, np.ndarray]
CHEAP = ("--bounds", "langford2005testset,blumer1987bits")


def with_objects(a: Arrays) -> None:
    a["x_train"] = a["x_train"].astype(object)


def with_label_words(a: Arrays) -> None:
    a["y_test"] = np.array(["a"] * len(a["y_test"]), dtype=object)


def shorter(a: Arrays) -> None:
    a["y_train"] = a["y_train"][:-1]


def fractional(a: Arrays) -> None:
    a["y_train"] = a["y_train"] + 0.5


def negative(a: Arrays) -> None:
    a["y_train"] = a["y_train"] - 1


def with_nan(a: Arrays) -> None:
    a["x_train"][3, 2] = np.nan


def with_infinity(a: Arrays) -> None:
    a["x_test"][3, 2] = np.inf


def empty(a: Arrays) -> None:
    a["x_train"], a["y_train"] = a["x_train"][:0], a["y_train"][:0]


def no_test_rows(a: Arrays) -> None:
    a["x_test"], a["y_test"] = a["x_test"][:0], a["y_test"][:0]


def no_columns(a: Arrays) -> None:
    a["x_train"], a["x_test"] = a["x_train"][:, :0], a["x_test"][:, :0]


def one_class(a: Arrays) -> None:
    a["y_train"], a["y_test"] = a["y_train"] * 0, a["y_test"] * 0


def other_columns(a: Arrays) -> None:
    a["x_test"] = a["x_test"][:, :4]


def complex_inputs(a: Arrays) -> None:
    a["x_train"] = a["x_train"].astype(complex)


def integers(a: Arrays) -> None:
    a["x_train"], a["x_test"] = a["x_train"].astype(int), a["x_test"].astype(int)


def one_hot(a: Arrays) -> None:
    a["y_train"] = np.eye(3, dtype=int)[a["y_train"]]


def without_labels(a: Arrays) -> None:
    del a["y_test"]


def identifiers(a: Arrays) -> None:
    a["y_train"] = a["y_train"] * 10**9


FLAWS = {
    with_objects: "an array of Python objects",
    with_label_words: "an array of Python objects",
    shorter: "60 inputs and 59 labels",
    fractional: "integer labels in y_train",
    negative: "labels from 0 upwards",
    with_nan: "NaN or infinity in 1 of 60 rows",
    with_infinity: "x_test",
    empty: "zero rows",
    no_test_rows: "zero rows",
    no_columns: "shape (60, 0)",
    one_class: "at least two classes",
    other_columns: "inputs of one shape",
    complex_inputs: "complex128",
    integers: "uint8 or float inputs",
    one_hot: "labels of shape (n,)",
    without_labels: "no y_test",
    identifiers: "more classes than examples",
}


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.__name__)
def test_data_files(flaw: Callable[[Arrays], None], desk: Path, refused: Refused, boundcheck: Callable[..., Any]) -> None:
    assert boundcheck("train", "--data", "data.npz", "--model", "linear", "--epochs", "1", "--out", "mine.pt").code == 0
    with np.load("data.npz") as file:
        content = dict(file)
    flaw(content)
    np.savez("data.npz", **content)
    said = FLAWS[flaw]
    assert said in refused("train", "--data", "data.npz", "--out", "new.pt")
    assert said in refused("evaluate", "--checkpoint", "mine.pt", *CHEAP, "--json", "new.json")


def test_broken_data_files(desk: Path, refused: Refused) -> None:
    whole = (desk / "data.npz").read_bytes()
    for offset in (0, 1, 30, len(whole) // 2, len(whole) - 5):
        (desk / "data.npz").write_bytes(whole[:offset])
        assert "data.npz" in refused("train", "--data", "data.npz", "--out", "new.pt")
    (desk / "folder.npz").mkdir()
    assert "a folder" in refused("train", "--data", "folder.npz", "--out", "new.pt")


def test_data_that_is_not_the_data_trained_on(desk: Path, refused: Refused, boundcheck: Callable[..., Any]) -> None:
    assert boundcheck("train", "--data", "data.npz", "--model", "linear", "--epochs", "1", "--out", "mine.pt").code == 0
    with np.load("data.npz") as file:
        content = dict(file)
    content["x_test"][7, 1] = np.nextafter(content["x_test"][7, 1], np.float32(9))
    np.savez("data.npz", **content)
    line = refused("evaluate", "--checkpoint", "mine.pt", *CHEAP)
    assert "the data that the checkpoint was trained on" in line
    assert "SHA-256" in line
    assert "--data" in line
    os.rename("data.npz", "moved.npz")
    assert "--data" in refused("evaluate", "--checkpoint", "mine.pt", *CHEAP)
    assert "SHA-256" in refused("evaluate", "--checkpoint", "mine.pt", *CHEAP, "--data", "moved.npz")
    assert "moved.npz" in refused("evaluate", "--checkpoint", "mine.pt", *CHEAP, "--data", "elsewhere/moved.npz")


def test_data_folders(desk: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    line = refused("train", "--data", "mnist", "--data-dir", "nowhere")
    assert "--data-dir" in line
    monkeypatch.setenv("BOUNDCHECK_DATA", "nowhere")
    assert "BOUNDCHECK_DATA" in refused("train", "--data", "mnist")
    (desk / "mnist").mkdir()
    (desk / "mnist" / "train-images-idx3-ubyte").write_bytes(b"cut")
    assert "t10k-labels-idx1-ubyte.gz" in refused("train", "--data", "mnist", "--data-dir", ".")


@pytest.fixture
def evidence(desk: Path, boundcheck: Callable[..., Any]) -> dict[str, Any]:
    answer = boundcheck(
        "evaluate", "--checkpoint", "run.pt", "--bounds", "langford2005testset,vapnik1998growth", "--evidence", "e.json"
    )
    assert answer.code == 0
    content: dict[str, Any] = json.loads((desk / "e.json").read_text())
    return content


SLIPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another format": lambda c: c.update(format="boundcheck-report/1"),
    "a later format": lambda c: c.update(format="boundcheck-evidence/2"),
    "no format": lambda c: c.pop("format"),
    "no evidence": lambda c: c.pop("evidence"),
    "a list": lambda c: c.update(evidence=[]),
    "no errors": lambda c: c["evidence"].pop("errors"),
    "a count in words": lambda c: c["evidence"]["errors"].update(errors="few"),
    "half an error": lambda c: c["evidence"]["errors"].update(errors=1.5),
    "more errors than rows": lambda c: c["evidence"]["errors"].update(errors=301),
    "fewer than no errors": lambda c: c["evidence"]["errors"].update(test_errors=-1),
    "another n": lambda c: c["evidence"]["errors"].update(n=299),
    "one class": lambda c: c["evidence"]["problem"].update(classes=1),
    "a probability of two": lambda c: c["evidence"]["problem"].update(corruption=2.0),
    "an unknown section": lambda c: c["evidence"].update(rademacher=0.5),
    "an unknown field": lambda c: c["evidence"]["errors"].update(mistakes=3),
    "NaN": lambda c: c["evidence"]["errors"].update(test_error=float("nan")),
    "NaN in words": lambda c: c["evidence"]["errors"].update(test_error="NaN"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_evidence_that_was_changed(slip: str, evidence: dict[str, Any], desk: Path, refused: Refused) -> None:
    SLIPS[slip](evidence)
    (desk / "e.json").write_text(json.dumps(evidence))
    line = refused("evaluate", "--from-evidence", "e.json", "--json", "new.json")
    assert "e.json" in line
    assert "evaluate --evidence FILE" in line


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_evidence_that_is_none(content: bytes, desk: Path, refused: Refused) -> None:
    (desk / "e.json").write_bytes(content)
    assert "evaluate --evidence FILE" in refused("evaluate", "--from-evidence", "e.json", "--json", "new.json")


def test_evidence_that_is_not_there(desk: Path, refused: Refused) -> None:
    for name in ("nowhere.json", ".", "", "x" * 5000, "run.pt/inside"):
        assert "evidence" in refused("evaluate", "--from-evidence", name, "--json", "new.json")


@pytest.mark.parametrize(
    "extra",
    [
        ("--checkpoint", "run.pt"), ("--model", "a:b"), ("--model-kwargs", "{}"), ("--reference", "run.pt"), ("--data", "digits"),
        ("--labels", "true"), ("--n", "5"), ("--mean", "0"), ("--std", "1"),
    ],
)  # fmt: skip
def test_evidence_beside_a_network(extra: tuple[str, str], evidence: dict[str, Any], refused: Refused) -> None:
    assert extra[0] in refused("evaluate", "--from-evidence", "e.json", *extra)
