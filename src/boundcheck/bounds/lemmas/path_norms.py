"""What the theorems of the l1 path norm have in common: hypotheses, and the symbols that all of them read off the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import sample_hypotheses
from boundcheck.evidence.path_norm import PathNorm
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable


def path_hypotheses(evidence: Evidence) -> Sequence[Hypothesis]:
    """Only what no canonical view can place is excluded."""
    s = evidence.structure
    slopes = () if s is None else s.elementwise
    placed = s is not None and not s.unplaced
    return (
        *sample_hypotheses(evidence),
        Hypothesis.check(
            "the network is made of affine steps, ReLU or LeakyReLU, pools and sums",
            placed,
            "" if s is None else ", ".join(s.unplaced),
        ),
        Hypothesis.check("slopes of LeakyReLU lie in [0, 1]", all(0.0 <= a <= 1.0 for a in slopes), f"slopes are {slopes}"),
    )


def path_symbols(evidence: Evidence) -> tuple[PathNorm, dict[str, Any]]:
    """The record of the path norm, and the symbols that don't depend on how its levels are counted.

    Raises:
        NotApplicable: Something is missing, or the path norm is zero or overflows.
    """
    path, inputs = evidence.path, evidence.inputs
    if path is None or inputs is None or evidence.margins is None:
        raise NotApplicable("the evidence holds no path norm, inputs or margins")
    if not math.isfinite(path.log_total):
        raise NotApplicable(f"the logarithm of the path norm is {path.log_total}: the network is constant or its norm overflows")
    return path, {
        "margins": evidence.margins,
        "log_path": path.log_total,
        "max_column_square": inputs.max_column_square,
        "biased": path.has_bias,
        "d": evidence.problem.d,
        "classes": evidence.problem.classes,
        "n": evidence.problem.n,
    }
