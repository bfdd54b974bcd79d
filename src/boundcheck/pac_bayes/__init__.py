"""Posteriors around the weights of a network: searched for after training, or trained along their own certificate."""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "Descent": "training",
    "Gaussian": "gaussian",
    "StoredPosterior": "stored",
    "measure_posterior": "posterior",
    "measure_stored": "measure_stored",
    "train_posterior": "live",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
