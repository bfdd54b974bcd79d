"""``boundcheck train --stop``: what the checkpoint and the summary say, resuming, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boundcheck.runs.checkpoint import read_checkpoint

Run = Callable[..., Any]
SMALL = ("train", "--data", "data.npz", "--widths", "8", "--seed", "1")


def test_a_rule_that_is_met(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck(*SMALL, "--stop", "loss:0.2", "--out", "a.pt", "--json", "a.json")
    assert answer.code == 0
    assert "loss:0.2 reached" in " ".join(answer.out.split())
    assert json.loads(Path("a.json").read_text())["stopped"]
    checkpoint = read_checkpoint("a.pt")
    assert checkpoint.training["stop"] == "loss:0.2"
    assert checkpoint.training["stopped"]
    assert checkpoint.history[-1]["level"] <= 0.2


def test_a_rule_that_is_missed(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck(*SMALL, "--stop", "margin:50:1", "--epochs", "2", "--out", "a.pt", "--json", "a.json")
    assert answer.code == 0
    assert "margin:50:1 not reached" in " ".join(answer.out.split())
    assert not json.loads(Path("a.json").read_text())["stopped"]


@pytest.mark.parametrize("batch_size", ["1", "16"])
def test_a_resumed_training_ends_where_a_whole_one_does(
    desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch, batch_size: str
) -> None:
    from boundcheck.runs import training

    words = (*SMALL, "--stop", "margin:3:0.99", "--batch-size", batch_size, "--momentum", "0", "--lr", "0.01")
    assert boundcheck(*words, "--out", "whole.pt").code == 0
    real, seen = training.standing, []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(training, "standing", interrupted)
    assert boundcheck(*words, "--out", "parts.pt").code == 130
    monkeypatch.setattr(training, "standing", real)
    assert boundcheck(*words, "--out", "parts.pt", "--resume").code == 0
    whole, parts = read_checkpoint("whole.pt"), read_checkpoint("parts.pt")
    assert len(whole.history) > 3
    assert whole.history == parts.history
    assert all(bool((whole.state[name] == parts.state[name]).all()) for name in whole.state)


@pytest.mark.parametrize("rule", ["never", "margin:10", "loss:0"])
def test_other_rules_are_refused(refused: Callable[..., str], rule: str) -> None:
    assert "a rule that ends training" in refused(*SMALL, "--stop", rule)
