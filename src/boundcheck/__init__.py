"""boundcheck checks theorems about generalization against trained networks.

>>> import boundcheck
>>> report = boundcheck.evaluate(model, train=(x, y), test=(x_test, y_test), reference=initial)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boundcheck.bounds import CATALOGUE
    from boundcheck.errors import InputError
    from boundcheck.evaluation import ask, evaluate, measure
    from boundcheck.evidence.serialize import read_evidence
    from boundcheck.runs.loading import load_run

__version__ = "0.1.0"

_WHERE = {
    "CATALOGUE": "boundcheck.bounds",
    "InputError": "boundcheck.errors",
    "ask": "boundcheck.evaluation",
    "evaluate": "boundcheck.evaluation",
    "load_run": "boundcheck.runs.loading",
    "measure": "boundcheck.evaluation",
    "read_evidence": "boundcheck.evidence.serialize",
}

__all__ = ["CATALOGUE", "InputError", "__version__", "ask", "evaluate", "load_run", "measure", "read_evidence"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that ``import boundcheck`` is quick."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
