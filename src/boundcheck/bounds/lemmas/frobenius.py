"""What the bounds by Frobenius norms alone read off a chain of layers, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.l1_norms import require_fixed_first
from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    fixed_factors,
    frobenius_norms,
    has_bias,
    lipschitz_factors,
    no_max_pool_hypothesis,
    require_positive,
    sample_hypotheses,
    slope_hypothesis,
)
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable


def frobenius_hypotheses(evidence: Evidence) -> Sequence[Hypothesis]:
    """A chain of affine maps and positively homogeneous elementwise activations."""
    return (
        *sample_hypotheses(evidence),
        chain_hypothesis(evidence),
        slope_hypothesis(evidence),
        no_max_pool_hypothesis(evidence),
    )


def frobenius_symbols(evidence: Evidence) -> dict[str, Any]:
    """Frobenius norms of the unrolled layers, augmented where there are biases.

    Raises:
        NotApplicable: There is no such chain, or a step that was fixed before the data stands behind a trained layer.
    """
    layers, biased = chain_layers(evidence), has_bias(evidence)
    if evidence.inputs is None or evidence.margins is None:
        raise NotApplicable("the evidence holds no inputs or margins")
    require_fixed_first(layers)
    frobenius = frobenius_norms(layers, biased=biased)
    factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
    require_positive(frobenius + factors, "the norm of a layer")
    return {
        "margins": evidence.margins,
        "frobenius": frobenius,
        "factors": factors,
        "input_frobenius": evidence.inputs.frobenius_augmented if biased else evidence.inputs.frobenius,
        "classes": evidence.problem.classes,
        "n": evidence.problem.n,
    }
