"""Networks: architectures, the canonical graph of any torch module, and what is measured on it.

The only room besides training, certificates and collection that imports torch; names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "ARCHITECTURES": "architectures",
    "build": "architectures",
    "describe": "architectures",
    "rebuild": "architectures",
    "from_factory": "factory",
    "Normalize": "modules",
    "Graph": "graph",
    "Node": "graph",
    "trace": "tracing",
    "Margins": "margin",
    "margins": "margin",
    "evaluate_margins": "margin",
    "program_margins": "margin",
    "growth_layers": "growth",
    "path_norm": "path",
    "layer_norms": "norms",
    "two_layer_norm": "norms",
    "leading_lipschitz": "norms",
    "operator_norm": "operator_norms",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
