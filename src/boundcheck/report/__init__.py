"""What people and machines read: certificates beside the measured error.

Names are loaded when first used; matplotlib, pandas and rich only by the view that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boundcheck.report.comparison import Comparison as Comparison
    from boundcheck.report.report import Report as Report

_HOMES = {"Comparison": "comparison", "Report": "report"}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
