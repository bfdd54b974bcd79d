"""``evaluate`` as a script uses it: what is printed where, the fields of the JSON, evidence saved and read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence import collect
from boundcheck.evidence.serialize import read_evidence
from boundcheck.numerics import binomial_tail_inverse

Run = Callable[..., Any]
CHEAP = ("--bounds", "langford2005testset,vapnik1998growth,blumer1987bits")

PROBE = """
import sys
from boundcheck.cli.main import main
code = main(sys.argv[1:])
print("MODULES", *sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def elsewhere(desk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with the names of all modules that it imported at the end of stderr."""
    return subprocess.run(
        [sys.executable, "-c", PROBE, *words], cwd=desk, capture_output=True, text=True, check=False, timeout=120
    )


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    for certificate in report["certificates"]:
        certificate.pop("seconds")
    return report


def test_report_as_json(desk: Path, boundcheck: Run) -> None:
    answer = boundcheck("evaluate", "--checkpoint", "run.pt", *CHEAP, "--json", "-")
    assert answer.code == 0
    report = json.loads(answer.out)  # nothing but JSON on standard output
    assert "langford2005testset" in answer.err
    assert report["format"] == "boundcheck-report/1"
    assert (report["delta"], report["joint"]) == (0.05, False)
    assert {"checkpoint": "run.pt", "model": "mlp", "data": "digits", "labels": "true"}.items() <= report["run"].items()
    assert report["run"]["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
    assert len(report["run"]["sha256"]) == 64
    train, test = report["train"], report["test"]
    assert train["n"] == 300
    assert train["error"] == train["errors"] / 300
    assert test["n"] == 500
    assert test["error"] == test["clean_error"] == test["errors"] / 500
    assert test["interval"][0] < test["error"] < test["interval"][1]
    assert [c["name"] for c in report["certificates"]] == ["langford2005testset", "vapnik1998growth", "blumer1987bits"]
    for c in report["certificates"]:
        assert c["status"] in ("non-vacuous", "vacuous", "not-applicable")
        assert c["about"] in ("network", "gibbs", "compressed", "sample")
        assert c["delta"] == 0.05
        assert c["vacuous_at"] == 0.9
        assert (c["why"] is None) == (c["status"] != "not-applicable")
        assert {"says", "state"} <= set(c["hypotheses"][0])
        assert c["terms"]
        assert c["value"] >= sum(c["terms"].values()) * (1 - 1e-15)  # the sum here rounds at each step, the report's once
    for measure in report["measures"]:
        assert set(measure) == {"name", "value"}
        assert measure["value"] is None or isinstance(measure["value"], float | int)
    assert report["certificates"][0]["value"] >= binomial_tail_inverse(test["errors"], 500, 0.05)


def test_every_output(desk: Path, boundcheck: Run) -> None:
    words = ("--json", "r.json", "--latex", "r.tex", "--html", "r.html", "--plot", "r.svg", "--evidence", "e.json")
    answer = boundcheck("evaluate", "--checkpoint", "run.pt", *CHEAP, *words)
    assert answer.code == 0
    assert "test error" in answer.out
    assert answer.err == ""
    assert json.loads((desk / "r.json").read_text())["train"]["n"] == 300
    assert "\\toprule" in (desk / "r.tex").read_text()
    assert "<html" in (desk / "r.html").read_text()
    assert "<svg" in (desk / "r.svg").read_text()
    assert read_evidence(desk / "e.json").problem.n == 300
    assert not [name for name in os.listdir(desk) if name.startswith(".boundcheck")]


def test_joint_divides_delta(desk: Path, boundcheck: Run) -> None:
    alone = json.loads(boundcheck("evaluate", "--checkpoint", "run.pt", *CHEAP, "--json", "-").out)
    joint = json.loads(boundcheck("evaluate", "--checkpoint", "run.pt", *CHEAP, "--joint", "--json", "-").out)
    assert joint["joint"] is True
    assert sum(c["delta"] for c in joint["certificates"]) <= 0.05
    for one, shared in zip(alone["certificates"], joint["certificates"], strict=True):
        assert shared["delta"] == pytest.approx(0.05 / 3, rel=1e-12)
        assert shared["value"] >= one["value"]
    assert joint["certificates"][0]["value"] > alone["certificates"][0]["value"]


def test_smaller_delta_gives_a_larger_bound(desk: Path, boundcheck: Run) -> None:
    values = []
    for delta in ("0.5", "0.05", "1e-9", "1e-300"):
        answer = boundcheck(
            "evaluate", "--checkpoint", "run.pt", "--bounds", "langford2005testset", "--delta", delta, "--json", "-"
        )
        values.append(json.loads(answer.out)["certificates"][0]["value"])
    assert values == sorted(values)
    assert len(set(values)) == 4


def test_only_what_is_asked_for_is_measured(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def watched(name: str, measure: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(m: Any) -> Any:
            measured.append(name)
            return measure(m)

        return call

    monkeypatch.setattr(collect, "MEASURED", {name: watched(name, f) for name, f in collect.MEASURED.items()})
    assert boundcheck("evaluate", "--checkpoint", "run.pt", "--bounds", "langford2005testset").code == 0
    assert measured == []
    assert boundcheck("evaluate", "--checkpoint", "run.pt", "--bounds", "blumer1987bits,bartlett2017spectral").code == 0
    reads = {*CATALOGUE["blumer1987bits"].reads, *CATALOGUE["bartlett2017spectral"].reads} - {"problem", "errors"}
    assert sorted(measured) == sorted(reads)  # each once


def test_evidence_gives_the_same_report(desk: Path, boundcheck: Run) -> None:
    bounds = ("--bounds", "langford2005testset,vapnik1998growth,blumer1987bits,bartlett2017spectral,golowich2018size")
    direct = boundcheck("evaluate", "--checkpoint", "run.pt", *bounds, "--json", "direct.json", "--evidence", "e.json")
    again = boundcheck("evaluate", "--from-evidence", "e.json", *bounds, "--json", "again.json")
    assert direct.code == again.code == 0
    assert direct.out == again.out
    first, second = (timeless(json.loads((desk / name).read_text())) for name in ("direct.json", "again.json"))
    assert first == second


def test_evidence_needs_no_torch_and_no_network(desk: Path, boundcheck: Run) -> None:
    assert boundcheck("evaluate", "--checkpoint", "run.pt", *CHEAP, "--evidence", "e.json").code == 0
    (desk / "run.pt").unlink()
    done = elsewhere(desk, "evaluate", "--from-evidence", "e.json", "--latex", "r.tex", "--html", "r.html", "--json", "-")
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.rsplit("MODULES", 1)[1].split()
    assert "torch" not in loaded
    named = [c["name"] for c in json.loads(done.stdout)["certificates"]]
    assert named == list(CATALOGUE)  # what was not measured is not applicable, with the reason
    assert (desk / "r.tex").exists()


def test_an_absolute_path_and_another_directory(desk: Path, boundcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "sub").mkdir()
    assert boundcheck("train", "--data", "data.npz", "--model", "linear", "--epochs", "2", "--out", "sub/mine.pt").code == 0
    monkeypatch.chdir(desk / "sub")
    assert boundcheck("evaluate", "--checkpoint", "mine.pt", *CHEAP, "--data", "../data.npz", "--json", "r.json").code == 0
    assert json.loads(Path("r.json").read_text())["run"]["data"] == "../data.npz"


def test_corrupted_labels_speak_of_their_law(desk: Path, boundcheck: Run) -> None:
    assert boundcheck("train", "--widths", "8", "--epochs", "3", "--labels", "corrupt:0.5", "--out", "c.pt").code == 0
    report = json.loads(boundcheck("evaluate", "--checkpoint", "c.pt", *CHEAP, "--json", "-").out)
    clean, law = report["test"]["clean_error"], report["test"]["error"]
    assert law == pytest.approx(0.5 * clean + 0.5 * 0.9, abs=1e-12)  # half of the labels are uniform on ten classes
    assert report["certificates"][0]["value"] >= law
    assert report["run"]["labels"] == "corrupt:0.5"


def test_reader_that_goes_away(desk: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "boundcheck", "bounds"], cwd=desk, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_beside_a_refusal(desk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "default", "-m", "boundcheck", "evaluate", "--checkpoint", "nowhere.pt", "--json", "-"],
        cwd=desk, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "nothing at" in done.stderr
