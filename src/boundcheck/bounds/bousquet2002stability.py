r"""Uniform stability of kernel machines: what one example can change.

O. Bousquet and A. Elisseeff, Stability and generalization, JMLR 2 (2002) 499-526, Theorems 17 and 22. Let f minimize the
average over the sample of a convex loss plus :math:`\lambda \|f\|^2` over a reproducing kernel Hilbert space with k(x, x) <=
B, without an intercept that isn't penalized, and let the loss be sigma-Lipschitz in f(x). With probability at least 1 -
delta,

.. math:: R \le \hat R_\gamma + 2 \beta + (4 n \beta + 1) \sqrt{\frac{\ln(1/\delta)}{2n}}, \quad
          \beta = \frac{\tau \sigma B}{2 \lambda n \gamma},

tau = 1 for one function and sqrt(2) for one function for each class.

What differs: gamma is chosen on the grid 2^(j/2), |j| <= 200, and where the objective lies above its minimum the loss leaves
room for that, by one of five amounts (``lemmas.stability``): ln 2005 stands beside ln(1/delta). The squared loss isn't
Lipschitz: for targets of norm at most Y, sigma = 2 Y (1 + sqrt(B/lambda)) does as well.

Proof. (1) Margins move by at most beta gamma when an example is left out (``lemmas.stability``), the loss by at most beta,
and by 2 beta when the example is replaced. (2) R - \hat R_\gamma has mean at most 2 beta, exchanging an example of the sample
for a fresh one, and moves by at most 4 beta + 1/n: McDiarmid. (3) On the sample, the margins of the minimizer are at least
those at hand less e.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kernel import kernel_predictor
from boundcheck.bounds.lemmas.stability import StabilityTheorem, best_stable_margin, stability_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound


class Bousquet2002Stability(StabilityTheorem):
    """Kernel machines with a penalty fixed beforehand change little when one example changes."""

    name = "bousquet2002stability"
    title = "uniform stability (kernel machines)"
    cite = "Bousquet and Elisseeff, Stability and generalization, JMLR 2 (2002), Theorems 17 and 22"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \eta + 2 \beta + (4 n \beta + 1) \sqrt{\frac{\ln(2005/\delta)}{2n}}, \quad"
        r" \beta = \frac{\tau \sigma B}{2 \lambda n \gamma}"
    )
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, **StabilityTheorem.machine_moves}

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The penalty, the loss, the bound of the kernel and the margins.

        Raises:
            NotApplicable: One of them is not known.
        """
        kernel, margins = kernel_predictor(evidence)
        return {"margins": margins, **stability_symbols(kernel, evidence.problem.n)}

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
            gap: g >= 0, how far the objective of the function at hand may lie above its minimum.
            outputs: Number of functions: 1, or one for each class.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        return best_stable_margin(
            margins, at_hand=True, moved=2.0, loss="margin loss", diagonal=diagonal, ridge=ridge, squared=squared,
            loss_scale=loss_scale, gap=gap, outputs=outputs, n=n, delta=delta,
        )  # fmt: skip
