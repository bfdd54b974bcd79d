"""``boundcheck rank`` on a table in someone else's layout: dotted names, accuracies, seeds, words, gaps in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boundcheck.cli.main import main

WORDS = ("--hyperparameters", "hp.lr,hp.width,hp.optimizer", "--train-accuracy", "acc.train", "--test-accuracy", "acc.test")
MORE = ("--ignore", "seed,epochs", "--fitted", "converged", "--test-size", "10000", "--effective-size", "6")


def table() -> pd.DataFrame:
    """Networks whose gap falls with the width and grows with the learning rate."""
    rng = np.random.default_rng(0)
    rows = []
    for lr, width, seed in product((0.1, 0.01), (32, 64, 128), range(4)):
        gap = 0.5 - 0.05 * np.log2(width) + 0.1 * (lr == 0.1) + 0.001 * rng.uniform()
        rows.append(
            {
                "run": f"net-{len(rows)}", "hp.lr": lr, "hp.width": width, "hp.optimizer": "sgd", "seed": seed,
                "epochs": 5 + seed, "converged": len(rows) != 3, "acc.train": 0.99, "acc.test": 0.99 - gap, "l2": np.sqrt(width),
                "sharpness": gap if seed else np.nan, "depth_count": 2,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def theirs(desk: Path) -> Path:
    path = desk / "theirs.csv"
    table().to_csv(path, index=False)
    return path


def test_every_output_of_a_strangers_table(theirs: Path, boundcheck: Callable[..., Any]) -> None:
    outputs = {"--json": "r.json", "--csv": "r.csv", "--latex": "r.tex", "--plot": "errors.png", "--heatmap": "map.svg"}
    answer = boundcheck("rank", theirs, *WORDS, *MORE, *(word for pair in outputs.items() for word in pair))
    assert answer.code == 0
    assert all(Path(name).stat().st_size for name in outputs.values())
    said = " ".join(answer.out.split())
    assert "1 of 24 networks missed the stopping rule" in said
    assert "hp.optimizer does not vary" in said
    assert "sharpness has no value for 6 networks" in said
    assert "order nothing: depth_count" in said
    found = json.loads(Path("r.json").read_text())
    judged = {line["name"]: line for line in found["measures"]}
    assert set(judged) >= {"l2", "sharpness", "depth_count", "oracle", "random"}
    assert not {"seed", "epochs", "acc.train", "acc.test"} & set(judged)
    assert judged["sharpness"]["sign_error"]["largest"] == 0.0  # it is the gap, where it is known
    assert judged["l2"]["sign_error_by"]["hp.width"]["mean"] == 1.0  # the gap falls with it
    assert judged["oracle"]["tau"] == 1.0
    assert list(pd.read_csv("r.csv")["name"]) == [line["name"] for line in found["measures"]]
    assert Path("r.tex").read_text().count(r"\\") == 1 + len(judged)


def test_accuracies_errors_and_the_gap_say_the_same(theirs: Path, boundcheck: Callable[..., Any]) -> None:
    both = table()
    both["test"], both["train"] = 1.0 - both["acc.test"], 1.0 - both["acc.train"]
    both["gap"] = both["acc.train"] - both["acc.test"]
    both.to_csv(theirs, index=False)
    ways = (WORDS[2:], ("--test-error", "test", "--train-error", "train"), ("--gap", "gap"))
    common = ("rank", theirs, *WORDS[:2], "--measures", "l2,sharpness", "--bootstrap", "0", "--json", "-")
    found = [json.loads(boundcheck(*common, *way).out) for way in ways]
    taus = [[line["tau"] for line in one["measures"] if line["kind"] == "measure"] for one in found]
    assert taus[0] == taus[1] == taus[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (WORDS[:2], "--gap NAME, or --test-error and --train-error"),
        (WORDS[2:], "--hyperparameters"),
        ((*WORDS, "--gap", "l2"), "--gap and --train-accuracy and --test-accuracy"),
        ((*WORDS[:2], "--train-accuracy", "acc.train", "--test-error", "acc.test"), "--test-error and --train-accuracy"),
        ((*WORDS, "--measures", "l3"), "did you mean 'l2'"),
        ((*WORDS, "--ignore", "sed"), "did you mean 'seed'"),
        ((*WORDS, "--ignore", "seed", "--measures", "l2"), "--measures or --ignore"),
        ((*WORDS, "--measures", "l2,,seed"), "joined by commas"),
        ((*WORDS, "--measures", "depth_count"), "only constant ones"),
        ((*WORDS, "--measures", "run"), "numbers in column 'run'"),
        ((*WORDS, "--fitted", "run"), "true or false in column 'run'"),
        ((*WORDS, "--test-size", "0"), "at least 1"),
        ((*WORDS, "--test-size", "-5"), "a column of theirs.csv"),
        ((*WORDS, "--threshold", "1"), "a threshold in [0, 1)"),
        ((*WORDS, "--effective-size", "nan"), "an effective size"),
        ((*WORDS, "--bootstrap", "-1"), "replicates"),
        ((*WORDS, "--plot", "picture.txt"), "picture.txt"),
        ((*WORDS, "--csv", "nowhere/r.csv"), "nowhere"),
        ((*WORDS[:2], "--gap", "epochs", "--test-size", "100"), "numbers from -1 to 1 in column 'epochs'"),
        ((*WORDS[:2], "--train-accuracy", "epochs", "--test-accuracy", "acc.test"), "divide per cents by 100"),
    ],
)
def test_refused_words_touch_nothing(theirs: Path, refused: Callable[..., str], words: tuple[str, ...], said: str) -> None:
    assert said in refused("rank", theirs.name, *words)


def test_refused_files(desk: Path, refused: Callable[..., str]) -> None:
    (desk / "empty.csv").write_text("")
    (desk / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    (desk / "folder").mkdir()
    for name in ("empty.csv", "picture.csv", "nowhere.csv"):
        assert "a CSV file" in refused("rank", name, *WORDS)
    assert "plan.json" in refused("rank", "folder")
    assert "where columns are named" in refused("rank", "folder", *WORDS)


def test_a_folder_of_another_study_is_refused(desk: Path, refused: Callable[..., str]) -> None:
    words = ("--widths", "4", "--n", "30", "--epochs", "1", "--seeds", "1", "--kinds", "true", "--bounds", "none")
    assert main(["randomize", *words, "--workers", "1", "--out", "other"]) == 0
    assert "of format boundcheck-sweep/1" in refused("rank", "other")
