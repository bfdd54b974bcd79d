r"""Rademacher complexity of a margin loss from covers of the layers of a network.

Layer i contributes its reach :math:`R_i = I_i b_i \rho_i \prod_{j>i} s_j \rho_j`: the Frobenius norm, at the outputs of the
whole sample, by which its weights can move the network within the class. A cover of radius :math:`\epsilon` at the outputs gives
layer i a share a_i of it, sum a_i <= 1, and needs at most exp of

.. math:: 0 \text{ if } x_i \le 1, \text{ else } \min\{\psi(x_i, N_i),\; p_i \ln(1 + 2 \sqrt{x_i})\},
          \quad x_i = (R_i / (a_i \epsilon))^2,

points: :math:`\psi(x, N) = \ln(1 + \binom{N + K - 1}{K})`, K = ceil(x) - 1, counts the averages of K of N atoms (B. Maurey's
argument: some average misses a point U of the hull, of radius R, by at most the root of (R^2 - |U|^2)/K; points within the radius
of 0 are covered by 0); the other number is the volume argument in p_i dimensions.

A chain of radii (in units of the square root of n) 1/2 = a_0 > a_1 > ... > a_m gives, for a loss in [0, 1],

.. math:: \hat R_S \le a_m + \frac{1}{\sqrt n} \sum_{j \ge 1} a_{j-1} \sqrt{2 \ln N(a_j)} :

covers are proper, so each point of the j-th cover lies within a_{j-1} of one of the cover before; there are at most N(a_j)
increments, and Massart's lemma bounds each sum. The first increment is from the constant 1/2. Every chain and every split is
valid for a class that was fixed before the data; the best chain of radii 2^(-j/8)/2 is found by dynamic programming.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boundcheck.numerics.combinatorics import maurey_psi_upper
from boundcheck.numerics.rounding import add_up, div_up, exp_up, log_down, log_up, logaddexp_up, mul_up, sqrt_down, sqrt_up

Array = NDArray[np.float64]

_RADII: Array = 0.5 * np.exp2(-np.arange(105) / 8.0)  # down to 6e-5, which is itself the price of stopping there
_RADII.flags.writeable = False
_COUNTABLE = 2.0**40  # beyond this many atoms the volume argument remains
_HOPELESS = 1.0 + 2.0**-20  # above 1 by more than the roundings of an entropy, which are about 1e-12


@dataclass(frozen=True)
class CoveredLayer:
    """One layer, as its cover sees it.

    Attributes:
        log_reach: ``ln R``, rounded up (``-inf`` for a layer that equals its reference).
        atoms: Number N >= 2 of atoms of Maurey's argument: twice the number of entries.
        parameters: Number p >= 1 of parameters.
    """

    log_reach: float
    atoms: int
    parameters: int


def rademacher_up(log_scale: Array, layers: Sequence[CoveredLayer], n: int) -> Array:
    r"""Upper bound on the empirical Rademacher complexity of a loss that is exp(log_scale)-Lipschitz in the outputs.

    Args:
        log_scale: Logarithms of the Lipschitz constants (Frobenius norm over the sample), rounded up; shape (g,).
        layers: The layers of the class.
        n: Sample size.

    Returns:
        Shape (g,), at most 1/2.
    """
    active = [layer for layer in layers if layer.log_reach > -math.inf]
    if not active:
        return np.zeros(log_scale.shape)
    log_radius = log_down(_RADII[1:]) + 0.5 * log_down(float(n))
    log_radius -= np.abs(log_radius) * 2.0**-50 + 2.0**-50  # two roundings
    # Entropies grow along the radii. Where the coarsest root is 1, any first link costs 1/2; where the finest is 0, all are.
    first, last = _roots_up(log_scale, log_radius[[0, -1]], active, n).T
    best = np.where(first < _HOPELESS, math.nextafter(_RADII[-1], math.inf), 0.5)
    open_ = np.flatnonzero((first < _HOPELESS) & (last > 0.0))
    if open_.size:
        best[open_] = _best_chain_up(_roots_up(log_scale[open_], log_radius, active, n))
    return best


def _roots_up(log_scale: Array, log_radius: Array, layers: Sequence[CoveredLayer], n: int) -> Array:
    """``sqrt(2 ln N / n)`` for each scale (rows) and radius (columns), rounded up."""
    entropy = log_cover_up(add_up(log_scale[:, None], -log_radius), layers)
    return div_up(sqrt_up(2.0 * entropy), sqrt_down(float(n)))


def _best_chain_up(root: Array) -> Array:
    """The least cost of a chain for each row of roots, at most 1/2."""
    # spent[:, j] is the least cost of a chain that ends at radius j: one pass over the radii, finest last.
    spent = np.zeros((len(root), _RADII.size))
    for j in range(1, _RADII.size):
        spent[:, j] = (spent[:, :j] + _RADII[:j] * root[:, j - 1, None]).min(axis=1)
    values = spent * (1.0 + 2.0**-45) + _RADII  # a chain is at most 105 links long: 211 roundings
    found: Array = np.minimum(np.nextafter(values.min(axis=1), np.inf), 0.5)
    return found


def log_cover_up(log_inverse_radius: Array, layers: Sequence[CoveredLayer]) -> Array:
    """Upper bound on ``ln N(eps)``, from ``ln(1 / eps)``; the better of two ways to share the radius.

    Args:
        log_inverse_radius: ``-ln eps``, rounded up; any shape.
        layers: Layers with a finite reach.
    """
    return np.minimum(*(_shared_up(log_inverse_radius, layers, shares) for shares in _shares(layers)))


def _shares(layers: Sequence[CoveredLayer]) -> tuple[list[float], list[float]]:
    """Shares a_i proportional to (R^2 ln N)^(1/3) (best where Maurey's count is linear in x) and to p; sums at most 1."""
    top = max(layer.log_reach for layer in layers)
    sparse = [math.exp(2.0 / 3.0 * (layer.log_reach - top)) * math.log(layer.atoms) ** (1.0 / 3.0) for layer in layers]
    volume = [float(layer.parameters) for layer in layers]
    # A share may underflow to 0, and must not; the total is kept below 1 by more than the roundings.
    return tuple([max(v / math.fsum(w), 1e-12) * (1.0 - 1e-9) for v in w] for w in (sparse, volume))  # type: ignore[return-value]


def _shared_up(log_inverse_radius: Array, layers: Sequence[CoveredLayer], shares: Sequence[float]) -> Array:
    total = np.zeros(log_inverse_radius.shape)
    for layer, share in zip(layers, shares, strict=True):
        log_root = add_up(layer.log_reach, -log_down(share), log_inverse_radius)
        with np.errstate(over="ignore"):
            x = exp_up(2.0 * log_root)
        volume = mul_up(float(layer.parameters), logaddexp_up(0.0, add_up(log_root, log_up(2.0))))
        counted = np.where(x < _COUNTABLE, maurey_psi_upper(np.minimum(x, _COUNTABLE), layer.atoms), np.inf)
        size = np.minimum(volume, counted)
        total = add_up(total, np.where(x <= 1.0, 0.0, size))
    return total
