r"""Predictors of small norm in a reproducing kernel Hilbert space: the trace of the kernel matrix.

P. L. Bartlett and S. Mendelson, Rademacher and Gaussian complexities: risk bounds and structural results, JMLR 3 (2002), the
bound for kernel classes; in the form of M. Mohri, A. Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, second
edition (2018), Corollary 6.13. For functions of norm Lambda, with probability at least 1 - delta, for all of them and all
scales r of a grid of 401,

.. math:: R \le \hat R_\gamma + \frac{2 \kappa_q \Lambda \sqrt{\mathrm{tr} K}}{\gamma n} + 2\sqrt{\frac{\ln(401/\delta)}{2n}},
          \quad \gamma = \Lambda / r .

It holds for any predictor of the space, so for the interpolant of smallest norm.

What differs: the paper fixes norm and margin before the data; here the class depends on their quotient alone, which is chosen
on a grid. Any number of classes, with :math:`\kappa_1 = 1`, :math:`\kappa_2 = \sqrt 2` and :math:`\kappa_q = \sqrt{\pi(q-1)}`
(:mod:`boundcheck.bounds.lemmas.kernel`, which holds the proof); one application of McDiarmid's inequality
(:mod:`boundcheck.bounds.lemmas.margin_grid`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kernel import contraction_up, kernel_hypotheses, kernel_predictor
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Bartlett2002Kernel(Theorem):
    """The norm of a kernel predictor and the trace of the kernel matrix on the sample."""

    name = "bartlett2002kernel"
    title = "kernel norm and trace"
    family = "kernel"
    cite = (
        "Bartlett and Mendelson, Rademacher and Gaussian complexities, JMLR 3 (2002), in the form of Mohri, Rostamizadeh and "
        "Talwalkar (2018), Corollary 6.13, with constants derived in boundcheck"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \kappa_q \|f\|_H \sqrt{\mathrm{tr} K}}{\gamma n}"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("kernel", "margins", "problem")
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, "norm": 1, "trace": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing but a kernel fixed before the data."""
        return kernel_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Norm, trace and margins."""
        kernel, margins = kernel_predictor(evidence)
        return {
            "margins": margins,
            "norm": kernel.norm,
            "trace": kernel.trace,
            "outputs": kernel.outputs,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *, margins: Sequence[float], norm: float, trace: float, outputs: int, classes: int, n: int, delta: float
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            norm: Lambda > 0, norm of the predictor, rounded up.
            trace: Trace of the n x n kernel matrix, rounded up.
            outputs: Number of functions q: 1, or one for each class.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        coefficient = div_up(mul_up(contraction_up(outputs), sqrt_up(trace)), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_up(norm),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
