"""Order of the suite, and the plan of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, so that no process is left with one of them when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A sweep of small networks on the embedded digits, written down: four combinations, two seeds each."""
    path = tmp_path / "plan.toml"
    path.write_text(
        """
stop = "loss:0.3"
epochs = 30
seeds = 2
bounds = ["bartlett2017spectral", "gonon2024path"]
[fixed]
n = 100
depth = 1
batch_size = 20
[vary]
width = [4, 8]
lr = [0.02, 0.1]
"""
    )
    return path
