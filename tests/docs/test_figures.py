"""The figures come from committed rows: each script runs, its axes say what they show, its picture and tables are there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parents[2] / "paper_figures"
DRAWN = ("zhang_figure1", "zhang_figure2", "bounds_corruption", "kernel_norms")


@pytest.fixture
def scripts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield
    for name in ("style", "zhang_tables", *DRAWN):
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_says_what_it_shows(name: str, scripts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Figure] = {}
    module = load(name)
    monkeypatch.setattr(module, "save", lambda figure, called: drawn.update({called: figure}))
    module.main()
    (figure,) = drawn.values()
    assert set(drawn) == {name}
    assert (FOLDER / f"{name}.png").stat().st_size > 10_000
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title()
        shown = [line for line in axes.get_lines() if not line.get_label().startswith("_") and len(line.get_xdata()) > 1]
        looks = {(line.get_color(), str(line.get_linestyle()), line.get_marker()) for line in shown}
        assert len(shown) == len(looks)
        greys = {(str(line.get_linestyle()), line.get_marker(), line.get_linewidth()) for line in shown}
        assert len(greys) == len(shown)  # told apart without colour too


def test_the_tables_are_those_of_the_rows(scripts: None) -> None:
    tables = load("zhang_tables")
    kinds = [row for part in tables.KINDS for row in tables.finished(f"randomization/{part}")]
    regularizers = tables.finished("randomization/regularizers")
    assert tables.TABLE.read_text(encoding="utf-8") == tables.page(kinds, regularizers)
    assert set(tables.measured(regularizers)) <= {*tables.PAPER, *tables.PAPER_2}
