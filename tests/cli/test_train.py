"""``train``: deterministic, interruptible, resumable to the bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from boundcheck.runs.checkpoint import read_checkpoint
from boundcheck.runs.dense_gradients import DenseGradients
from boundcheck.runs.training import Trained, train_epochs

Run = Callable[..., Any]

LOSSES = ((torch.nn.functional, "cross_entropy"), (DenseGradients, "__call__"))
"""One of them is called in each step, whichever way the gradients are found."""


def same(a: Any, b: Any) -> bool:
    """Equality to the bit of nested plain values and tensors."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


SETTINGS = {
    "adam": ("--widths", "8", "--optimizer", "adam", "--lr", "1e-3"),
    "sgd with decay": ("--widths", "8", "--optimizer", "sgd", "--lr", "0.05", "--lr-decay", "0.9", "--weight-decay", "1e-4"),
    "batch norm": ("--widths", "8", "--batchnorm", "--batch-size", "23"),
    "random labels": ("--model", "linear", "--labels", "random"),
    "residual": ("--model", "residual", "--channels", "2,3"),
    "conv without biases": ("--model", "conv", "--channels", "2", "--no-bias"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_seed_gives_the_same_file(name: str, desk: Path, boundcheck: Run) -> None:
    words = ("train", *SETTINGS[name], "--n", "200", "--epochs", "2", "--seed", "7")
    assert boundcheck(*words, "--out", "a.pt").code == 0
    torch.manual_seed(123)  # the state of the global generator is nobody's input
    assert boundcheck(*words, "--out", "b.pt").code == 0
    assert (desk / "a.pt").read_bytes() == (desk / "b.pt").read_bytes()
    assert boundcheck(*words[:-1], "8", "--out", "c.pt").code == 0
    a, c = read_checkpoint("a.pt"), read_checkpoint("c.pt")
    assert not same(a.state, c.state)
    assert not same(a.initial_state, a.state)


def test_what_a_checkpoint_holds(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck(
        "train", "--widths", "16", "--labels", "corrupt:0.1", "--n", "200", "--epochs", "3", "--out", "a.pt", "--json", "-"
    )
    assert answer.code == 0
    assert "a.pt" in answer.err
    summary, checkpoint = json.loads(answer.out), read_checkpoint("a.pt")
    assert summary["format"] == "boundcheck-train/1"
    assert checkpoint.model == {"name": "mlp", "kwargs": {"input_shape": [1, 8, 8], "classes": 10, "widths": [16]}}
    assert (checkpoint.data.name, checkpoint.data.labels, checkpoint.data.n) == ("digits", "corrupt:0.1", 200)
    assert [record["epoch"] for record in checkpoint.history] == [1, 2, 3]
    assert list(checkpoint.history) == summary["history"]
    assert checkpoint.training["finished"] is True
    assert checkpoint.optimizer is None
    assert checkpoint.history[-1]["errors"] <= 200


def test_training_stops_at_zero_training_error(desk: Path, boundcheck: Run) -> None:
    assert (
        boundcheck("train", "--data", "data.npz", "--model", "linear", "--lr", "0.05", "--epochs", "500", "--out", "a.pt").code
        == 0
    )
    errors = [record["errors"] for record in read_checkpoint("a.pt").history]
    assert errors[-1] == 0
    assert all(errors[:-1])
    report = json.loads(boundcheck("evaluate", "--checkpoint", "a.pt", "--bounds", "langford2005testset", "--json", "-").out)
    assert report["train"]["errors"] == 0


@pytest.mark.parametrize("name", ["adam", "sgd with decay", "batch norm"])
@pytest.mark.parametrize("done", [1, 3])
def test_an_interrupt_keeps_whole_epochs(
    name: str, done: int, desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", *SETTINGS[name], "--n", "200", "--epochs", "5", "--seed", "3")
    assert boundcheck(*words, "--out", "whole.pt").code == 0
    steps = 0

    def interrupted(original: Callable[..., Any]) -> Callable[..., Any]:
        def loss(*arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == done * batches + batches // 2 + 1:  # in the middle of the next epoch, weights half changed
                raise KeyboardInterrupt
            return original(*arguments)

        return loss

    batch = 23 if name == "batch norm" else 128
    batches = -(-200 // batch)
    with monkeypatch.context() as patch:
        for owner, loss in LOSSES:
            patch.setattr(owner, loss, interrupted(getattr(owner, loss)))
        answer = boundcheck(*words, "--out", "parts.pt")
    assert answer.code == 130
    assert answer.err == "boundcheck: interrupted\n"
    left = read_checkpoint("parts.pt")
    assert len(left.history) == done
    assert left.training["finished"] is False
    usable = boundcheck("evaluate", "--checkpoint", "parts.pt", "--bounds", "langford2005testset", "--json", "-")
    assert json.loads(usable.out)["train"]["errors"] == left.history[-1]["errors"]
    assert boundcheck(*words, "--out", "parts.pt", "--resume").code == 0
    assert (desk / "parts.pt").read_bytes() == (desk / "whole.pt").read_bytes()


def test_an_interrupt_before_the_first_epoch_writes_nothing(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = (desk / "run.pt").read_bytes()
    for owner, loss in LOSSES:
        monkeypatch.setattr(owner, loss, interrupted)
    assert boundcheck("train", "--widths", "8", "--out", "run.pt").code == 130
    assert (desk / "run.pt").read_bytes() == before


def test_resume_refuses_other_settings(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any, on_epoch: Any, **further: Any) -> Trained:
        def tell(epoch: Any, stand: Trained) -> None:
            on_epoch(epoch, stand)
            raise KeyboardInterrupt

        return train_epochs(*arguments, on_epoch=tell, **further)

    words = ("train", "--widths", "8", "--n", "200", "--epochs", "4", "--out", "parts.pt")
    with monkeypatch.context() as patch:
        patch.setattr("boundcheck.runs.job.train_epochs", interrupted)
        assert boundcheck(*words).code == 130
    before = (desk / "parts.pt").read_bytes()
    for other in (
        ("--lr", "0.1"),
        ("--seed", "1"),
        ("--labels", "random"),
        ("--widths", "9"),
        ("--n", "201"),
        ("--batch-size", "64"),
    ):
        answer = boundcheck(*words, *other, "--resume")
        assert answer.code == 2
        assert "--resume with the settings" in answer.err
        assert (desk / "parts.pt").read_bytes() == before
    assert boundcheck(*words, "--epochs", "2", "--resume").code == 0  # how long it goes on is not a setting of what is done
    assert len(read_checkpoint("parts.pt").history) == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends the signal that Ctrl-C sends")
def test_ctrl_c_in_a_terminal(heed_ctrl_c: Callable[[], None], desk: Path, boundcheck: Run) -> None:
    words = ["train", "--widths", "16", "--n", "400", "--seed", "2", "--lr", "1e-5", "--epochs", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", TELLING, *words, "--out", "parts.pt"],
        cwd=desk,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert process.stdout is not None
    while "epoch" not in process.stdout.readline():  # one epoch at least is done
        assert process.poll() is None
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "boundcheck: interrupted\n"
    epochs = len(read_checkpoint(desk / "parts.pt").history)
    assert epochs >= 1
    words[-1] = str(epochs)
    assert boundcheck(*words, "--out", "parts.pt", "--resume").code == 0
    assert boundcheck(*words, "--out", "whole.pt").code == 0
    assert (desk / "parts.pt").read_bytes() == (desk / "whole.pt").read_bytes()


TELLING = """
import sys
import boundcheck.runs.job as job
from boundcheck.cli.main import main

train_epochs = job.train_epochs

def telling(*arguments, on_epoch, **further):
    def tell(epoch, stand):
        on_epoch(epoch, stand)
        print("epoch", epoch.epoch, flush=True)
    return train_epochs(*arguments, on_epoch=tell, **further)

job.train_epochs = telling
sys.exit(main(sys.argv[1:]))
"""


def test_a_network_of_ones_own(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "own_nets.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def lazy(width=6):\n    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), "
        "nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 3))\n"
        "def double():\n    return nn.Linear(5, 3).double()\n"
        "def frozen():\n    return nn.Linear(5, 3).requires_grad_(False)\n"
    )
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for factory in ("lazy", "double"):
        words = ("train", "--data", "data.npz", "--model", f"own_nets:{factory}", "--epochs", "3")
        for out in ("a.pt", "b.pt"):
            assert boundcheck(*words, "--out", out).code == 0
        assert (desk / "a.pt").read_bytes() == (desk / "b.pt").read_bytes()
        assert "if you trust that code" in boundcheck("evaluate", "--checkpoint", "a.pt").err
        answer = boundcheck(
            "evaluate", "--checkpoint", "a.pt", "--model", f"own_nets:{factory}", "--bounds", "langford2005testset", "--json", "-"
        )
        assert json.loads(answer.out)["train"]["errors"] == read_checkpoint("a.pt").history[-1]["errors"]
    refusal = boundcheck("train", "--data", "data.npz", "--model", "own_nets:frozen")
    assert refusal.code == 2
    assert "parameters to train" in refusal.err
