r"""A finite class by its Rademacher complexity: every setting of the parameters' bits.

P. Massart, Some applications of concentration inequalities to statistics, Annales de la Faculte des Sciences de Toulouse 9
(2000), the lemma on finite sets: for a finite set A of vectors,

.. math:: E \max_{a \in A} \sum_i \sigma_i a_i \le \max_a \|a\| \sqrt{2 \ln |A|} .

Proof. For t > 0, by Jensen's inequality, exp(t E max) is at most the sum over A of E exp(t sum_i s_i a_i), which by cosh(u) <=
exp(u^2/2) is at most |A| exp(t^2 max |a|^2 / 2); take t = sqrt(2 ln |A|) / max |a|.

The losses of N predictors, less 1/2 (which changes no complexity), are vectors of norm :math:`\sqrt n / 2`, so
:math:`\hat R_S \le \sqrt{\ln N / (2n)}`, and N = 2^b where training can only write b bits. With one bounded-difference step
(``lemmas.margin_grid``), with probability at least 1 - delta, for all of them,

.. math:: R \le \hat R + \sqrt{\frac{2 b \ln 2}{n}} + 2 \sqrt{\frac{\ln(1/\delta)}{2n}} .

What differs: textbooks take losses of norm :math:`\sqrt n`, twice as much, and two bounded-difference steps. The union bound over
the same class (``mcallester1999occam``) needs neither signs nor symmetrization: the square of what it adds is a quarter of
the sum of the squares of the last two terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.bits import bit_hypotheses, bit_symbols
from boundcheck.bounds.lemmas.margin_grid import one_shot_confidence
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Massart2000Finite(Theorem):
    """Rademacher complexity of a finite class of programs."""

    name = "massart2000finite"
    title = "finite class (bits of the parameters)"
    family = "rademacher"
    cite = (
        "Massart, Some applications of concentration inequalities to statistics, Ann. Fac. Sci. Toulouse 9 (2000), the lemma on "
        "finite sets"
    )
    statement = r"R(f) \le \hat R(f) + \sqrt{\frac{2 b \ln 2}{n}} + 2 \sqrt{\frac{\ln(1/\delta)}{2n}}"
    reads = ("precision", "errors")
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "errors": 1, "bits": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing is asked of what the network computes."""
        return bit_hypotheses()

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Bits that training could write, and the errors of the network as it ran."""
        return bit_symbols(evidence)

    @staticmethod
    def formula(*, n: int, errors: int, bits: int, delta: float) -> Bound:
        """Training error, twice the complexity, confidence.

        Args:
            n: Training examples, at least 1.
            errors: Errors among them, ties included.
            bits: Bits b >= 0 of all that training could change.
            delta: Confidence in (0, 1).

        Raises:
            ValueError: ``bits`` is negative.
        """
        if bits < 0:
            raise ValueError(f"expected a number of bits >= 0; got {bits}")
        complexity = sqrt_up(div_up(mul_up(2.0 * bits, log_up(2.0)), float(n)))
        terms = {"training error": div_up(float(errors), float(n)), "complexity": complexity}
        return Bound({**terms, "confidence": one_shot_confidence(n, delta, 0.0)})
