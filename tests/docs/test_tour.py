"""The notebook runs from its first cell to its last, as a student would run it, and what its text says happens."""

from __future__ import annotations

from pathlib import Path

import pytest

TOUR = Path(__file__).resolve().parents[2] / "experiments" / "tour.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook's machinery, not of ours
def test_the_tour(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.read(TOUR, as_version=4)
    nbformat.validate(book)
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(out.get("text", "") for cell in book.cells if cell.cell_type == "code" for out in cell.outputs)
    assert "true labels: 0 training errors" in said
    assert "random labels: 0 training errors" in said
    held_out = [line.split() for line in said.splitlines() if "error on held-out digits" in line]
    true, random = (float(words[-1]) for words in held_out)
    assert true < 0.1
    assert random > 0.8
    bounds = {words[0]: [float(word) for word in words[1:]] for words in map(str.split, said.splitlines()) if len(words) == 3}
    assert bounds["langford2005testset"][0] < 0.9 < bounds["langford2005testset"][1]
    for counting in ("vapnik1998growth", "blumer1987bits"):
        assert bounds[counting][0] == pytest.approx(bounds[counting][1], rel=0.05)
    for norm in ("golowich2018size", "bartlett2017spectral"):
        assert bounds[norm][1] > 2 * bounds[norm][0] > 1.8
