"""``boundcheck rademacher``: both modes, their JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundcheck.rademacher import FiniteClass, complexity

Run = Callable[..., Any]


@pytest.mark.parametrize("more", [(), ("--n", "8")])
def test_a_closed_class(desk: Path, boundcheck: Run, more: tuple[str, ...]) -> None:
    answer = boundcheck("rademacher", "--class", "l1", "--data", "data.npz", *more, "--json", "-")
    assert answer.code == 0
    content = json.loads(answer.out)
    assert content["format"] == "boundcheck-rademacher/1"
    assert content["exact"] == bool(more)
    assert content["analytic"][0] <= content["upper"]
    assert content["lower"] <= content["analytic"][1]
    assert content["lower"] <= content["upper"]


def test_a_finite_class_from_a_file(desk: Path, boundcheck: Run) -> None:
    values = np.random.default_rng(0).normal(size=(4, 7))
    np.save("values.npy", values)
    content = json.loads(boundcheck("rademacher", "--class", "finite", "--values", "values.npy", "--json", "-").out)
    reference = complexity(FiniteClass(values))
    assert (content["lower"], content["upper"]) == (reference.lower, reference.upper)


def test_a_checkpoint_and_an_interrupted_study(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("rademacher", "--checkpoint", "run.pt", "--draws", "2", "--epochs", "2", "--json", "found.json")
    from boundcheck.studies import random_signs

    real = random_signs.fit_draws

    def interrupted(*arguments: Any, **named: Any) -> object:
        if 1 in named["numbers"]:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(random_signs, "TOGETHER", 1)
    monkeypatch.setattr(random_signs, "fit_draws", interrupted)
    assert boundcheck(*words).code == 130
    assert not Path("found.json").exists()
    assert len(Path("found.json.draws").read_text().splitlines()) == 2
    monkeypatch.setattr(random_signs, "fit_draws", real)
    answer = boundcheck(*words)
    assert answer.code == 0
    content = json.loads(Path("found.json").read_text())
    assert [draw["draw"] for draw in content["draws"]] == [0, 1]
    assert {row["key"] for row in content["classes"]} >= {"program", "exact"}
    assert "no two-sided bound" in " ".join(answer.out.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--checkpoint FILE or --class NAME"),
        (("--checkpoint", "run.pt", "--class", "l1"), "--checkpoint FILE or --class NAME"),
        (("--class", "l2"), "did you mean"),
        (("--class", "l1", "--draws", "0"), "at least one of --draws"),
        (("--class", "l1", "--epochs", "3"), "--class without --epochs"),
        (("--checkpoint", "run.pt", "--n", "3"), "--checkpoint without --n"),
        (("--class", "l1", "--radius", "-1"), "a positive radius"),
        (("--class", "l1", "--delta", "1"), "delta in (0, 1)"),
        (("--class", "kernel", "--data", "data.npz"), "--bandwidth"),
        (("--class", "finite"), "--values"),
        (("--class", "finite", "--values", "data.npz"), "one matrix"),
        (("--class", "finite", "--values", "no.npy"), "no.npy"),
        (("--class", "l1", "--values", "v.npy"), "belongs to --class finite"),
        (("--checkpoint", "no.pt"), "no.pt"),
        (("--checkpoint", "run.pt", "--keep", "data.npz"), "finished draws"),
        (("--checkpoint", "run.pt", "--epochs", "0"), "--epochs"),
    ],
)
def test_bad_words(refused: Callable[..., str], words: tuple[str, ...], says: str) -> None:
    assert says in refused("rademacher", *words)
