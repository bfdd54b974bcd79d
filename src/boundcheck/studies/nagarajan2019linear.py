r"""A linear problem on which no two-sided uniform-convergence bound says anything, though the learned rule is almost never wrong.

V. Nagarajan and J. Z. Kolter, Uniform convergence may be unable to explain generalization in deep learning, NeurIPS 2019,
Theorem 3.1, with constants derived here. An example is :math:`x = (2 y u, x_2)` with a fair label y in {-1, 1}, a fixed vector
u of square norm 1/m and noise :math:`x_2 \sim N(0, \frac{32}{D} I_D)`. One pass of gradient descent from zero finds :math:`w_1
= 2 m u` and :math:`w_2 = \sum_i y_i x_2^{(i)}`, so that :math:`y \langle w_1, x_1 \rangle = 4` for every example.

**The error.** Given w_2, a fresh margin is normal with mean 4 and variance :math:`\frac{32}{D} \|w_2\|^2`, so :math:`R =
\Phi(-4 / (\|w_2\| \sqrt{32/D}))` exactly. :math:`\|w_2\|^2` is :math:`\frac{32 m}{D}` times a chi-square variable of D degrees,
which exceeds :math:`D + 2 \sqrt{D s} + 2 s` with probability at most :math:`e^{-s}` (B. Laurent and P. Massart 2000).

**The flipped sample** :math:`S' = \{((x_1, -x_2), y)\}` has the law of S. Its margins are :math:`4 - \|x_2^{(i)}\|^2 - y_i
\langle \sum_{j \ne i} y_j x_2^{(j)}, x_2^{(i)} \rangle`. Put :math:`t = \ln(3 m / \delta)`. With probability at least :math:`1
- \delta/3` all :math:`\|x_2^{(i)}\|^2 \ge a = 32 (1 - 2 \sqrt{t/D})` (the lower tail of the chi-square), and given these the
last term is normal with variance :math:`\frac{32}{D} (m-1) \|x_2^{(i)}\|^2`, so with probability at least :math:`1 - \delta/3`
all are at least :math:`-\sqrt{v} \|x_2^{(i)}\|`, v = 64 t (m-1)/D. Where :math:`a - 4 > \sqrt{v a}` and :math:`a \ge v/4` (then
:math:`z - 4 - \sqrt{v z}` grows for z >= a), every example of S' is misclassified.

**What follows.** With probability at least :math:`1 - \delta`, :math:`R(h_S) \le \epsilon` and :math:`\hat R_{S'}(h_S) = 1`.
Let a set of samples have probability at least :math:`1 - \delta_u`, :math:`2 \delta_u + \delta < 1`. Then it holds some S and
S' for which both are true. So every two-sided bound on :math:`|R(h) - \hat R_S(h)|` that holds uniformly over what the
algorithm finds on such a set, for any such set, is at least :math:`1 - \epsilon`. One-sided bounds are not touched.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from boundcheck.errors import InputError
from boundcheck.numerics.rounding import (
    add_up,
    div_down,
    div_up,
    log_up,
    mul_up,
    sqrt_up,
    sub_down,
)

_LARGEST = 2 * 10**8  # numbers of noise in memory


@dataclass(frozen=True)
class Conditions:
    r"""What is promised for some sizes.

    Attributes:
        m: Examples.
        d: Noise dimensions D.
        delta: Probability that error and flipped sample are not as said.
        least_square: Lower bound a of the square norms of the noise, from below.
        cross: :math:`\sqrt{v a}`, from above.
        test_error: Upper bound epsilon of the error of what is learned.
        holds: Whether the conditions hold.
    """

    m: int
    d: int
    delta: float
    least_square: float
    cross: float
    test_error: float
    holds: bool

    @property
    def lower_bound(self) -> float:
        """What every two-sided bound is at least, for failure probabilities below :attr:`failure`; 0 where nothing follows."""
        return max(sub_down(1.0, self.test_error), 0.0) if self.holds else 0.0

    @property
    def failure(self) -> float:
        """Bounds that fail with a probability below this are spoken of."""
        return div_down(sub_down(1.0, self.delta), 2.0)


def conditions(m: int, d: int, delta: float) -> Conditions:
    """The conditions for some sizes, rounded to the safe side.

    Raises:
        InputError: A number is out of its range.
    """
    if m < 1 or d < 1 or not 0.0 < delta < 1.0:
        raise InputError("--m and --d of at least 1 and delta in (0, 1)", f"{m}, {d} and {delta}", "try 100, 20000 and 0.05")
    t, s = log_up(div_up(3.0 * m, delta)), log_up(div_up(3.0, delta))
    root = sqrt_up(div_up(t, float(d)))
    a = 32.0 * sub_down(1.0, 2.0 * root) if root < 0.5 else 0.0
    v = div_up(mul_up(64.0 * (m - 1), t), float(d))
    cross = sqrt_up(mul_up(v, a))
    square = mul_up(32.0 * m, add_up(1.0, 2.0 * sqrt_up(div_up(s, float(d))), div_up(2.0 * s, float(d))))
    spread = sqrt_up(div_up(mul_up(square, 32.0), float(d)))
    # The distribution function grows; its implementation errs by a few units in the last place.
    error = float(ndtr(-div_down(4.0, spread))) * (1.0 + 1e-12) + 1e-300
    return Conditions(m, d, delta, a, cross, error, sub_down(a, 4.0) > cross and a >= v / 4.0)


def least_dimension(m: int, delta: float) -> int:
    """The smallest D for which the conditions hold: they hold for all larger ones, too."""
    high = 1
    while not conditions(m, high, delta).holds:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if conditions(m, middle, delta).holds else (middle, high)
    return high


@dataclass(frozen=True)
class Outcome:
    """One sample and what was learned from it.

    Attributes:
        train_errors: Errors on the sample.
        flipped_errors: Errors on the flipped sample.
        largest_flipped_margin: Largest margin there.
        error: The exact error given the weights.
        fresh_errors: Errors on fresh examples.
        fresh: Their number.
    """

    train_errors: int
    flipped_errors: int
    largest_flipped_margin: float
    error: float
    fresh_errors: int
    fresh: int

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def run(m: int, d: int, seed: int, fresh: int = 1000) -> Outcome:
    """Draw a sample, learn by one pass, and look at the sample, the flipped sample and fresh examples.

    Args:
        m: Examples.
        d: Noise dimensions D.
        seed: Seed of all draws.
        fresh: Fresh examples.

    Raises:
        InputError: The sample does not fit into memory.
    """
    if m * d > _LARGEST:
        raise InputError(
            f"--m times --d of at most {_LARGEST:,}", f"{m * d:,}", "choose smaller ones; the conditions need no run"
        )
    rng = np.random.default_rng(seed)
    scale = math.sqrt(32.0 / d)
    labels = 2.0 * rng.integers(0, 2, m) - 1.0
    noise = scale * rng.normal(size=(m, d))
    w2 = labels @ noise
    # Every first part has the margin 2 m u . 2 u = 4.
    own = labels * (noise @ w2)
    spread = float(np.linalg.norm(w2)) * scale
    wrong, block = 0, max(1, 2**24 // d)
    for start in range(0, fresh, block):
        count = min(block, fresh - start)
        sides = 2.0 * rng.integers(0, 2, count) - 1.0
        wrong += int((4.0 + sides * (scale * rng.normal(size=(count, d)) @ w2) <= 0.0).sum())
    return Outcome(
        int((4.0 + own <= 0.0).sum()),
        int((4.0 - own <= 0.0).sum()),
        float((4.0 - own).max()),
        float(ndtr(-4.0 / spread)),
        wrong,
        fresh,
    )
