"""Classes on a sample by the names that a user gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError, nearest
from boundcheck.numerics.error_terms import UNIT, Array
from boundcheck.rademacher.classes import ClosedClass, FiniteClass, KernelBall, L1Ball, LinearBall
from boundcheck.rademacher.dual_norms import GroupBall, LInfBall

CLASSES = ("linear", "l1", "linf", "group", "kernel", "finite")
KERNELS = ("gaussian",)
_LARGEST_GRAM = 10_000  # rows; 800 MB


@dataclass(frozen=True)
class Shape:
    """What a class needs besides the sample.

    Attributes:
        radius: Norm that bounds the class; factor of a finite class.
        group_size: Coordinates of a group, one after the other; the last group may be smaller.
        kernel: One of :data:`KERNELS`.
        bandwidth: Of the Gaussian kernel exp(-|x - x'|^2 / (2 bandwidth^2)).
    """

    radius: float = 1.0
    group_size: int | None = None
    kernel: str = "gaussian"
    bandwidth: float | None = None


def closed_class(name: str, x: npt.ArrayLike, shape: Shape) -> ClosedClass:
    """The class on a sample.

    Args:
        name: One of :data:`CLASSES`.
        x: Inputs (n, d); for ``finite`` the values, one function a row (N, n).
        shape: Radius and what else the class needs.

    Raises:
        InputError: An unknown name, or something that the class needs is missing.
    """
    if name not in CLASSES:
        raise InputError("a class", repr(name), nearest(name, CLASSES))
    if name != "group" and shape.group_size is not None:
        raise InputError(f"no --group-size with class {name}", str(shape.group_size), "it belongs to --class group")
    if name != "kernel" and shape.bandwidth is not None:
        raise InputError(f"no --bandwidth with class {name}", str(shape.bandwidth), "it belongs to --class kernel")
    if name == "kernel":
        return _kernel_ball(np.asarray(x, dtype=np.float64), shape)
    if name == "group":
        return _group_ball(np.asarray(x, dtype=np.float64), shape)
    plain: Mapping[str, Callable[[npt.ArrayLike, float], ClosedClass]] = {
        "linear": LinearBall,
        "l1": L1Ball,
        "linf": LInfBall,
        "finite": FiniteClass,
    }
    return plain[name](x, shape.radius)


def _group_ball(x: Array, shape: Shape) -> ClosedClass:
    size = shape.group_size
    if size is None or size < 1:
        got = "none" if size is None else str(size)
        raise InputError("--group-size, the coordinates of a group, with class group", got, "give for example --group-size 28")
    d = x.shape[1]
    return GroupBall(x, [range(start, min(start + size, d)) for start in range(0, d, size)], shape.radius)


def _kernel_ball(x: Array, shape: Shape) -> ClosedClass:
    from scipy.spatial.distance import cdist

    if shape.kernel not in KERNELS:
        raise InputError("a kernel", repr(shape.kernel), nearest(shape.kernel, KERNELS))
    width = shape.bandwidth
    if width is None or not 0.0 < width < np.inf:
        got = "none" if width is None else str(width)
        raise InputError("a positive --bandwidth with class kernel", got, "give for example --bandwidth 5")
    n, d = x.shape
    if n > _LARGEST_GRAM:
        raise InputError(f"at most {_LARGEST_GRAM} examples with class kernel", str(n), "choose fewer with --n")
    gram = np.exp(cdist(x, x, "sqeuclidean") / (-2.0 * width * width))
    gram = (gram + gram.T) / 2.0
    # The exponent t has a relative error of (d + 8) units and t exp(-t) < 1; exp itself errs by a few units of at most 1.
    return KernelBall(gram, shape.radius, (d + 24) * UNIT)
