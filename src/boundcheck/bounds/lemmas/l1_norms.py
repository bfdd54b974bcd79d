r"""What the bounds by l1 norms read off a chain of layers, and the peeling that they share.

With :math:`\|w\|_1 \le 1` a row turns the largest coordinate below it into one number, so that for an activation of slope a
in [0, 1] on the negative side and q = (3 - a)/2

.. math:: E \exp(t \sup_{w, h} |\sum_i \sigma_i \phi(w \cdot h(x_i))|) \le q\, E \exp(t \sup_h \|\sum_i \sigma_i h(x_i)\|_\infty):

:math:`\phi(s) = \frac{1+a}2 s + \frac{1-a}2 |s|`, the exponential is convex, and a contraction makes a factor 2 of the absolute
value, one for each sign of the sum. At the inputs :math:`E \exp(t \|\sum_i \sigma_i x_i\|_\infty) \le 2 d \exp(t^2 V / 2)` with
:math:`V = \max_j \sum_i x_{ij}^2`. The same holds with Gaussian numbers in place of the signs (condition on their sizes).

Average pools are rows of l1 norm 1 and are merged into the layer above. Biases are augmented away; the row that carries the
constant has l1 norm 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import chain_layers, has_bias, require_positive, trained
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, log_up, mul_up, up
from boundcheck.theorem import NotApplicable


def l1_symbols(evidence: Evidence) -> dict[str, Any]:
    """Norms of the rows of the layers below the last one, and what is said of the inputs.

    Raises:
        NotApplicable: There is no such chain, or a step that was fixed before the data stands behind a trained layer.
    """
    layers, biased = chain_layers(evidence), has_bias(evidence)
    if evidence.inputs is None or evidence.margins is None:
        raise NotApplicable("the evidence holds no inputs or margins")
    require_fixed_first(layers)
    rows = [max(1.0, a.max_row_l1) if biased else a.max_row_l1 for a in layers[:-1]]
    factors = [max(1.0, a.sup_lipschitz_after) if biased else a.sup_lipschitz_after for a in layers]
    require_positive([*rows, *factors, layers[-1].max_row_l1], "the norm of a layer")
    columns, n = evidence.inputs.max_column_square, evidence.problem.n
    return {
        "margins": evidence.margins,
        "rows": rows,
        "factors": factors,
        "max_column_square": max(columns, float(n)) if biased else columns,
        "d": evidence.problem.d + biased,
        "classes": evidence.problem.classes,
        "n": n,
    }


def require_fixed_first(layers: Sequence[LayerNorms]) -> None:
    """Refuse a chain in which fixed linear steps stand elsewhere than before the first layer with parameters.

    Raises:
        NotApplicable: It is so.
    """
    free = [trained(layer) for layer in layers]
    if not free[-1]:
        raise NotApplicable("the last layer has no parameters")
    if not all(free[free.index(True) :]):
        raise NotApplicable("a step without parameters stands between layers with parameters")


def log_moment_up(levels: int, slope: float, d: int, copies: int) -> float:
    """``levels ln((3 - slope)/2) + ln(2 d copies)``, rounded up."""
    return add_up(mul_up(float(levels), log_up(up((3.0 - slope) / 2.0))), log_up(2.0 * d * copies))
