"""Fixtures of the battery: the evidence made by hand and the reviewer's list."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HERE = Path(__file__).parent


def _samples() -> ModuleType:
    name = "boundcheck_battery_samples"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _HERE / "samples.py")
        if spec is None or spec.loader is None:
            raise ImportError(f"expected samples.py in {_HERE}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


@pytest.fixture(scope="session")
def evidence() -> Any:
    return _samples().sample_evidence()


@pytest.fixture(scope="session")
def reviewed() -> dict[str, Any]:
    return tomllib.loads((_HERE.parent / "theorems.toml").read_text(encoding="utf-8"))
