r"""Uniform stability of penalized kernel machines: by how much one example can move margins, and what follows for the risk.

Let f minimize the average over the sample of a convex loss plus :math:`\lambda \|f\|^2` over a reproducing kernel Hilbert
space with k(x, x) <= B, without an intercept that isn't penalized, the loss sigma-Lipschitz in f(x); tau = 1 for one function
and sqrt(2) for one function for each class.

(1) Let f_i minimize without the i-th example, the weight 1/n of the others kept. Adding the inequalities of strong convexity,
2 lambda |f - f_i|^2 <= (c(f_i(x_i)) - c(f(x_i)))/n <= sigma sqrt(B) |f - f_i| / n, so outputs move by at most sigma B / (2
lambda n) at every x, and margins by tau times that. For squares, c(f_i(x_i)) - c(f(x_i)) is at most |f_i(x_i) - f(x_i)| times
the sum of the two residuals; the one of f is at most that of f_i, because f_i is best without the example and f with it; and
|f_i|^2 lambda <= Y^2 for targets of norm at most Y, by comparing with 0, bounds the latter by Y + sqrt(B) Y / sqrt(lambda):
sigma = 2 Y (1 + sqrt(B/lambda)) does as well.

(2) Where the objective of the function at hand lies up to g above its minimum, strong convexity puts it within sqrt(g/lambda)
of the minimizer, its margins within :math:`e = \tau \sqrt{B g / \lambda}`. As g is found in the data and losses are fixed
beforehand, none can be shifted by e. The loss is min(1, ramp + eta) of the minimizer's margin, for each ramp margin gamma of
the grid 2^(j/2), |j| <= 200, and eta one of 0, 2^-16, 2^-12, 2^-8, 2^-4, which puts ln 2005 beside ln(1/delta). It is
(1/gamma)-Lipschitz in the margin, and 1 where that is at most eta gamma, hence wherever the function at hand errs if e <= eta
gamma.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from boundcheck.bounds.lemmas.kernel import diagonal_hypothesis, kernel_hypotheses
from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_down, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

OFFSETS = (0.0, 2.0**-16, 2.0**-12, 2.0**-8, 2.0**-4)
"""eta, fixed beforehand: what a loss leaves for the distance from the minimizer, in units of its margin."""

_LOSSES = ("squared", "lipschitz")


class StabilityTheorem(Theorem):
    """A bound by uniform stability: what all of them read and ask for. Each has its own empirical term."""

    family = "stability"
    reads = ("kernel", "margins", "problem")
    machine_moves: ClassVar[Mapping[str, int]] = {"diagonal": 1, "ridge": -1, "loss_scale": 1, "gap": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """A minimizer of a penalized convex loss, everything but the sample fixed beforehand."""
        kernel = evidence.kernel
        penalized = kernel is not None and kernel.ridge is not None and kernel.loss in _LOSSES
        return (
            *kernel_hypotheses(evidence),
            diagonal_hypothesis(evidence),
            Hypothesis.check(
                "the predictor minimizes an average convex loss plus a penalty on its whole norm",
                penalized,
                "it is the interpolant of smallest norm, or was found otherwise",
            ),
            Hypothesis.assume(
                "the penalty, the loss and a bound on the targets were fixed before the training sample was looked at"
            ),
        )


def stability_symbols(kernel: KernelPredictor, n: int) -> dict[str, Any]:
    """The penalty, the loss and the bound of the kernel.

    Raises:
        NotApplicable: One of them is not known.
    """
    known = (kernel.diagonal, kernel.ridge, kernel.loss_scale, kernel.gap)
    if any(number is None for number in known) or not kernel.ridge > 0.0:  # type: ignore[operator]
        raise NotApplicable(f"bound of the kernel, penalty, scale of the loss and optimization gap are {known}")
    return {
        "diagonal": kernel.diagonal,
        "ridge": kernel.ridge,
        "squared": kernel.loss == "squared",
        "loss_scale": kernel.loss_scale,
        "gap": kernel.gap,
        "outputs": kernel.outputs,
        "n": n,
    }


def best_stable_margin(
    margins: Sequence[float],
    *,
    at_hand: bool,
    moved: float,
    loss: str,
    diagonal: float,
    ridge: float,
    squared: bool,
    loss_scale: float,
    gap: float,
    outputs: int,
    n: int,
    delta: float,
) -> Bound:
    """The smallest of the bounds for all margins and offsets, which hold together.

    Args:
        margins: Margins on the sample, or at each example of the minimizer without it; from below.
        at_hand: Whether these are margins of the function at hand, which lie up to e above those of the minimizer.
        moved: How many times beta the mean of risk less empirical risk can be.
        loss: Name of the empirical term.
        diagonal: B >= 0, a bound on k(x, x) known beforehand.
        ridge: lambda > 0, the weight of the squared norm beside the average loss.
        squared: Whether the loss is the squared one.
        loss_scale: Y, a bound on the norms of targets, for the squared loss; else sigma, its Lipschitz constant.
        gap: g >= 0, how far the objective of the function at hand may lie above its minimum.
        outputs: Number of functions: 1, or one for each class.
        n: Sample size.
        delta: Confidence of the whole grid.
    """
    tau = 1.0 if outputs == 1 else sqrt_up(2.0)
    lipschitz = mul_up(2.0, loss_scale, add_up(1.0, sqrt_up(div_up(diagonal, ridge)))) if squared else loss_scale
    reach = mul_up(tau, div_up(mul_up(lipschitz, diagonal), 2.0 * ridge))  # n times what a margin moves by
    distance = mul_up(tau, sqrt_up(div_up(mul_up(diagonal, gap), ridge)))  # e
    lowered = np.asarray(margins, dtype=np.float64)
    if at_hand and distance:
        lowered = np.nextafter(lowered - distance, -np.inf)
    gammas = scale_grid()
    betas = div_up(reach, mul_down(gammas, float(n)))
    price = add_up(log_up(div_up(1.0, delta)), LOG_GRID_SIZE_UP, log_up(float(len(OFFSETS))))
    root = sqrt_up(div_up(price, 2.0 * n))
    stability = mul_up(betas, add_up(moved, mul_up(4.0 * n, root)))
    ramp, best = ramp_average_up(lowered, gammas), (np.inf, 0.0, 0.0, 0.0)
    for offset in OFFSETS:
        empirical = np.minimum(add_up(ramp, offset), 1.0)
        totals = np.where(distance <= offset * gammas, empirical + stability, np.inf)
        i = int(np.argmin(totals))
        if totals[i] < best[0]:
            best = (float(totals[i]), float(empirical[i]), float(stability[i]), float(gammas[i]))
    if best[0] == np.inf:
        raise NotApplicable(
            f"margins lie up to {distance:.3g} from those of the minimizer, more than any margin of the grid allows"
        )
    return Bound({loss: best[1], "stability": best[2], "confidence": root}, {"margin": best[3]})
