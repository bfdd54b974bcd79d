"""Expressivity theorems made into networks, and checked."""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "Memorized": "memorized",
    "check_exactly": "exact",
    "check_in_floats": "floats",
    "compare": "comparison",
    "deep_network": "zhang2017deep",
    "memorize": "memorized",
    "prove": "proof",
    "shatter": "shattering",
    "sqrt_network": "yun2019sqrt",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
