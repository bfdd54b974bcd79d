"""``boundcheck certify`` as a stranger runs it."""

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
from boundcheck.evidence.serialize import read_evidence
from boundcheck.runs.checkpoint import read_checkpoint

Stopped = Callable[[int], AbstractContextManager[None]]
FAST = ["--model", "linear", "--epochs", "3", "--batch-size", "40", "--draws", "2000"]


@pytest.fixture
def data(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, n in (("train", 400), ("test", 100)):
        x = rng.normal(size=(n, 5)).astype(np.float32)
        arrays |= {f"x_{split}": x, f"y_{split}": (x[:, 0] > 0).astype(np.int64)}
    np.savez(tmp_path / "data.npz", **arrays)
    return str(tmp_path / "data.npz")


def certify(data: str, out: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main(["certify", "--data", data, *FAST, "--out", str(out), "--json", "-", *more])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    found: dict[str, Any] = json.loads(printed.out)
    return found


def row(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in report["certificates"] if c["name"] == name)


def evaluated(out: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["evaluate", "--checkpoint", str(out), "--json", "-", "--draws", "2000", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("posterior", ["gaussian", "laplace"])
@pytest.mark.parametrize("prior", ["zero", "initial"])
def test_the_certificate_is_measured_again_from_the_file_alone(
    data: str, tmp_path: Path, prior: str, posterior: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    told = certify(data, out, "--prior", prior, "--posterior", posterior, capsys=capsys)
    mine = row(told["report"], "maurer2004kl")
    again = row(evaluated(out, "--bounds", "maurer2004kl", capsys=capsys), "maurer2004kl")
    assert again["value"] == mine["value"]
    assert (
        told["certificate"]["value"] >= mine["value"] * 0.999
    )  # shares delta with others; nothing here is below the rest by more
    assert told["certificate"]["about"] == "gibbs"
    assert read_checkpoint(out).certificate["law"] == posterior


@pytest.mark.parametrize("prior", ["split:0.25", "recursive:3"])
def test_with_a_learned_prior_only_unseen_rows_count_and_the_hold_out_line_stands_beside(
    data: str, tmp_path: Path, prior: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    report = certify(data, out, "--prior", prior, capsys=capsys)["report"]
    split = row(report, "maurer2004kl")
    assert split["status"] != "not-applicable"
    assert row(report, "langford2005holdout")["about"] == "prior"
    assert row(report, "langford2005holdout")["value"] is not None
    assert (row(report, "wu2024recursive")["value"] is not None) == prior.startswith("recursive")
    stored = read_checkpoint(out).certificate
    counted, seen = stored["rows"][stored["first"] :], stored["prior_rows"]
    assert sorted([*counted.tolist(), *seen.tolist()]) == list(range(400))
    assert len(counted) == (300 if prior.startswith("split") else 200)


def altered(out: Path, **changes: Any) -> None:
    content = torch.load(out, weights_only=True)
    content["certificate"] |= changes
    torch.save(content, out)


@pytest.mark.parametrize(
    ("prior", "bounds", "says"),
    [
        ("split:0.25", "maurer2004kl,langford2005holdout", "300 of the 300 examples counted had a part in it"),
        ("recursive:3", "wu2024recursive", "200 examples are counted by a step whose prior has seen them"),
    ],
)
def test_a_prior_that_saw_a_counted_row_is_a_violated_hypothesis(
    data: str, tmp_path: Path, prior: str, bounds: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    certify(data, out, "--prior", prior, capsys=capsys)
    altered(out, prior_rows=torch.arange(400))
    for certificate in evaluated(out, "--bounds", bounds, capsys=capsys)["certificates"]:
        assert certificate["status"] == "not-applicable"
        assert says in certificate["why"]


def test_numbers_that_are_not_drawn_and_were_changed_are_refused_by_name(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    certify(data, out, capsys=capsys)
    scales = read_checkpoint(out).certificate["scales"]
    altered(out, scales={k: v for k, v in scales.items() if not k.endswith("bias")})
    (certificate,) = evaluated(out, "--bounds", "maurer2004kl", capsys=capsys)["certificates"]
    assert "1.bias is not drawn, and training changed it" in certificate["why"]


@pytest.mark.parametrize(
    "changes", [{"law": "cauchy"}, {"prior_scales": [0.0]}, {"rows": torch.tensor([1, 1])}, {"configurations": 0}, {"scales": {}}]
)
def test_a_certificate_that_is_not_whole_is_refused(
    data: str, tmp_path: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    certify(data, out, capsys=capsys)
    altered(out, **changes)
    assert main(["evaluate", "--checkpoint", str(out), "--bounds", "maurer2004kl"]) == 2
    assert next(iter(changes)) in capsys.readouterr().err


def test_a_choice_among_runs_is_paid_for(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = []
    for k in ("1", "100"):
        told = certify(data, tmp_path / f"{k}.pt", "--configurations", k, capsys=capsys)
        values.append(row(told["report"], "maurer2004kl")["value"])
    assert values[0] < values[1]


@pytest.mark.parametrize("prior", ["initial", "split:0.5", "recursive:3"])
def test_an_interrupt_keeps_what_was_done_and_resume_ends_in_the_same_file(
    data: str, tmp_path: Path, prior: str, stopped_at_save: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    settings = ["--prior", prior, "--settings", '{"prior_epochs": 3}']
    certify(data, whole, *settings, capsys=capsys)
    words = ["certify", "--data", data, *FAST, "--out", str(parts), *settings]
    for stop in (2, 1):
        resume = ["--resume"] if parts.exists() else []
        with stopped_at_save(stop):
            assert main([*words, *resume]) == 130
    assert main(["evaluate", "--checkpoint", str(parts), "--bounds", "maurer2004kl"]) == 0  # unfinished, and readable
    assert main([*words, "--resume", "--seed", "1"]) == 2
    assert "repeat the interrupted command" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    one, other = read_checkpoint(whole), read_checkpoint(parts)
    assert all(torch.equal(v, other.state[k]) for k, v in one.state.items())
    assert all(torch.equal(v, other.certificate["scales"][k]) for k, v in one.certificate["scales"].items())
    assert one.history == other.history
    assert main([*words, "--resume"]) == 2
    assert "was finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--method", "pac-bays"], "did you mean 'pac-bayes'"),
        (["--prior", "split:1.5"], "a prior"),
        (["--prior", "recursive:1"], "a prior"),
        (["--prior", "recursive:20"], "at least 524288 examples"),
        (["--objective", "klinv"], "an objective"),
        (["--posterior", "gauss"], "did you mean 'gaussian'"),
        (["--prior-scale", "0"], "--prior-scale"),
        (["--configurations", "0"], "--configurations of 1 or more"),
        (["--time", "0"], "--time of more than 0"),
        (["--delta", "1"], "--delta in (0, 1)"),
        (["--settings", '{"leraning_rate": 1}'], "a setting of pac-bayes"),
        (["--settings", '{"gamma": 1}'], "a gamma in (0, 1)"),
        (["--settings", '{"lr": "fast"}'], "settings of pac-bayes that are numbers"),
        (["--model", "mlp", "--batchnorm"], "which learns statistics"),
    ],
)
def test_words_that_make_no_sense_are_refused_and_no_file_is_touched(
    data: str, tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cert.pt"
    assert main(["certify", "--data", data, *FAST, "--out", str(out), *words]) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("more", [("--posterior", "laplace"), ("--prior", "recursive:2")])
def test_noise_follows_the_inputs_unless_the_posterior_can_not(
    data: str, tmp_path: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    certify(data, tmp_path / "a.pt", capsys=capsys)
    assert len(read_checkpoint(tmp_path / "a.pt").certificate["bases"]) == 1
    certify(data, tmp_path / "b.pt", "--basis", "weights", capsys=capsys)
    assert not read_checkpoint(tmp_path / "b.pt").certificate["bases"]
    certify(data, tmp_path / "c.pt", *more, capsys=capsys)
    assert not read_checkpoint(tmp_path / "c.pt").certificate["bases"]
    assert main(["certify", "--data", data, *FAST, "--basis", "inputs", *more, "--out", str(tmp_path / "d.pt")]) == 2
    assert "every basis" in capsys.readouterr().err


def test_a_time_that_is_short_draws_fewer_networks(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cert.pt"
    certify(data, out, capsys=capsys)
    given = ["evaluate", "--checkpoint", str(out), "--bounds", "maurer2004kl", "--evidence", str(tmp_path / "e.json")]
    counts = {}
    for seconds in ("1e-9", "1e9"):
        assert main([*given, "--effort", "full", "--time", seconds]) == 0
        counts[seconds] = read_evidence(str(tmp_path / "e.json")).posterior.draws
        (tmp_path / "e.json").unlink()
    assert counts == {"1e-9": 400, "1e9": 1_000_000}
