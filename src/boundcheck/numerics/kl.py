r"""Inversion of the binary relative entropy, on the safe side.

With :math:`\mathrm{kl}(q\|p) = q\ln\frac qp + (1-q)\ln\frac{1-q}{1-p}` (nats), bounds need the largest and the smallest
p that are compatible with an empirical mean q and a budget c.

How. Let a be the mass that shrinks (1 - q for the upper end, q for the lower) and b = 1 - a, and let it shrink to
:math:`a e^{-t}`. Then

.. math:: F(t) = a\,g(t) + b\,h(d/b) = c, \quad d = a(1-e^{-t}),\ g(t) = t + e^{-t} - 1,\ h(x) = x - \ln(1+x),

in which nothing cancels: g and h are evaluated with full relative precision. F is convex and increasing, so Newton's
method from an upper bound of the root comes down to it and never leaves the domain. A single number is returned only
after ball arithmetic (Arb) has confirmed :math:`\mathrm{kl}(q\|p) \ge c`; a large array is confirmed in float64 with
the evaluation's error taken off, and the few elements for which that fails go through ball arithmetic.
"""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike, NDArray

End = Literal["upper", "lower"]
Array = NDArray[np.float64]

_BITS = 192  # q and p are floats: at most 53 bits cancel in kl, twice, and 64 bits are left to spare
_SERIES_BELOW = 0.125


@overload
def kl_inverse(q: float, c: float) -> float: ...
@overload
def kl_inverse(q: ArrayLike, c: ArrayLike) -> Any: ...
def kl_inverse(q: ArrayLike, c: ArrayLike) -> Any:
    """``sup{p in [q, 1]: kl(q || p) <= c}``, never below the true value.

    Args:
        q: Empirical mean(s) in [0, 1].
        c: Budget(s) in nats, at least 0; infinity gives 1.

    Returns:
        A float for scalars, else a float64 array of the broadcast shape. The excess is below 1e-9, relatively.

    Raises:
        ValueError: For NaN and for values out of range.
    """
    return _inverse(q, c, "upper")


@overload
def kl_inverse_lower(q: float, c: float) -> float: ...
@overload
def kl_inverse_lower(q: ArrayLike, c: ArrayLike) -> Any: ...
def kl_inverse_lower(q: ArrayLike, c: ArrayLike) -> Any:
    """``inf{p in [0, q]: kl(q || p) <= c}``, never above the true value; see :func:`kl_inverse`."""
    return _inverse(q, c, "lower")


def _inverse(q: ArrayLike, c: ArrayLike, end: End) -> Any:
    if isinstance(q, (float, int)) and isinstance(c, (float, int)):
        return _inverse_one(_check_one("q in [0, 1]", q, 1.0), _check_one("c >= 0", c, math.inf), end)
    qs, cs = np.broadcast_arrays(np.asarray(q, dtype=np.float64), np.asarray(c, dtype=np.float64))
    for what, values, high in (("q in [0, 1]", qs, 1.0), ("c >= 0", cs, math.inf)):
        bad = ~((values >= 0.0) & (values <= high))
        if bad.any():
            raise ValueError(f"expected {what}; got {values[bad].flat[0]}")
    if qs.ndim == 0:
        return _inverse_one(float(qs), float(cs), end)
    return _inverse_many(qs.ravel(), cs.ravel(), end).reshape(qs.shape)


def _check_one(what: str, value: float, high: float) -> float:
    if not 0.0 <= value <= high:
        raise ValueError(f"expected {what}; got {value}")
    return float(value)


def _settled(q: float, c: float, end: End) -> float | None:
    """The ends that need no search.

    The shrinking mass ends at a exp(-t) with t >= c - 1/e, since F(t) <= a t - b ln b. From c = 60 on, 1 - p is below
    1e-25, and 1 is the answer rounded up; from c = 746 on, the lower end is below the smallest positive float.
    """
    if c == 0.0:
        return q
    if end == "upper":
        return 1.0 if q == 1.0 or c >= 60.0 else None
    return 0.0 if q == 0.0 or c >= 746.0 else None


def _inverse_one(q: float, c: float, end: End) -> float:
    """One inversion, confirmed in ball arithmetic."""
    settled = _settled(q, c, end)
    if settled is not None:
        return settled
    t = _propose_one(q, c, end)
    if end == "upper":
        p = min(1.0, q - (1.0 - q) * math.expm1(-t))
        limit = 1.0
    else:
        p = min(q, q * math.exp(-t) if t > 0.5 else q + q * math.expm1(-t))
        limit = 0.0
    with ctx.workprec(_BITS):
        budget, step = arb(c), 1
        while p != limit and not _kl_ball(q, p) >= budget:
            # Outward by 1, 2, 4, ... ulp: the proposal is off by a few ulp only.
            p = _outward(p, limit, step)
            step *= 2
    return p


def _outward(p: float, limit: float, steps: int) -> float:
    if steps == 1:
        return math.nextafter(p, limit)
    moved = p + math.copysign(math.ulp(p) * steps, limit - p)
    return min(moved, limit) if limit > p else max(moved, limit)


def _kl_ball(q: float, p: float) -> arb:
    """An enclosure of kl(q || p) for 0 < p < 1 (at the working precision)."""
    Q, P = arb(q), arb(p)
    gap = P - Q
    rest = (1 - Q) * (gap / (1 - P)).log1p() if q < 1.0 else arb(0)
    if q == 0.0:
        return rest
    # p / q near 1 needs log1p, near 0 (as small as 1e-320) it would need a thousand bits.
    return rest - Q * ((P / Q).log() if p < 0.5 * q else (gap / Q).log1p())


def _propose_one(q: float, c: float, end: End) -> float:
    """Newton's method in plain floats; no claim about rounding."""
    a, b = (1.0 - q, q) if end == "upper" else (q, 1.0 - q)
    t = (c - b * math.log(b)) / a if b > 0.0 else c / a
    # Pinsker, and kl >= d^2 / (2 max variance) between q and p, for either mass.
    root = math.sqrt(2.0 * c)
    move = min(root / 2.0, math.sqrt(a) * root, math.sqrt(b) * root + 2.0 * c)
    if move < a:
        t = min(t, -math.log1p(-move / a))
    t = min(t, 1e300)
    for _ in range(60):
        d = -a * math.expm1(-t)
        slope = d / (b + d)
        value = a * _g_one(t) + (b * _h_one(d / b) if b > 0.0 and d / b < math.inf else d)
        if slope == 0.0:
            break
        step = (value - c) / slope
        t = max(t - step, t / 16.0)
        if abs(step) <= 1e-15 * t:
            break
    return t


def _g_one(t: float) -> float:
    if t >= _SERIES_BELOW:
        return t + math.expm1(-t)
    total = 0.0
    for k in range(12, 1, -1):
        total = (1.0 - t * total) / k if k > 2 else 0.5 * (1.0 - t * total)
    return t * t * total


def _h_one(x: float) -> float:
    if x >= _SERIES_BELOW:
        return x - math.log1p(x)
    s = x / (2.0 + x)
    z = s * s
    tail = 1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z / 17))))))
    return x * s - 2.0 * s * z * tail


# ---------------------------------------------------------------------------------------------------- arrays

# Relative error of the computed F, in units of u = 2**-53, where nothing over- or underflows (a, b >= 1e-150 or b = 0,
# 1e-250 <= c): expm1 and log1p are within 8 (4 ulp). g for t >= 1/8: 8 (1 - e^-t)/g(t) <= 126 and one subtraction; its
# series below: under 10, truncated after t^12 / 14!. h for x >= 1/8: 8 ln(1+x)/h(x) <= 131 and one subtraction; below,
# x s and the sum of odd powers cancel by a factor under 1.1: under 20. d, a, b and d/b carry at most 11 + 1 + 1, which h
# takes at most twice (x h'(x)/h(x) lies in [1, 2]). Together under 126 + 131 + 60 < 512.
_TRUST = 1.0 - 2.0**-43  # (1 - 1024 u): the computed F times this is a lower bound of F


def _inverse_many(q: Array, c: Array, end: End) -> Array:
    """Many inversions, confirmed in float64; what can't be is handed to ball arithmetic."""
    a, b = (1.0 - q, q) if end == "upper" else (q, 1.0 - q)
    most = 60.0 if end == "upper" else 746.0
    plain = (c >= 1e-250) & (c < most) & (a >= 1e-150) & ((b >= 1e-150) | (b == 0.0))
    out = np.empty_like(q)
    a, b, cc, qq = a[plain], b[plain], c[plain], q[plain]
    with np.errstate(under="ignore"):
        t = _propose_many(a, b, cc)
        done = np.zeros(t.shape, dtype=bool)
        for widen in (2.0**-42, 2.0**-41, 2.0**-40):
            wider = t * (1.0 + widen)
            t = np.where(done, t, wider)
            done |= _f_many(a, b, t)[0] * _TRUST >= cc
        found = _end_up(qq, a, t) if end == "upper" else _end_low(qq, a, t)
    out[plain] = found
    left = ~plain
    left[np.flatnonzero(plain)[~done]] = True
    for i in np.flatnonzero(left):
        out[i] = _inverse_one(float(q[i]), float(c[i]), end)
    return out


def _end_up(q: Array, a: Array, t: Array) -> Array:
    """``q + a(1 - e^-t)`` rounded up: a, expm1 and the product are off by at most 12 u."""
    d = -a * np.expm1(-t) * (1.0 + 2.0**-48)
    return np.minimum(np.nextafter(q + d, np.inf), 1.0)


def _end_low(q: Array, a: Array, t: Array) -> Array:
    """``q e^-t`` rounded down, as a product and as a difference: the larger of two lower bounds."""
    product = q * np.exp(-t) * (1.0 - 2.0**-48) - 2.0**-1070
    difference = np.nextafter(q + q * np.expm1(-t) * (1.0 + 2.0**-48), -np.inf)
    return np.maximum(np.maximum(product, difference), 0.0)


def _propose_many(a: Array, b: Array, c: Array) -> Array:
    """Newton's method from above, as for one number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (c - np.where(b > 0.0, b * np.log(np.where(b > 0.0, b, 1.0)), 0.0)) / a
        root = np.sqrt(2.0 * c)
        move = np.minimum(np.minimum(root / 2.0, np.sqrt(a) * root), np.sqrt(b) * root + 2.0 * c)
        t = np.where(move < a, np.minimum(t, -np.log1p(-np.minimum(move / a, 1.0))), t)
    for _ in range(40):
        value, d = _f_many(a, b, t)
        slope = d / (b + d)
        step = (value - c) / slope
        t = np.maximum(t - step, t / 16.0)
        if np.all(np.abs(step) <= 2.0**-44 * t):
            break
    return t


def _f_many(a: Array, b: Array, t: Array) -> tuple[Array, Array]:
    """F(t) and d; see ``_TRUST`` for the error."""
    decay = np.expm1(-t)
    d = -a * decay
    small = np.minimum(t, _SERIES_BELOW)
    series = np.full_like(t, 1.0 / math.factorial(14))
    for k in range(13, 1, -1):
        series = 1.0 / math.factorial(k) - small * series
    g = np.where(t >= _SERIES_BELOW, t + decay, small * small * series)
    x = d / np.where(b > 0.0, b, 1.0)
    y = np.minimum(x, _SERIES_BELOW)
    s = y / (2.0 + y)
    z = s * s
    tail = np.full_like(t, 1.0 / 17.0)
    for k in range(15, 1, -2):
        tail = 1.0 / k + z * tail
    h = np.where(x >= _SERIES_BELOW, x - np.log1p(x), y * s - 2.0 * s * z * tail)
    return a * g + np.where(b > 0.0, b * h, d), d
