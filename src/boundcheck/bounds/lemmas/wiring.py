r"""Layers that signals reach on several ways: how large signals are, and how far a change of one layer gets.

A network is a list of steps; each maps the sum of what it reads: an affine layer i, or a map that is 0 at 0 and
:math:`\rho_v`-Lipschitz (an activation, a pool; 1 for a sum alone). Signals beside each other are a sum as well, each in places
of its own and zeros elsewhere, which are maps of norm 1. On the whole sample, Frobenius norms of signals obey,
for every network whose layers have operator norms at most s_i and biases of norm at most t_i at q_i positions,

.. math:: E_v = \sum_{u \to v} D_u, \quad D_v = s_i E_v + t_i \sqrt{n q_i} \text{ for a layer, else } \rho_v E_v,
          \quad D_{input} = \|X\|_F .

If two networks differ in layer i alone, and what it makes of the signal that enters it differs by at most e, then all that
does not come after i is the same in both, and what does differs by at most e times the sum, over the ways there, of the
products of s_j and rho along them: constants cancel in differences, and a sum adds them. To the outputs that is P_i:

.. math:: P_{last} = 1, \quad P_u = \sum_{u \to v} P_v \cdot (s_j \text{ for a layer } j, \text{ else } \rho_v) .

Hence replacing the layers one after another, first to last, each by an element of a cover (of radius e_i) on the signals
that the replaced ones before it make, moves the outputs by at most :math:`\sum_i e_i P_i`: a network and the one before differ
in one layer, and the signal that enters it comes from replaced layers, which obey the same norms as covers are proper. The
reach of the layer is :math:`R_i = b_i P_i \sqrt{E_i^2 + n q_i}`, E_i what enters it. On a chain this is the induction of
Bartlett, Foster and Telgarsky; a block x + g(x) has the Lipschitz constant 1 + that of g. Weights that are used in two places
are two layers of a larger class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.bounds.lemmas.layers import trained
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, log_up, logaddexp_up
from boundcheck.theorem import Hypothesis, NotApplicable

Wire = tuple[int, Sequence[int], float]
"""A step: the place of its layer in the list of layers (-1 for none), the steps that it reads, its Lipschitz constant."""


def wiring_hypothesis(evidence: Evidence) -> Hypothesis:
    """Affine layers, activations, pools and sums, in any arrangement."""
    s = evidence.structure
    holds = s is not None and not s.unplaced and bool(s.chain or s.steps)
    because = "" if s is None or holds else (", ".join(s.unplaced) or s.why_no_chain or "it has no affine layer")
    return Hypothesis.check("the network is made of affine layers, activations, pools and sums", holds, because)


def wired_layers(evidence: Evidence) -> tuple[list[LayerNorms], list[Wire]]:
    """The layers in order of evaluation and how steps read each other; no wiring for a chain.

    Raises:
        NotApplicable: The network has no parameters, or the evidence does not say what reads what.
    """
    structure, layers = evidence.structure, evidence.layers
    if structure is None or layers is None or not (structure.chain or structure.steps):
        raise NotApplicable("the evidence does not say how the layers are connected")
    names = structure.chain or tuple(step.name for step in structure.steps if step.name in layers)
    if not any(trained(layers[name]) for name in names):
        raise NotApplicable("the network has no parameters")
    places = {name: i for i, name in enumerate(names)}
    rows = {step.name: i for i, step in enumerate(structure.steps)}
    wiring: list[Wire] = [
        (places.get(step.name, -1), [rows[name] for name in step.reads], step.lipschitz) for step in structure.steps
    ]
    return [layers[name] for name in names], [] if structure.chain else wiring


def log_wired_reaches_up(
    wiring: Sequence[Wire],
    spectral: Sequence[float],
    distances: Sequence[float],
    bias_norms: Sequence[float],
    positions: Sequence[int],
    free: Sequence[int],
    input_frobenius: float,
    n: int,
) -> list[float]:
    """``ln R_i`` of the layers in ``free``, rounded up; minus infinity where no change of a layer reaches the outputs.

    Args:
        wiring: The steps, the outputs last.
        spectral: s_i, rounded up.
        distances: b_i, rounded up.
        bias_norms: t_i, rounded up.
        positions: q_i; 0 without bias.
        free: Places of the layers with parameters.
        input_frobenius: Frobenius norm of the inputs, rounded up.
        n: Sample size.
    """
    gains = [log_up(rho if i < 0 else spectral[i]) for i, _, rho in wiring]
    signals: list[float] = []
    entering = {}
    for (i, reads, _), gain in zip(wiring, gains, strict=True):
        log_sum = _log_sum_up([signals[u] for u in reads]) if reads else log_up(input_frobenius)
        signal = add_up(gain, log_sum)
        if i >= 0:
            log_constant = log_up(float(n) * positions[i])  # n q is an integer below 2**53
            entering[i] = 0.5 * logaddexp_up(2.0 * log_sum, log_constant)
            signal = logaddexp_up(signal, add_up(log_up(bias_norms[i]), 0.5 * log_constant))
        signals.append(float(signal))
    ways: list[list[float]] = [[] for _ in wiring]
    ways[-1].append(0.0)
    leaving = {}
    for place in range(len(wiring) - 1, -1, -1):
        i, reads, _ = wiring[place]
        onward = _log_sum_up(ways[place])
        if i >= 0:
            leaving[i] = onward
        for u in reads:
            ways[u].append(add_up(onward, gains[place]))
    return [float(add_up(entering[i], log_up(distances[i]), leaving[i])) for i in free]


def _log_sum_up(logs: Sequence[float]) -> float:
    total = -math.inf
    for value in logs:
        total = value if total == -math.inf else total if value == -math.inf else float(logaddexp_up(total, value))
    return total
