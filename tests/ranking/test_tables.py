"""Other people's tables and the rows of a sweep: what is taken, what is left out and said, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boundcheck.cli.main import main
from boundcheck.errors import InputError
from boundcheck.ranking import Settings, rank
from boundcheck.ranking.networks import from_table
from boundcheck.ranking.rows import FORMAT, bounds_among, from_results

NAMES = ("width", "depth", "lr")


def result(width: int, seed: int, gap: float, **other: object) -> dict[str, object]:
    return {
        "format": FORMAT,
        "settings": {"width": width, "widths": [width, width], "seed": seed},
        "fitted": True,
        "train": {"n": 100, "error": 0.0},
        "test": {"n": 1000, "error": gap},
        "measures": {"norm": float(width), "absent": None},
        "bounds": {"bartlett2017spectral": 2.0 + gap},
        **other,
    }


def test_a_sweep_says_which_columns_are_what() -> None:
    results = [result(width, seed, 0.01 * width + 0.001 * seed) for width in (4, 8) for seed in (0, 1)]
    networks = from_results([*results, result(4, 2, 0.5, fitted=False)], failed=3)
    assert set(networks.settings) == {"width", "widths"}  # the seed makes repeats
    assert networks.missing == {"absent": 4}
    assert bounds_among(networks) == {"bound:bartlett2017spectral"}
    assert list(networks.test_size) == [1000] * 4
    assert any("1 of 5 networks missed the stopping rule" in note for note in networks.notes)
    assert any("3 jobs of the sweep failed" in note for note in networks.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hyperparameters": ["widht"]}, "did you mean 'width'"),
        ({"measures": ["nothing"]}, "'nothing'"),
        ({"gap": ("test", "train")}, "'test'"),
        ({"hyperparameters": ["constant"]}, "hyper-parameter that varies"),
        ({"measures": ["constant"]}, "constant ones"),
        ({"measures": ["words"]}, "numbers in column 'words'"),
        ({"fitted": "words"}, "true or false"),
        ({"test_size": 0}, "at least 1"),
        ({"test_size": "gap"}, "at least 1"),
    ],
)
def test_what_can_not_be_used_is_refused(make_table: Callable[..., pd.DataFrame], change: dict[str, object], said: str) -> None:
    table = make_table().assign(constant=1.0, words="some")
    with pytest.raises(InputError, match=said):
        from_table(table, **{"hyperparameters": NAMES, "gap": "gap", **change})


def test_a_constant_measure_among_others_is_said_to_be_one(make_table: Callable[..., pd.DataFrame]) -> None:
    networks = from_table(make_table().assign(constant=1.0), hyperparameters=NAMES, gap="gap")
    found = rank(networks, Settings(bootstrap=0))
    assert networks.constant == ("constant",)
    assert found["constant"].constant
    assert found["constant"].tau is None


def test_infinite_values_are_values_and_come_last(make_table: Callable[..., pd.DataFrame]) -> None:
    table = make_table(1)
    table["bound"] = table["gap"].where(table["gap"] < table["gap"].max(), np.inf)
    found = rank(from_table(table, hyperparameters=NAMES, gap="gap"), Settings(bootstrap=0, effective_size=0.0))
    assert found["bound"].tau == found["same"].tau


def test_from_the_command_line(make_table: Callable[..., pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source, out = tmp_path / "table.csv", tmp_path / "ranking.json"
    make_table(0, repeats=6).assign(ok=True).to_csv(source, index=False)
    words = ["rank", str(source), "--hyperparameters", "width,depth,lr", "--gap", "gap", "--fitted", "ok", "--test-size", "2000"]
    figures = ["--plot", str(tmp_path / "a.png"), "--heatmap", str(tmp_path / "b.svg"), "--latex", str(tmp_path / "c.tex")]
    assert (
        main([*words, "--measures", "same,coarse,reverse", "--json", str(out), "--csv", str(tmp_path / "d.csv"), *figures]) == 0
    )
    content = json.loads(out.read_text())
    assert [line["name"] for line in content["measures"][:3]] == ["same", "coarse", "reverse"]
    assert content["measures"][0]["sign_error"]["largest"] == 0.0
    assert len(pd.read_csv(tmp_path / "d.csv")) == 7
    assert (tmp_path / "c.tex").read_text().count(r"\\") == 8
    assert "oracle" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["{csv}"],
        ["{csv}", "--gap", "gap"],
        ["{csv}", "--hyperparameters", "width", "--gap", "gap", "--test-error", "gap"],
        ["{csv}", "--hyperparameters", "width", "--test-error", "gap"],
        ["{csv}", "--hyperparameters", "width,", "--gap", "gap"],
        ["{csv}", "--hyperparameters", "width", "--gap", "gap", "--threshold", "1"],
        ["{csv}", "--hyperparameters", "width", "--gap", "gap", "--bootstrap", "-1"],
        ["{csv}.gone", "--hyperparameters", "width", "--gap", "gap"],
        ["{dir}"],
        ["{dir}", "--gap", "gap"],
    ],
)
def test_bad_words_cost_no_file(
    make_table: Callable[..., pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture, words: list[str]
) -> None:
    source, out = tmp_path / "table.csv", tmp_path / "old.json"
    make_table().to_csv(source, index=False)
    out.write_text("old")
    filled = [word.format(csv=source, dir=tmp_path) for word in words]
    assert main(["rank", *filled, "--json", str(out)]) == 2
    assert out.read_text() == "old"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
