r"""Uniform stability of kernel machines, by the errors on examples that were left out.

O. Bousquet and A. Elisseeff, Stability and generalization, JMLR 2 (2002) 499-526, Theorems 12, 17 and 22, in their
leave-one-out form. With f, lambda, sigma, B and tau as in ``bousquet2002stability``, f_i the minimizer without the i-th
example, the weight 1/n of the others kept, and :math:`\hat R^{loo}_\gamma` the average ramp loss of f_i at the i-th example,
with probability at least 1 - delta,

.. math:: R \le \hat R^{loo}_\gamma + \beta + (4 n \beta + 1) \sqrt{\frac{\ln(1/\delta)}{2n}}, \quad
          \beta = \frac{\tau \sigma B}{2 \lambda n \gamma} .

What differs: gamma is chosen on a grid, and where the objective lies above its minimum the loss leaves room for that
(``lemmas.stability``): ln 2005 stands beside ln(1/delta).

Proof. (1) The mean of the leave-one-out loss is the mean risk of f_i, by exchange of the i-th example with a fresh one, which
f_i has not seen; f differs from f_i by beta at most, so R - \hat R^{loo} has mean at most beta. (2) When the k-th example is
replaced, R moves by at most 2 beta. So does the loss of f_i at the i-th example for i other than k: f_i is the minimizer of a
problem of the same kind, with the same penalty and the same weight 1/n of each example, and moves by at most beta when one
more is left out. The loss at the k-th example moves by at most 1. Together at most 4 beta + 1/n: McDiarmid. (3) Only the risk
speaks of the function at hand; the functions f_i are the exact minimizers, their margins from below.

Beside ``bousquet2002stability`` it saves one beta and pays with the errors of functions that have not seen their example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kernel import kernel_predictor
from boundcheck.bounds.lemmas.stability import StabilityTheorem, best_stable_margin, stability_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, NotApplicable


class Bousquet2002LeaveOut(StabilityTheorem):
    """Stability with the leave-one-out loss in place of the training loss."""

    name = "bousquet2002leaveout"
    title = "uniform stability, leave-one-out (kernel machines)"
    cite = "Bousquet and Elisseeff, Stability and generalization, JMLR 2 (2002), Theorems 12, 17 and 22, leave-one-out form"
    statement = (
        r"R(f) \le \hat R^{loo}_\gamma(f) + \eta + \beta + (4 n \beta + 1) \sqrt{\frac{\ln(2005/\delta)}{2n}}, \quad"
        r" \beta = \frac{\tau \sigma B}{2 \lambda n \gamma}"
    )
    moves: ClassVar[Mapping[str, int]] = {"left_out": -1, **StabilityTheorem.machine_moves}

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The penalty, the loss, the bound of the kernel and the margins of the examples that were left out.

        Raises:
            NotApplicable: One of them is not known.
        """
        kernel, _ = kernel_predictor(evidence)
        if kernel.left_out is None:
            raise NotApplicable("the predictors without one example each were not measured")
        return {"left_out": kernel.left_out, **stability_symbols(kernel, evidence.problem.n)}

    @staticmethod
    def formula(
        *,
        left_out: Sequence[float],
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
            left_out: Margin of each f_i at the i-th example, rounded down.
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
            left_out, at_hand=False, moved=1.0, loss="leave-one-out loss", diagonal=diagonal, ridge=ridge, squared=squared,
            loss_scale=loss_scale, gap=gap, outputs=outputs, n=n, delta=delta,
        )  # fmt: skip
