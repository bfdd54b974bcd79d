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

_LEFT_OUT = {
    "Hardt, Recht and Singer, ICML 2016 (stability of stochastic gradient descent)": (
        "bounds the expected gap of a surrogate loss, over samples and orders of examples, from a Lipschitz and a "
        "smoothness constant that hold at all weights and from the sum of the step sizes; for a network neither constant "
        "is finite, and a file of weights does not hold its step sizes. The rate for losses that are not convex asks for "
        "steps of at most c/t, which nobody takes."
    ),
    "Xu and Raginsky, NIPS 2017; Steinke and Zakynthinou, COLT 2020; Harutyunyan et al., NeurIPS 2021; Wang and Mao, ICML 2023": (
        "bound the expected gap by information between the sample and what was learned. It is a number of the training "
        "algorithm, not of a trained network: estimating it takes many trainings on a supersample twice as large, whose "
        "other half is held-out data, and the estimate has no finite-sample guarantee. At zero training error the "
        "sharpest of them is the error on that half."
    ),
    "Wei and Ma, NeurIPS 2019; Nagarajan and Kolter, ICLR 2019": (
        "have constants that the papers leave open, and conditions on Jacobians at every input that one network at hand "
        "can't show."
    ),
}
"""Results that are neither bounds nor measures here, with the reason."""


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
    parts.append("## Left out, and why")
    parts += [f"**{plain(source)}** {plain(why)}" for source, why in _LEFT_OUT.items()]
    return "\n\n".join(parts) + "\n"
