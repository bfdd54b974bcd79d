r"""Inversion of binomial tails, on the safe side and for confidences far below the smallest float.

How. A tail is its largest term times a sum of falling products (:mod:`boundcheck.numerics.ratio_sums`):

.. math:: P(\mathrm{Bin}(n,p)\ge m) = \binom nm p^m(1-p)^{n-m}\Big(1 + \tfrac{n-m}{m+1}\tfrac{p}{1-p} + \dots\Big),

with the first factor in ball arithmetic (Arb). The logarithm of the tail is concave in ln p, and its slope there is m
divided by the sum. So Newton's method from the Chernoff bound, which lies on the side of the smaller tail, approaches
the root from that side and needs no safeguard. The result is returned only after the tail at that very float is
confirmed to be on the right side of delta.

For :math:`P(X\le k)` the roles of successes and failures are exchanged; where delta is above 1/2 the complementary tail
is inverted, so that the probability that is solved for is always the small one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike, NDArray

from boundcheck.numerics.kl import kl_inverse_lower
from boundcheck.numerics.ratio_sums import ratio_sum

# Logarithms of binomial coefficients reach n ln 2 < 2**53: 53 bits of those, and 100 to spare.
_BITS = 160
_LARGEST_N = 2**53
_HALF = math.log(0.5)


@overload
def binomial_tail_inverse(k: int, n: int, delta: float) -> float: ...
@overload
def binomial_tail_inverse(k: ArrayLike, n: ArrayLike, delta: ArrayLike) -> Any: ...
def binomial_tail_inverse(k: ArrayLike, n: ArrayLike, delta: ArrayLike) -> Any:
    """``sup{p: P(Bin(n, p) <= k) >= delta}``, never below the true value (1 where k = n).

    Args:
        k: Number(s) of errors, 0 <= k <= n.
        n: Number(s) of examples, 1 <= n <= 2**53.
        delta: Probability in (0, 1], as small as a float can be.

    Returns:
        A float for scalars, else a float64 array of the broadcast shape. The excess is below 1e-9, relatively.

    Raises:
        ValueError: For NaN and for values out of range.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934); J. Langford, JMLR 6 (2005), Theorem 3.3.
    """
    return _over(_upper_of_delta, k, n, delta)


@overload
def binomial_tail_inverse_log(k: int, n: int, log_delta: float) -> float: ...
@overload
def binomial_tail_inverse_log(k: ArrayLike, n: ArrayLike, log_delta: ArrayLike) -> Any: ...
def binomial_tail_inverse_log(k: ArrayLike, n: ArrayLike, log_delta: ArrayLike) -> Any:
    """:func:`binomial_tail_inverse` of ``exp(log_delta)``, for union bounds whose delta underflows.

    Args:
        k: Number(s) of errors, 0 <= k <= n.
        n: Number(s) of examples, 1 <= n <= 2**53.
        log_delta: Natural logarithm of delta, at most 0; minus infinity gives 1.

    Returns:
        A float for scalars, else a float64 array of the broadcast shape; never below the true value.

    Raises:
        ValueError: For NaN and for values out of range.
    """
    return _over(_upper_of_log, k, n, log_delta)


def clopper_pearson(k: int, n: int, delta: float) -> tuple[float, float]:
    """The exact two-sided interval for a probability, each end rounded outwards.

    Args:
        k: Successes, 0 <= k <= n.
        n: Trials, at least 1.
        delta: Probability in (0, 1] of missing; half of it goes to each end.

    Returns:
        Lower and upper end: ``P(Bin(n, lower) >= k) <= delta / 2`` and ``P(Bin(n, upper) <= k) <= delta / 2``.

    Raises:
        ValueError: For NaN and for values out of range.
    """
    k, n = _counts(k, n)
    _probability(delta)
    with ctx.workprec(_BITS):
        share = (arb(float(delta)) / 2).log()
        return _solve(_Tail(n, k, True), share, _below), _upper(k, n, share)


def _over(one: Callable[[int, int, float], float], k: ArrayLike, n: ArrayLike, level: ArrayLike) -> Any:
    """Apply to scalars, or once to each distinct triple of the broadcast arrays."""
    if all(isinstance(v, (int, float)) or np.ndim(v) == 0 for v in (k, n, level)):
        return one(*_counts(k, n), float(level))  # type: ignore[arg-type]
    ks, ns, levels = np.broadcast_arrays(np.asarray(k), np.asarray(n), np.asarray(level, dtype=np.float64))
    known: dict[tuple[Any, Any, float], float] = {}
    out = np.empty(ks.shape, dtype=np.float64)
    for i, triple in enumerate(zip(ks.ravel().tolist(), ns.ravel().tolist(), levels.ravel().tolist(), strict=True)):
        if triple not in known:
            known[triple] = one(*_counts(triple[0], triple[1]), triple[2])
        out.flat[i] = known[triple]
    return out


def _counts(k: Any, n: Any) -> tuple[int, int]:
    for what, value in (("k", k), ("n", n)):
        if not (math.isfinite(value) and float(value).is_integer()):
            raise ValueError(f"expected a whole number {what}; got {value}")
    k, n = int(k), int(n)
    if not (1 <= n <= _LARGEST_N and 0 <= k <= n):
        raise ValueError(f"expected 0 <= k <= n and 1 <= n <= 2**53; got k={k}, n={n}")
    return k, n


def _probability(delta: float) -> None:
    if not 0.0 < delta <= 1.0:
        raise ValueError(f"expected a probability delta in (0, 1]; got {delta}")


def _upper_of_delta(k: int, n: int, delta: float) -> float:
    _probability(delta)
    with ctx.workprec(_BITS):
        return _upper(k, n, arb(delta).log(), complement=1 - arb(delta))


def _upper_of_log(k: int, n: int, log_delta: float) -> float:
    if not log_delta <= 0.0:
        raise ValueError(f"expected ln(delta) at most 0; got {log_delta}")
    if log_delta == -math.inf:
        return 1.0
    with ctx.workprec(_BITS):
        return _upper(k, n, arb(log_delta), complement=-arb(log_delta).expm1())


def _upper(k: int, n: int, log_delta: arb, complement: arb | None = None) -> float:
    """``sup{p: P(Bin(n, p) <= k) >= delta}``, rounded up; ``complement`` is 1 - delta."""
    if k == n:
        return 1.0
    if complement is not None and float(log_delta) > _HALF:
        # P(X <= k) >= delta is P(X >= k + 1) <= 1 - delta.
        if complement <= 0:
            return 0.0
        return _solve(_Tail(n, k + 1, True), complement.log(), _above)
    return _solve(_Tail(n, n - k, False), log_delta, _below)


# A comparison "the tail is at most / at least delta, for certain", on its enclosure.
def _below(tail: tuple[arb, arb], log_delta: arb) -> bool:
    return bool(tail[1] <= log_delta)


def _above(tail: tuple[arb, arb], log_delta: arb) -> bool:
    return bool(tail[0] >= log_delta)


@dataclass(frozen=True)
class _Tail:
    """P(at least m of n) for a probability r, which is p itself (``direct``) or 1 - p.

    Attributes:
        n: Trials.
        m: At least so many, 0 <= m <= n.
        direct: Whether r = p.
    """

    n: int
    m: int
    direct: bool

    def log_choose(self) -> arb:
        return arb(self.n + 1).lgamma() - arb(self.m + 1).lgamma() - arb(self.n - self.m + 1).lgamma()

    def log(self, p: float, choose: arb) -> tuple[arb, arb, float]:
        """Lower and upper bound of the logarithm of the tail at the float p, and the sum that gives the slope."""
        n, m = self.n, self.m
        odds = p / (1.0 - p) if self.direct else (1.0 - p) / p
        ln_p, ln_rest = arb(p).log(), (-arb(p)).log1p()
        ln_r, ln_not = (ln_p, ln_rest) if self.direct else (ln_rest, ln_p)

        def ratio(j: NDArray[np.float64]) -> NDArray[np.float64]:
            return ((n - m) - j) / ((m + 1) + j) * odds

        low, high = ratio_sum(ratio, n - m, roundings=6)
        # Where there are no ratios the sum is exactly 1.
        first = choose + m * ln_r + (n - m) * ln_not if n > m else m * ln_r
        return first + arb(low).log(), first + (arb(high).log() if high < math.inf else arb.pos_inf()), high


def _solve(tail: _Tail, log_delta: arb, certain: Callable[[tuple[arb, arb], arb], bool]) -> float:
    """The p at which the tail is delta <= 1/2, moved until ``certain`` holds: r down for ``_below``, up for ``_above``.

    Newton's steps can settle to a few ulp: since the logarithm of the tail is concave in x = ln r and 0 at 0, a relative
    error of that logarithm is worth at most the same relative error of x.
    """
    if tail.m == 0:
        return 0.0 if tail.direct else 1.0  # the tail is 1 whatever p is: only the end of the range will do
    choose, target = tail.log_choose(), float(log_delta)
    x = math.log(tail.m) - math.log(tail.n)
    chernoff = kl_inverse_lower(tail.m / tail.n, -target / tail.n)
    # ln P >= m ln r gives r <= delta^(1/m), and the Chernoff bound may underflow: then start from the union bound's
    # r >= exp((ln delta - ln C(n, m)) / m), which is on the same side.
    x = min(x, max(math.log(chernoff) if chernoff > 0.0 else -math.inf, (target - float(choose)) / tail.m))
    p = _probability_at(x, tail.direct)
    for _ in range(80):
        if not 0.0 < p < 1.0:
            break
        _, high, total = tail.log(p, choose)
        step = float(high - log_delta) * total / tail.m
        if not math.isfinite(step):
            break
        x = min(x - step, 0.0)
        before, p = p, _probability_at(x, tail.direct)
        if abs(p - before) <= 2.0 * math.ulp(p):
            break
    outwards = 0.0 if tail.direct and certain is _below else 1.0
    return _move(tail, choose, log_delta, certain, p, outwards)


def _probability_at(x: float, direct: bool) -> float:
    return math.exp(x) if direct else -math.expm1(x)


def _move(
    tail: _Tail, choose: arb, log_delta: arb, certain: Callable[[tuple[arb, arb], arb], bool], p: float, outwards: float
) -> float:
    """From p towards ``outwards`` by 1, 2, 4, ... ulp until the comparison is certain."""
    p = min(max(p, 0.0), 1.0)
    step = 1.0
    if p == 1.0 - outwards:
        p = math.nextafter(p, outwards)
    while p != outwards:
        low, high, _ = tail.log(p, choose)
        if certain((low, high), log_delta):
            break
        moved = p + math.copysign(step * math.ulp(p), outwards - p)
        p, step = min(max(moved, 0.0), 1.0), 2.0 * step
    return p
