r"""Predictors of small norm in a reproducing kernel Hilbert space: a bound on the kernel that is known beforehand.

M. Mohri, A. Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, second edition (2018), Corollary 6.13. Let k(x,
x) <= B for all x. For functions of norm Lambda, with probability at least 1 - delta, for all of them and all scales r of a
grid of 401,

.. math:: R \le \hat R_\gamma + \frac{2 \kappa_q \Lambda \sqrt B}{\gamma \sqrt n} + \sqrt{\frac{\ln(401/\delta)}{2n}},
          \quad \gamma = \Lambda / r .

Beside ``bartlett2002kernel``: the complexity is that of all samples, which needs the bound B, and in return the last term is
half as large, since nothing is estimated. For Gaussian kernels B = 1 = k(x, x), and nothing is lost.

What differs: the book fixes norm and margin before the data; here the class depends on their quotient alone, which is chosen
on a grid. Any number of classes, with :math:`\kappa_1 = 1`, :math:`\kappa_2 = \sqrt 2` and :math:`\kappa_q =
\sqrt{\pi(q-1)}`.

Proof. sup(R - \hat R_\gamma) moves by at most 1/n when one example is changed (McDiarmid), and its mean is at most twice the
mean of the empirical Rademacher complexity, which is at most :math:`\kappa_q r \sqrt{n B}/n` on every sample
(:mod:`boundcheck.bounds.lemmas.kernel`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kernel import contraction_up, diagonal_hypothesis, kernel_hypotheses, kernel_predictor
from boundcheck.bounds.lemmas.margin_grid import best_margin, one_shot_confidence
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Mohri2018Kernel(Theorem):
    """The norm of a kernel predictor and an a-priori bound on the kernel."""

    name = "mohri2018kernel"
    title = "kernel norm, kernel bounded beforehand"
    family = "kernel"
    cite = (
        "Mohri, Rostamizadeh and Talwalkar, Foundations of Machine Learning, second edition (2018), Corollary 6.13, with "
        "constants derived in boundcheck"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \kappa_q \|f\|_H \sqrt B}{\gamma \sqrt n} + \sqrt{\frac{\ln(401/\delta)}{2n}},"
        r" \quad k(x, x) \le B"
    )
    reads = ("kernel", "margins", "problem")
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, "norm": 1, "diagonal": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """A kernel fixed before the data and bounded beforehand."""
        return (*kernel_hypotheses(evidence), diagonal_hypothesis(evidence))

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Norm, bound of the kernel and margins.

        Raises:
            NotApplicable: The kernel is bounded by nothing, or by 0.
        """
        kernel, margins = kernel_predictor(evidence)
        if kernel.diagonal is None or not kernel.diagonal > 0.0:
            raise NotApplicable(f"the kernel is bounded by {kernel.diagonal}")
        return {
            "margins": margins,
            "norm": kernel.norm,
            "diagonal": kernel.diagonal,
            "outputs": kernel.outputs,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *, margins: Sequence[float], norm: float, diagonal: float, outputs: int, classes: int, n: int, delta: float
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            norm: Lambda > 0, norm of the predictor, rounded up.
            diagonal: B > 0, a bound on k(x, x) known beforehand.
            outputs: Number of functions q: 1, or one for each class.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        coefficient = mul_up(contraction_up(outputs), sqrt_up(div_up(diagonal, float(n))))
        half = 0.5 * one_shot_confidence(n, delta, LOG_GRID_SIZE_UP)
        # With the complexity of all samples the term of McDiarmid's inequality is half of the other's; halving is exact.
        bound = best_margin(
            margins=margins,
            log_norm=log_up(norm),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes + half,
        )
        return Bound({**bound.terms, "confidence": half}, bound.choices)
