"""``boundcheck kernel`` as a stranger would run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundcheck.evidence.serialize import read_evidence
from boundcheck.report import Report
from boundcheck.theorem import Status


def test_a_report_with_everything_it_promises(boundcheck: Callable[..., Any], desk: Path) -> None:
    answer = boundcheck(
        "kernel", "--data", "digits", "--bandwidth", 1.5, "--n", 300, "--json", "k.json", "--html", "k.html", "--latex", "k.tex",
        "--plot", "k.svg", "--evidence", "e.json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "GB that are free" in answer.out
    found = json.loads((desk / "k.json").read_text())
    facts = found["kernel"]
    assert found["format"] == "boundcheck-report/1"
    assert found["train"]["errors"] == 0
    assert facts["residual"] < 1e-6
    assert facts["computed_residual"] <= facts["residual"]
    assert facts["norm"][0] <= facts["smallest_norm"][1]
    assert facts["smallest_norm"][0] <= facts["norm"][1]
    assert facts["certified_eigenvalue"] > 0.0
    assert facts["distance_certified"]
    assert facts["rank"] == facts["distinct"] == 300
    report = Report.from_json(desk / "k.json")
    assert report["mohri2018kernel"].status is Status.VACUOUS
    assert report["bousquet2002stability"].status is Status.NOT_APPLICABLE
    assert report["langford2005testset"].status is Status.NON_VACUOUS
    assert dict(report.measures)["leave_one_out_error"] == facts["leave_one_out"]["error"]
    assert "smallest norm" in (desk / "k.html").read_text()
    assert read_evidence("e.json").kernel.outputs == 10
    # The folder of a checkpoint of networks is of no use here; evidence is.
    again = boundcheck("evaluate", "--from-evidence", "e.json", "--bounds", "mohri2018kernel", "--json", "-")
    assert json.loads(again.out)["certificates"][0]["value"] == report["mohri2018kernel"].value


def test_random_labels_have_a_larger_norm(boundcheck: Callable[..., Any], desk: Path) -> None:
    norms = []
    for labels in ("true", "random"):
        answer = boundcheck("kernel", "--labels", labels, "--n", 250, "--bandwidth", 1.5, "--no-loo", "--json", "-")
        assert answer.code == 0, answer.err
        found = json.loads(answer.out)
        assert found["train"]["error"] == 0.0
        norms.append(found["kernel"]["norm"][0])
    assert norms[1] > 1.5 * norms[0]


@pytest.mark.parametrize("words", [("--features", "gabor"), ("--features", "patches:8"), ("--kernel", "ntk", "--depth", 2)])
def test_fixed_features_and_other_kernels(boundcheck: Callable[..., Any], desk: Path, words: tuple[object, ...]) -> None:
    answer = boundcheck("kernel", *words, "--n", 200, "--no-loo", "--json", "-")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["kernel"]["residual"] < 1e-6
    assert found["test"]["error"] < 0.2


def test_ridge_is_stable(boundcheck: Callable[..., Any], desk: Path) -> None:
    answer = boundcheck("kernel", "--n", 300, "--ridge", 1.0, "--bandwidth", 1.5, "--json", "-")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    stability, left_out = (
        next(c for c in found["certificates"] if c["name"] == name) for name in ("bousquet2002stability", "bousquet2002leaveout")
    )
    assert stability["status"] != "not-applicable"
    assert 0.0 < left_out["value"] < 1.2
    assert found["kernel"]["leave_one_out"]["certified"]
    assert found["kernel"]["smallest_norm"] is None


def test_a_factor_is_kept_and_used_again(boundcheck: Callable[..., Any], desk: Path) -> None:
    words = ("kernel", "--n", 200, "--bandwidth", 1.5, "--no-loo", "--factor", "kept", "--json", "-")
    first, second = (json.loads(boundcheck(*words).out) for _ in range(2))
    assert list((desk / "kept").rglob("column-*.bin"))
    assert first["kernel"]["norm"] == second["kernel"]["norm"]
    other = boundcheck("kernel", "--n", 200, "--bandwidth", 1.6, "--factor", "kept")
    assert other.code == 2
    assert "another kernel" in other.err


def test_an_interrupt_ends_with_130(boundcheck: Callable[..., Any], desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boundcheck.kernels.interpolant as module

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "solve", interrupted)
    assert boundcheck("kernel", "--n", 50, "--json", "k.json").code == 130
    assert not (desk / "k.json").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kernel", "gausian"), "did you mean 'gaussian'"),
        (("--kernel", "precomputed"), "MinNormInterpolant from Python"),
        (("--bandwidth", 0), "positive bandwidth"),
        (("--ridge", -1), "ridge"),
        (("--n", 0), "--n between 1"),
        (("--features", "patches"), "patches:M"),
        (("--data", "synthetic:gaussians", "--features", "gabor"), ""),
        (("--memory", 1e-3, "--n", 200), "memory"),
        (("--effort", "great"), "effort"),
        (("--delta", 0), "delta"),
        (("--bounds", "nosuch"), "bound"),
        (("--html", "-"), "--json alone"),
        (("--data", "data.npz", "--html", "data.npz"), "which is read"),
        (("--json", "nowhere/k.json"), "directory"),
    ],
)
def test_what_is_refused(refused: Callable[..., str], desk: Path, words: tuple[object, ...], says: str) -> None:
    assert says in refused("kernel", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kernel", "linear"), "singular"),
        (("--data", "twins.npz", "--bandwidth", 1), "rows 0 and 1"),
        (("--factor", "data.npz"), "folder"),
    ],
)
def test_what_the_fit_finds_out(boundcheck: Callable[..., Any], desk: Path, words: tuple[object, ...], says: str) -> None:
    """The estimate of time and memory has been printed by then; no file is written."""
    x = np.ones((4, 2), dtype=np.float32)
    np.savez(desk / "twins.npz", x_train=x, y_train=[0, 1, 0, 1], x_test=x, y_test=[0, 1, 0, 1])
    answer = boundcheck("kernel", *words, "--json", "k.json")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert says in answer.err
    assert not (desk / "k.json").exists()
