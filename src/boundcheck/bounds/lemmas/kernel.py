r"""The Rademacher complexity of a ball in a reproducing kernel Hilbert space, and what theorems ask of its predictors.

Let :math:`F = \{(f_1, ..., f_q) : \sum_c \|f_c\|^2 \le \Lambda^2\}`. The ramp loss at margin gamma has, on a sample with Gram
matrix K,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \kappa_q \frac{\Lambda \sqrt{\mathrm{tr} K}}{\gamma n}, \quad
          \kappa_1 = 1,\; \kappa_2 = \sqrt 2,\; \kappa_q = \sqrt{\pi (q - 1)} \text{ for } q \ge 3.

Proof. One function: the ramp is (1/gamma)-Lipschitz in y f(x); by contraction, and sup over the ball of sum_i sigma_i f(x_i)
= Lambda sqrt(sigma' K sigma), whose mean is at most Lambda sqrt(tr K) by Jensen. Two: the margin is plus or minus f_1 - f_2,
of norm at most sqrt(2) Lambda. More: no margin changes when the mean of the functions is subtracted, and no norm grows, so
that the class of losses is that of the functions with sum 0. The ramp is (sqrt(2)/gamma)-Lipschitz in the outputs; E|g| =
sqrt(2/pi), Jensen and the Sudakov-Fernique inequality turn signs into Gaussians, n R_S <= (sqrt(pi)/gamma) E sup sum_ic g_ic
f_c(x_i). With q - 1 orthogonal directions the supremum is Lambda times the root of a sum of q - 1 forms g' K g, of mean at
most sqrt((q - 1) tr K).
"""

from __future__ import annotations

import math

from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import mul_up, sqrt_up, up
from boundcheck.theorem import Hypothesis, NotApplicable

_PI_UP = up(math.pi)


def contraction_up(outputs: int) -> float:
    r""":math:`\kappa_q`, rounded up.

    Args:
        outputs: Number of functions q, at least 1.
    """
    if outputs < 1:
        raise ValueError(f"expected at least one function; got {outputs}")
    if outputs <= 2:
        return 1.0 if outputs == 1 else sqrt_up(2.0)
    return sqrt_up(mul_up(_PI_UP, outputs - 1.0))


def kernel_hypotheses(evidence: Evidence) -> list[Hypothesis]:
    """The sample, a kernel chosen before it, and margins that are certainly not too large."""
    kernel = evidence.kernel
    return [
        Hypothesis.assume("the training examples are independent draws from one distribution"),
        Hypothesis.assume("the kernel and its parameters were fixed before the training sample was looked at"),
        Hypothesis.check(
            "margins are lowered by the floating-point error of the evaluation",
            kernel is not None and kernel.lowered,
            "the functions were evaluated as they run, without an error bound",
        ),
    ]


def diagonal_hypothesis(evidence: Evidence) -> Hypothesis:
    """A bound on the kernel that the sample has no part in."""
    kernel = evidence.kernel
    known = kernel is not None and kernel.diagonal is not None
    return Hypothesis.check("a bound on k(x, x) is known before the sample is seen", known, "the kernel comes without one")


def kernel_predictor(evidence: Evidence) -> tuple[KernelPredictor, tuple[float, ...]]:
    """The predictor and its margins.

    Raises:
        NotApplicable: It is zero or a number is no finite one, or the margins are not those of the sample.
    """
    kernel, margins = evidence.kernel, evidence.margins
    if kernel is None or margins is None:
        raise NotApplicable("the evidence holds no kernel predictor or no margins")
    if len(margins) != evidence.problem.n:
        raise NotApplicable(f"there are {len(margins)} margins for {evidence.problem.n} training examples")
    if not (0.0 < kernel.norm < math.inf and 0.0 < kernel.trace < math.inf):
        raise NotApplicable(f"the norm of the predictor is {kernel.norm}, the trace of the kernel matrix {kernel.trace}")
    return kernel, margins
