r"""From the Rademacher complexity of a class to the error of one network, margin and norm chosen after seeing the data.

P. L. Bartlett and S. Mendelson, Rademacher and Gaussian complexities, JMLR 3 (2002), Theorem 8, with one application of
McDiarmid's inequality: for a class G of losses in [0, 1], with probability at least 1 - delta, for all g in G,

.. math:: E g \le \hat E g + 2 \hat R_S(G) + 2 \sqrt{\ln(1/\delta) / (2 n)}.

Proof. :math:`\Phi(S) = \sup_g (E g - \hat E g) - 2 \hat R_S(G)` has mean at most 0 by symmetrization. Changing one example
moves the supremum by at most 1/n, and :math:`\hat R_S(G) = \hat R_S(G - 1/2)` by at most 1/(2n), since given the other signs the
average over one sign of a supremum with increments in [-1/2, 1/2] lies in an interval of length 1/2 (divided by n). So Phi moves
by at most 2/n; McDiarmid.

The loss is the ramp at margin gamma, which lies above the 0-1 loss with ties as errors. A class whose bound depends on its
norm B and on gamma through r = B / gamma alone is fixed for each r of a grid; a union bound over the grid pays for choosing r,
hence gamma = B(f) / r for the network f at hand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound


def one_shot_confidence(n: int, delta: float, union_cost: float) -> float:
    """``2 sqrt((ln(1/delta) + union_cost) / (2n))``, rounded up."""
    return mul_up(2.0, sqrt_up(div_up(add_up(log_up(div_up(1.0, delta)), union_cost), 2.0 * n)))


def textbook_confidence(n: int, delta: float, union_cost: float) -> float:
    """``3 sqrt((ln(2/delta) + union_cost) / (2n))``, rounded up: two bounded-difference steps, as the textbooks take them."""
    return mul_up(3.0, sqrt_up(div_up(add_up(log_up(div_up(2.0, delta)), union_cost), 2.0 * n)))


def best_margin(
    *,
    margins: ArrayLike,
    log_norm: float,
    rademacher: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n: int,
    delta: float,
    vacuous_at: float,
    union_cost: float = 0.0,
    confidence: Callable[[int, float, float], float] = one_shot_confidence,
) -> Bound:
    """The smallest of the 401 bounds that hold together.

    When every one of them is vacuous, all say the same, nothing; the smallest then belongs to a margin so large that each
    example counts as an error, whatever the network. So that a reader sees how far from saying something the theorem is,
    the smallest among those whose ramp loss is at most 1/2 is returned then, where there is one.

    Args:
        margins: Shape (n,), rounded down.
        log_norm: ``ln B`` of the network at hand, rounded up.
        rademacher: From the scales r, shape (401,), to upper bounds on the empirical Rademacher complexity of the ramp loss
            over the class with B / gamma = r.
        n: Sample size.
        delta: Confidence of the whole grid.
        vacuous_at: Error of guessing.
        union_cost: Nats already spent on other grids.
        confidence: From n, delta and the nats spent to what McDiarmid's inequality adds.

    Returns:
        Terms ``margin loss``, ``complexity``, ``confidence``; choice ``margin``.
    """
    scales = scale_grid()
    exponent = log_norm - np.log(scales)
    # ramp_gamma grows with gamma, so gamma is rounded up; exp of an argument of size |x| errs by a few ulp times |x|.
    with np.errstate(over="ignore"):
        gammas = np.exp(exponent) * (1.0 + 2.0**-50 * (4.0 + abs(log_norm) + np.abs(exponent)))
    gammas = np.maximum(gammas, np.finfo(np.float64).tiny)
    loss = ramp_average_up(margins, gammas)
    with np.errstate(over="ignore"):
        complexity = 2.0 * rademacher(scales)
    added = confidence(n, delta, union_cost + LOG_GRID_SIZE_UP)
    totals = loss + complexity + added
    best = int(np.argmin(totals))
    if totals[best] >= vacuous_at and (loss <= 0.5).any():
        best = int(np.argmin(np.where(loss <= 0.5, totals, np.inf)))
    terms = {"margin loss": float(loss[best]), "complexity": float(complexity[best]), "confidence": added}
    return Bound(terms, {"margin": float(gammas[best])})
