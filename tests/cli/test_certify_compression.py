"""``certify`` by compression and by picked examples: what is written, what is read from the file alone, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boundcheck.cli.main import main
from boundcheck.compression import certify_picked
from boundcheck.runs.checkpoint import read_checkpoint

Stopped = Callable[[int], AbstractContextManager[None]]
SMALL = ["--data", "digits", "--model", "mlp", "--widths", "12", "--seed", "3"]


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("compressed")
    out, bits, said = folder / "c.pt", folder / "c.bits", folder / "c.json"
    settings = json.dumps({"step": 0.5, "start": 1.0, "factor": 0.3})
    command = ["certify", "--method", "compression", *SMALL, "--epochs", "20", "--batch-size", "50", "--lr", "0.1"]
    more = ["--settings", settings, "--configurations", "7", "--out", str(out), "--bytes", str(bits), "--json", str(said)]
    assert main([*command, *more]) == 0
    return {"out": out, "bits": bits, "json": json.loads(said.read_text())}


def evaluated(path: Path, folder: Path, *more: str) -> dict[str, Any]:
    said = folder / "evaluated.json"
    command = ["evaluate", "--checkpoint", str(path), "--bounds", "zhou2019compression,lotfi2022length", "--json", str(said)]
    assert main([*command, *more]) == 0
    return json.loads(said.read_text())


def row(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in report["certificates"] if c["name"] == name)


def test_the_file_alone_gives_bound_and_error_again(compressed: dict[str, Any], tmp_path: Path) -> None:
    mine = compressed["json"]["report"]
    from_checkpoint = evaluated(compressed["out"], tmp_path)
    from_bytes = evaluated(compressed["bits"], tmp_path, "--data", "digits", "--seed", "3")
    for name in ("zhou2019compression", "lotfi2022length"):
        values = [row(report, name)["value"] for report in (mine, from_checkpoint, from_bytes)]
        assert values[0] == values[1] == values[2] < 0.9
    assert mine["train"] == from_checkpoint["train"] == from_bytes["train"]
    assert mine["test"] == from_checkpoint["test"] == from_bytes["test"]


def test_the_number_of_configurations_is_paid_for(compressed: dict[str, Any]) -> None:
    assert compressed["json"]["configurations"] == 7
    content = torch.load(compressed["out"], weights_only=True)
    assert content["certificate"]["method"] == "compression"
    data = bytes(content["certificate"]["bytes"].tolist())
    assert data == compressed["bits"].read_bytes()
    assert b'"configurations": 7' in data


def test_altered_bytes_are_refused_with_a_reason(
    compressed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = compressed["bits"].read_bytes()
    rng = np.random.default_rng(0)
    for place in [*rng.integers(8, len(data), size=6).tolist(), len(data) - 1]:
        path = tmp_path / "altered.bits"
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        assert main(["evaluate", "--checkpoint", str(path), "--data", "digits"]) == 2
        said = capsys.readouterr().err.strip()
        assert said.count("\n") == 0
        assert "expected" in said
        assert "compressed network" in said
    path.write_bytes(data[:-9])
    assert main(["evaluate", "--checkpoint", str(path), "--data", "digits"]) == 2
    assert "cut short or altered" in capsys.readouterr().err
    content = torch.load(compressed["out"], weights_only=True)
    content["certificate"]["bytes"][60] ^= 1
    torch.save(content, tmp_path / "altered.pt")
    assert main(["evaluate", "--checkpoint", str(tmp_path / "altered.pt")]) == 2
    assert "cut short or altered" in capsys.readouterr().err


def test_other_weights_than_those_of_the_bytes_are_refused(
    compressed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = torch.load(compressed["out"], weights_only=True)
    name = next(iter(content["state_dict"]))
    content["state_dict"][name] = content["state_dict"][name] + 0.25
    torch.save(content, tmp_path / "other.pt")
    assert main(["evaluate", "--checkpoint", str(tmp_path / "other.pt")]) == 2
    assert "weights are those of its bytes" in capsys.readouterr().err


def test_picked_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, said = tmp_path / "p.pt", tmp_path / "p.json"
    command = ["certify", "--method", "pick-to-learn", *SMALL, "--epochs", "25", "--settings", '{"batch": 4, "lr": 0.01}']
    assert main([*command, "--out", str(out), "--json", str(said)]) == 0
    report = json.loads(said.read_text())["report"]
    picked = row(report, "campi2023compression")
    assert picked["status"] == "non-vacuous"
    assert row(report, "paccagnan2023pick")["value"] > picked["value"]
    content = torch.load(out, weights_only=True)["certificate"]
    pool, chosen, before = (content[name].tolist() for name in ("pool", "picked", "before"))
    assert picked["choices"] == {"examples picked": len(chosen)}
    assert len(set(chosen)) == len(chosen) <= len(pool)
    assert set(chosen) <= set(pool)
    assert not set(pool) & set(before)
    assert content["same_again"] is True
    capsys.readouterr()
    broken = torch.load(out, weights_only=True)
    broken["certificate"]["picked"] = torch.tensor([before[0]])
    torch.save(broken, tmp_path / "broken.pt")
    assert main(["evaluate", "--checkpoint", str(tmp_path / "broken.pt")]) == 2
    assert "rows that were picked from a pool" in capsys.readouterr().err


@pytest.mark.parametrize(("stage", "stops"), [("first", (3, 2)), ("picking", (14, 3))])
def test_an_interrupted_pick_goes_on_to_the_same_network_and_the_same_examples(
    stage: str,
    stops: tuple[int, ...],
    tmp_path: Path,
    stopped_at_save: Stopped,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(certify_picked, "SAVE_EVERY", 0.0)
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    how = json.dumps({"before": 0.4, "batch": 8, "lr": 0.01, "steps": 20, "pick_lr": 0.02})
    words = ["certify", "--method", "pick-to-learn", *SMALL, "--n", "400", "--epochs", "6", "--settings", how, "--out"]
    assert main([*words, str(whole)]) == 0
    for stop in stops:
        resume = ["--resume"] if parts.exists() else []
        with stopped_at_save(stop):
            assert main([*words, str(parts), *resume]) == 130
        assert stage in read_checkpoint(parts).optimizer
    assert main(["evaluate", "--checkpoint", str(parts), "--bounds", "campi2023compression"]) == 0  # unfinished, and readable
    assert main([*words, str(parts), "--resume"]) == 0
    one, other = read_checkpoint(whole), read_checkpoint(parts)
    assert all(torch.equal(v, other.state[k]) for k, v in one.state.items())
    assert torch.equal(one.certificate["picked"], other.certificate["picked"])
    assert len(one.certificate["picked"]) > 0
    assert other.certificate["same_again"] is True
    assert one.history == other.history
    capsys.readouterr()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--method", "compress"], "did you mean 'compression'"),
        (["--method", "compression", "--settings", '{"alphabets": 3}'], "did you mean 'alphabet'"),
        (["--method", "compression", "--epochs", "0"], "a usable epochs"),
        (["--method", "pick-to-learn", "--settings", '{"before": 1.0}'], "a usable before"),
        (["--method", "pick-to-learn", "--bytes", "x.bits"], "--bytes with --method compression"),
    ],
)
def test_what_cannot_be_used_is_refused(
    more: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["certify", *SMALL, *more]) == 2
    error = capsys.readouterr().err.strip()
    assert says in error
    assert error.count("\n") == 0
    assert list(tmp_path.iterdir()) == []
