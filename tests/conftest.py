"""Order of the suite."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, so that no process is left with one of them when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
