"""Networks written down in few bits and decoded again, and networks that few examples determine."""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "measure_code": "search",
    "CodedTensor": "code",
    "Message": "code",
    "decode": "code",
    "CodeDescent": "training",
    "CodeTraining": "settings",
    "CompressedFile": "bits_file",
    "pack": "stored",
    "parse": "bits_file",
    "unpack": "stored",
    "Learner": "pick",
    "pick_examples": "pick",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
