"""What the bounds for two dense layers and a reference read off the evidence, and what they ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    fixed_factors,
    has_bias,
    lipschitz_factors,
    reference_hypothesis,
    require_positive,
    sample_hypotheses,
    slope_hypothesis,
)
from boundcheck.evidence.hidden_units import HiddenUnits
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable


def two_layer_hypotheses(evidence: Evidence) -> Sequence[Hypothesis]:
    """That there are two dense layers is what the measurement looks for."""
    return (
        *sample_hypotheses(evidence),
        reference_hypothesis(evidence),
        chain_hypothesis(evidence),
        slope_hypothesis(evidence),
    )


def two_layer_symbols(evidence: Evidence) -> tuple[HiddenUnits, dict[str, Any]]:
    """The hidden units, and the symbols that do not speak of them.

    Raises:
        NotApplicable: A section is not there, or a norm is zero or infinite.
    """
    units, inputs = evidence.hidden_units, evidence.inputs
    if units is None or inputs is None or evidence.margins is None:
        raise NotApplicable("the evidence holds no inputs, margins or hidden units")
    layers, biased = chain_layers(evidence), has_bias(evidence)
    factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
    require_positive([units.last, *factors], "the norm of a layer")
    if not math.isfinite(units.distance_sum + units.distance):
        raise NotApplicable("a hidden unit lies too far from its reference")
    return units, {
        "margins": evidence.margins,
        "units": units.units,
        "biased": biased,
        "factors": factors,
        "input_frobenius": inputs.frobenius_augmented if biased else inputs.frobenius,
        "input_spectral": inputs.spectral_augmented if biased else inputs.spectral,
        "classes": evidence.problem.classes,
        "n": evidence.problem.n,
    }
