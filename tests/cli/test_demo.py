"""``boundcheck demo``: the whole story, and that it comes out as it must."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.cli.demo import STORY
from boundcheck.cli.main import main
from boundcheck.theorem import FAMILIES


def test_the_story_is_told_by_theorems_of_the_catalogue() -> None:
    assert set(STORY) <= set(CATALOGUE)
    told = {CATALOGUE[name].family for name in STORY}
    assert told == set(FAMILIES) - {"stability", "kernel", "rademacher"}  # those speak of kernel machines and linear classifiers


@pytest.mark.slow
def test_the_whole_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "story"
    assert main(["demo", "--out", str(folder), "--json", "-"]) == 0
    out = json.loads(capsys.readouterr().out)
    for labels in ("true", "random"):
        assert out[labels]["train"]["errors"] == 0  # the same network fits both
        assert json.loads((folder / f"{labels}.json").read_text()) == out[labels]
        assert (folder / f"{labels}.pt").stat().st_size > 0
    verdicts = {labels: {c["name"]: c["status"] for c in out[labels]["certificates"]} for labels in ("true", "random")}
    assert set(verdicts["random"].values()) == {"vacuous"}  # nothing can be learnt from random labels
    assert verdicts["true"]["langford2005testset"] == "non-vacuous"
    assert verdicts["true"]["maurer2004kl"] == "non-vacuous"
    assert verdicts["true"]["bartlett2017spectral"] == "vacuous"
    for labels in ("true", "random"):
        for certificate in out[labels]["certificates"]:
            measured = certificate["test_error"]
            assert measured is None or certificate["value"] >= measured - 0.1  # a held-out sample of 500 is off by less
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert (folder / "figure.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_file_in_the_way_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    assert (tmp_path / "file").read_text() == "mine"
    assert capsys.readouterr().err.startswith("boundcheck: expected a folder")
