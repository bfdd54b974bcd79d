"""The page of the experiment shows the tables that its rows give, and its claims of the spheres are those of the rows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from boundcheck.studies.engine import read_rows
from boundcheck.studies.nagarajan2019spheres import conclude

FOLDER = Path(__file__).parents[2] / "experiments" / "uniform_convergence"


def test_the_tables_are_those_of_the_rows() -> None:
    spec = importlib.util.spec_from_file_location("table", FOLDER / "table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.tables() in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_what_follows_from_the_spheres() -> None:
    rows = [dict(row.result or {}) for row in read_rows(FOLDER / "spheres")]
    found = conclude(rows, 0.05)
    assert (found.lower_bound, found.failure) == pytest.approx((0.8315, 0.2741), abs=1e-4)
    assert all(row["flipped_errors"] >= 0.97 * 50_000 for row in rows)
