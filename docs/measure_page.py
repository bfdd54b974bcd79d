"""The page of the measures."""

from __future__ import annotations

import importlib
import inspect

from restructured import Links, display, markdown, plain

from boundcheck.measures import MEASURES
from boundcheck.measures.counts import COUNTS
from boundcheck.measures.function import FUNCTION
from boundcheck.measures.norms import NORMS
from boundcheck.measures.perturbation import PERTURBATION

_ROOMS = {"counts": COUNTS, "norms": NORMS, "function": FUNCTION, "perturbation": PERTURBATION}
_SIGNS = {1: "larger is meant to go with a larger gap", -1: "larger is meant to go with a smaller gap"}


def measure_page() -> str:
    """Every measure with its definition, its source and its sign."""
    parts = [
        "<!-- Written by docs/generate.py from the code; edit the docstrings there. -->",
        "# The measures",
        f"{len(MEASURES)} complexity measures. They lack the constants, the logarithms or the proof that would make them bounds: "
        "they rank networks, and boundcheck prints none of them as a bound. No sum is divided by the sample size. A margin whose "
        "10th percentile is not positive makes the measures that divide by it absent, with that reason; no absolute value is "
        "taken. Distances to initial weights are absent where no initial weights were given.",
    ]
    for room, measures in _ROOMS.items():
        head, _, body = (inspect.getdoc(importlib.import_module(f"boundcheck.measures.{room}")) or "").partition("\n")
        parts += [f"## {plain(head.rstrip('.'))}", *([markdown(body, Links(frozenset()))] if body.strip() else [])]
        for m in measures:
            reads = ", ".join(f"`{section}`" for section in m.reads) or "nothing but the count"
            parts += [f"### `{m.name}`: {plain(m.title)}", display(m.formula)]
            parts.append(f"{plain(m.source)}. {_SIGNS[m.sign].capitalize()}. Reads {reads}.")
    return "\n\n".join(parts) + "\n"
