"""The command line in this process, one small checkpoint, and a watch on every file that a refused command could touch."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundcheck.cli.main import main
from boundcheck.runs import certifying

CHEAP = "langford2005testset,blumer1987bits"
"""Bounds that need no search."""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def boundcheck(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs the command line and returns exit code, standard output and standard error."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small network on the embedded digits."""
    path = tmp_path_factory.mktemp("trained") / "run.pt"
    assert main(["train", "--widths", "8", "--epochs", "2", "--n", "300", "--out", str(path)]) == 0
    return path


def arrays(n: int = 60, classes: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    """A small data file whose classes are three clouds."""
    rng = np.random.default_rng(seed)
    y = np.arange(2 * n) % classes
    x = (np.eye(classes, 5)[y] * 4.0 + rng.normal(size=(2 * n, 5))).astype(np.float32)
    return {"x_train": x[:n], "y_train": y[:n], "x_test": x[n:], "y_test": y[n:]}


def save_arrays(path: Path, **changes: np.ndarray) -> Path:
    np.savez(path, **(arrays() | changes))
    return path


@pytest.fixture
def desk(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a copy of the checkpoint and a data file, out of reach of the user's data folder."""
    monkeypatch.delenv("BOUNDCHECK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained, tmp_path / "run.pt")
    save_arrays(tmp_path / "data.npz")
    return tmp_path


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(boundcheck: Callable[..., Answer], desk: Path) -> Callable[..., str]:
    """Runs a command that has to be refused and returns its one line.

    Exit code 2; one line on standard error, nothing on standard output; every file on the desk is as it was, and none is new.
    """

    def run(*words: object) -> str:
        before = snapshot(desk)
        answer = boundcheck(*words)
        assert answer.code == 2, answer
        assert answer.out == ""
        assert answer.err.endswith("\n")
        assert answer.err.count("\n") == 1, answer.err
        assert answer.err.startswith("boundcheck: ")
        assert "Traceback" not in answer.err
        assert {k: v for k, v in snapshot(desk).items() if "__pycache__" not in k} == before
        return answer.err

    return run


@pytest.fixture
def refused_evaluation(refused: Callable[..., str], desk: Path) -> Callable[..., str]:
    """An evaluation that has to be refused, with every kind of output asked for over files that exist already."""
    (desk / "out").mkdir()
    outputs = {"--json": "r.json", "--latex": "r.tex", "--html": "r.html", "--plot": "r.png", "--evidence": "e.json"}
    for name in outputs.values():
        (desk / "out" / name).write_text("as it was")
    asked = [word for option, name in outputs.items() for word in (option, f"out/{name}")]

    def run(*words: object) -> str:
        line = refused("evaluate", *words, *asked)
        assert line.startswith("boundcheck: expected ")
        assert "; got " in line
        expected, _, rest = line.removeprefix("boundcheck: expected ").partition("; got ")
        came, _, advice = rest.rpartition("; ")
        assert all(part.strip() for part in (expected, came, advice)), line
        return line

    return run


@pytest.fixture
def stopped_at_save(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[None]]:
    """Where Ctrl-C comes just after a checkpoint of ``certify`` was written for the given time."""

    @contextmanager
    def stopped(stop: int) -> Iterator[None]:
        saved, count = certifying.Checkpoint.save, 0

        def save(checkpoint: Any, path: Any) -> None:
            nonlocal count
            saved(checkpoint, path)
            count += 1
            if count == stop:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(certifying.Checkpoint, "save", save)
            yield

    return stopped


@pytest.fixture
def heed_ctrl_c() -> Callable[[], None]:
    """For a process's start: a suite that a script put into the background ignores the signal, and its children would too."""
    return partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
