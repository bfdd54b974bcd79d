"""What the bounds for one linear layer read off the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.l1_norms import require_fixed_first
from boundcheck.bounds.lemmas.layers import chain_hypothesis, chain_layers, has_bias, sample_hypotheses, trained
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence, Inputs
from boundcheck.theorem import Hypothesis, NotApplicable


def linear_hypotheses(evidence: Evidence) -> Sequence[Hypothesis]:
    """Independence, exact margins, and a function that is known."""
    return (*sample_hypotheses(evidence), chain_hypothesis(evidence))


def one_layer(evidence: Evidence) -> tuple[LayerNorms, list[LayerNorms], Inputs]:
    """The one layer with parameters, the fixed steps before it, and the norms of the inputs.

    Raises:
        NotApplicable: The network has more layers.
    """
    layers = chain_layers(evidence)
    if sum(map(trained, layers)) != 1:
        raise NotApplicable(f"the network has {sum(map(trained, layers))} layers with parameters, not one")
    if evidence.inputs is None or evidence.margins is None:
        raise NotApplicable("the evidence holds no inputs or margins")
    require_fixed_first(layers)
    structure = evidence.structure
    if structure is None or structure.elementwise or structure.has_max_pool:
        raise NotApplicable("an activation or a pool stands before the layer with parameters")
    return layers[-1], layers[:-1], evidence.inputs


def linear_symbols(evidence: Evidence) -> dict[str, Any]:
    """What every bound for one linear layer reads."""
    biased = has_bias(evidence)
    return {
        "margins": evidence.margins,
        "classes": evidence.problem.classes,
        "n": evidence.problem.n,
        "d": evidence.problem.d + biased,
    }
