r"""Uniform stability of kernel machines: what one example can change.

O. Bousquet and A. Elisseeff, Stability and generalization, JMLR 2 (2002) 499-526, Theorems 17 and 22. Let f minimize the
average over the sample of a convex loss plus :math:`\lambda \|f\|^2` over a reproducing kernel Hilbert space with k(x, x) <=
B, without an intercept that isn't penalized, and let the loss be sigma-Lipschitz in f(x). With probability at least 1 -
delta,

.. math:: R \le \hat R_\gamma + 2 \beta + (4 n \beta + 1) \sqrt{\frac{\ln(1/\delta)}{2n}}, \quad
          \beta = \frac{\tau \sigma B}{2 \lambda n \gamma},

tau = 1 for one function and sqrt(2) for one function for each class.

What differs: gamma is chosen on the grid 2^(j/2), |j| <= 200, which puts ln 401 beside ln(1/delta). The squared loss isn't
Lipschitz: for targets of norm at most Y, sigma = 2 Y (1 + sqrt(B/lambda)) does as well, as shown below. Where the objective
lies up to g above its minimum, margins are lowered by 2 tau sqrt(B g / lambda).

Proof. (1) Let f_i minimize without the i-th example, the weight 1/n of the others kept. Adding the inequalities of strong
convexity, 2 lambda |f - f_i|^2 <= (c(f_i(x_i)) - c(f(x_i)))/n <= sigma sqrt(B) |f - f_i| / n, so outputs move by at most
sigma B / (2 lambda n) at every x. For squares, c(f_i(x_i)) - c(f(x_i)) is at most |f_i(x_i) - f(x_i)| times the sum of the
two residuals; the one of f is at most that of f_i, because f_i is best without the example and f with it; and |f_i|^2 lambda
<= Y^2, by comparing with 0, bounds the latter by Y + sqrt(B) Y / sqrt(lambda). (2) The margin is tau-Lipschitz in the outputs
and the ramp (1/gamma)-Lipschitz, so the loss moves by at most beta when an example is left out, 2 beta when it is replaced.
(3) R - \hat R_\gamma has mean at most 2 beta, exchanging an example of the sample for a fresh one, and moves by at most 4
beta + 1/n: McDiarmid. (4) By strong convexity the function at hand is within sqrt(g/lambda) of the minimizer, its margins
within e = tau sqrt(B g / lambda); the theorem for the ramp of m - e, on the sample at most the ramp of the margin at hand
less 2 e, bounds its risk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from boundcheck.bounds.lemmas.kernel import diagonal_hypothesis, kernel_hypotheses, kernel_predictor
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_down, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

_LOSSES = ("squared", "lipschitz")


class Bousquet2002Stability(Theorem):
    """Kernel machines with a penalty fixed beforehand change little when one example changes."""

    name = "bousquet2002stability"
    title = "uniform stability (kernel machines)"
    family = "stability"
    cite = "Bousquet and Elisseeff, Stability and generalization, JMLR 2 (2002), Theorems 17 and 22"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + 2 \beta + (4 n \beta + 1) \sqrt{\frac{\ln(401/\delta)}{2n}}, \quad"
        r" \beta = \frac{\tau \sigma B}{2 \lambda n \gamma}"
    )
    reads = ("kernel", "margins", "problem")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "diagonal": 1,
        "ridge": -1,
        "loss_scale": 1,
        "gap": 1,
        "n": -1,
        "delta": -1,
    }

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

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The penalty, the loss, the bound of the kernel and the margins.

        Raises:
            NotApplicable: One of them is not known.
        """
        kernel, margins = kernel_predictor(evidence)
        known = (kernel.diagonal, kernel.ridge, kernel.loss_scale, kernel.gap)
        if any(number is None for number in known) or not kernel.ridge > 0.0:  # type: ignore[operator]
            raise NotApplicable(f"bound of the kernel, penalty, scale of the loss and optimization gap are {known}")
        return {
            "margins": margins,
            "diagonal": kernel.diagonal,
            "ridge": kernel.ridge,
            "squared": kernel.loss == "squared",
            "loss_scale": kernel.loss_scale,
            "gap": kernel.gap,
            "outputs": kernel.outputs,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        diagonal: float,
        ridge: float,
        squared: bool,
        loss_scale: float,
        gap: float,
        outputs: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            diagonal: B >= 0, a bound on k(x, x) known beforehand.
            ridge: lambda > 0, the weight of the squared norm beside the average loss.
            squared: Whether the loss is the squared one.
            loss_scale: Y, a bound on the norms of targets, for the squared loss; else sigma, its Lipschitz constant.
            gap: g >= 0, how far the objective may lie above its minimum.
            outputs: Number of functions: 1, or one for each class.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        tau = 1.0 if outputs == 1 else sqrt_up(2.0)
        lipschitz = mul_up(2.0, loss_scale, add_up(1.0, sqrt_up(div_up(diagonal, ridge)))) if squared else loss_scale
        # n times what the margin moves by when one example is left out
        reach = mul_up(tau, div_up(mul_up(lipschitz, diagonal), 2.0 * ridge))
        shift = mul_up(2.0, tau, sqrt_up(div_up(mul_up(diagonal, gap), ridge)))
        with np.errstate(invalid="ignore"):
            lowered = np.nextafter(np.asarray(margins, dtype=np.float64) - shift, -np.inf) if shift else np.asarray(margins)
        gammas = scale_grid()
        betas = div_up(reach, mul_down(gammas, float(n)))
        root = sqrt_up(div_up(add_up(log_up(div_up(1.0, delta)), LOG_GRID_SIZE_UP), 2.0 * n))
        loss, stability = ramp_average_up(lowered, gammas), mul_up(betas, add_up(2.0, mul_up(4.0 * n, root)))
        best = int(np.argmin(loss + stability))
        return Bound(
            {"margin loss": float(loss[best]), "stability": float(stability[best]), "confidence": root},
            {"margin": float(gammas[best])},
        )
