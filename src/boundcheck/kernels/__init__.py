"""Gram matrices and the interpolant of smallest norm, exact and at full size."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boundcheck.kernels.catalogue import make_kernel as make_kernel
    from boundcheck.kernels.interpolant import MinNormClassifier as MinNormClassifier
    from boundcheck.kernels.interpolant import MinNormInterpolant as MinNormInterpolant
    from boundcheck.kernels.interpolant import MinNormRegressor as MinNormRegressor

_HOMES = {
    "MinNormClassifier": "interpolant",
    "MinNormInterpolant": "interpolant",
    "MinNormRegressor": "interpolant",
    "make_kernel": "catalogue",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
