"""Kernels by name: the one place where words select them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from boundcheck.errors import InputError, nearest
from boundcheck.kernels.given import FromFunction, Precomputed
from boundcheck.kernels.inner import NNGP, NTK, ArcCosine, Polynomial
from boundcheck.kernels.kernel import Kernel
from boundcheck.kernels.stationary import Gaussian, Laplacian

KERNELS: Mapping[str, tuple[str, Callable[..., Kernel]]] = MappingProxyType(
    {
        "gaussian": ("exp(-|x-x'|^2 / (2 bandwidth^2))", lambda p: Gaussian(p["bandwidth"], p["divisor"])),
        "laplacian": ("exp(-|x-x'| / bandwidth)", lambda p: Laplacian(p["bandwidth"], p["divisor"])),
        "polynomial": (
            "(scale x.x' + offset)^degree",
            lambda p: Polynomial(p["degree"], p["offset"], p["scale"], p["divisor"]),
        ),
        "linear": ("x.x'", lambda p: Polynomial(1, 0.0, 1.0, p["divisor"])),
        "arc-cosine": ("arc-cosine kernel of order 1", lambda p: ArcCosine(1, p["divisor"])),
        "first-layer": ("two-layer ReLU network, first layer trained alone", lambda p: ArcCosine(0, p["divisor"])),
        "nngp": ("random ReLU network of infinite width, depth hidden layers", lambda p: NNGP(p["depth"], p["divisor"])),
        "ntk": ("ReLU network of infinite width, all layers trained", lambda p: NTK(p["depth"], p["divisor"])),
        "precomputed": ("a kernel matrix in the place of inputs", lambda p: Precomputed()),
    }
)
"""What each name stands for, and how the kernel is made from the parameters."""


def make_kernel(
    kernel: str | Callable[..., Any] | Kernel,
    *,
    bandwidth: float = 1.0,
    degree: int = 3,
    offset: float = 1.0,
    scale: float = 1.0,
    depth: int = 1,
    divisor: float = 1.0,
) -> Kernel:
    """The kernel that a word, a function or a kernel stands for.

    Args:
        kernel: A name of :data:`KERNELS`, a function from arrays (n, d) and (m, d) to (n, m), or a kernel.
        bandwidth: Of the Gaussian and the Laplacian.
        degree: Of the polynomial.
        offset: Of the polynomial, at least 0.
        scale: Of the polynomial.
        depth: Hidden layers of ``ntk`` and ``nngp``.
        divisor: Inputs are divided by this before anything else.

    Raises:
        InputError: No such kernel, or a parameter out of its range.
    """
    if isinstance(kernel, Kernel):
        return kernel
    if not isinstance(kernel, str):
        if callable(kernel):
            return FromFunction(kernel)
        raise InputError("the name of a kernel or a function", repr(kernel), "known: " + ", ".join(KERNELS))
    if kernel not in KERNELS:
        raise InputError("a kernel", repr(kernel), nearest(kernel, tuple(KERNELS)))
    for name, value in (("bandwidth", bandwidth), ("scale", scale), ("divisor", divisor)):
        if not 0.0 < value < math.inf:
            raise InputError(f"a positive {name}", repr(value), "choose another")
    if not 0.0 <= offset < math.inf:
        raise InputError("an offset of at least 0", repr(offset), "a negative one gives no kernel")
    for name, value in (("degree", degree), ("depth", depth)):
        if int(value) != value or not 1 <= value <= 100:
            raise InputError(f"a {name} from 1 to 100", repr(value), "choose another")
    parameters = {
        "bandwidth": float(bandwidth), "degree": int(degree), "offset": float(offset), "scale": float(scale),
        "depth": int(depth), "divisor": float(divisor),
    }  # fmt: skip
    return KERNELS[kernel][1](parameters)
