"""Fixtures of the battery: the evidence of a small network and the reviewer's list."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence


@pytest.fixture(scope="session")
def evidence() -> Evidence:
    return example_evidence()


@pytest.fixture(scope="session")
def reviewed() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent.parent / "theorems.toml").read_text(encoding="utf-8"))
