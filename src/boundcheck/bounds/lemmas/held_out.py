r"""What the bounds on held-out data read off the evidence, and the law of the labels that they speak of.

Where training labels were replaced with probability p by uniform ones of k classes, the risk is the error under that law. For
an example of the held-out sample, whose label is clean, its exact expectation over the replacement is a number in [lo, 1]:

.. math:: z = lo + (1 - p)\, 1[\text{wrong}] + (p/k)\, 1[\text{tie or NaN}], \quad lo = p (1 - 1/k),

a tie being wrong under every label. These numbers are independent and alike distributed, and their mean is the risk, so that
the held-out labels need not be replaced by a random draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, div_down, div_up, mul_down, mul_up, sub_down, sub_up
from boundcheck.theorem import Hypothesis, NotApplicable


def held_out_hypotheses(evidence: Evidence) -> tuple[Hypothesis, ...]:
    """Independence of the held-out sample, checked as far as repeated rows show it, and a single look."""
    e = evidence.errors
    return (
        Hypothesis.check(
            "the held-out examples are independent of the training sample: no row occurs in both",
            e.overlap == 0,
            f"{e.overlap} of {e.test_n} held-out rows occur in the training sample",
        ),
        Hypothesis.assume("the held-out examples are independent draws from the distribution of the training sample"),
        Hypothesis.assume("the network was fixed before the held-out sample was looked at, and it is looked at once"),
    )


def held_out_symbols(evidence: Evidence) -> dict[str, Any]:
    """Counts of the held-out sample and the law of the labels.

    Raises:
        NotApplicable: There is no held-out sample.
    """
    e = evidence.errors
    if e.test_n == 0:
        raise NotApplicable("there is no held-out sample")
    return {
        "m": e.test_n,
        "errors": e.test_errors,
        "invalid": e.test_invalid,
        "corruption": evidence.problem.corruption,
        "classes": evidence.problem.classes,
    }


@dataclass(frozen=True)
class ExpectedLosses:
    """The numbers z of a held-out sample.

    Attributes:
        low: The smallest value ``lo`` that a loss can take, rounded up.
        width: ``1 - lo``, rounded up.
        mean: Their mean, rounded up.
        scaled: Mean of (z - lo) / (1 - lo), numbers in [0, 1]; rounded up, at most 1.
        variance: Their unbiased sample variance, rounded up; 0 for a single example.
    """

    low: float
    width: float
    mean: float
    scaled: float
    variance: float


def expected_losses(*, m: int, errors: int, invalid: int, corruption: float, classes: int) -> ExpectedLosses:
    """The expected losses of a sample of which only counts are known.

    Args:
        m: Examples, at least 1.
        errors: Errors among them on clean labels, ``invalid`` included.
        invalid: Ties and NaN among them.
        corruption: Probability p in [0, 1] with which a label is uniform.
        classes: Number of classes k >= 2.

    Raises:
        ValueError: A number is out of its range.
    """
    if not (0 <= invalid <= errors <= m and m >= 1 and 0.0 <= corruption <= 1.0 and classes >= 2):
        got = f"m = {m}, errors = {errors}, invalid = {invalid}, corruption = {corruption}, classes = {classes}"
        raise ValueError(f"expected 0 <= invalid <= errors <= m, m >= 1, corruption in [0, 1], classes >= 2; got {got}")
    k = float(classes)
    low = div_up(mul_up(corruption, k - 1.0), k)
    width_down = sub_down(1.0, low)  # at least 1/k > 0 up to rounding
    width = sub_up(1.0, div_down(mul_down(corruption, k - 1.0), k))
    of_wrong, of_tie = sub_up(1.0, corruption), div_up(corruption, k)
    above_low = div_up(add_up(mul_up(of_wrong, float(errors)), mul_up(of_tie, float(invalid))), float(m))
    variance = 0.0
    if m > 1:
        right, wrong = float(m - errors), float(errors - invalid)
        pairs = add_up(
            mul_up(right, wrong, of_wrong, of_wrong),
            mul_up(right, float(invalid), width, width),
            mul_up(wrong, float(invalid), of_tie, of_tie),
        )
        variance = div_up(pairs, mul_down(float(m), m - 1.0))
    scaled = min(div_up(above_low, width_down), 1.0)
    return ExpectedLosses(low, width, min(add_up(low, above_low), 1.0), scaled, variance)
