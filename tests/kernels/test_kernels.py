"""Kernels: blocks against 50-digit arithmetic on the same inputs, closed forms of infinite networks against integrals."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.kernels.catalogue import KERNELS, make_kernel
from boundcheck.kernels.inner import NNGP, NTK, ArcCosine, Polynomial
from boundcheck.kernels.kernel import Kernel
from boundcheck.kernels.stationary import Gaussian, Laplacian


def kappa0(rho: mpmath.mpf) -> mpmath.mpf:
    return 1 - mpmath.acos(rho) / mpmath.pi


def kappa1(rho: mpmath.mpf) -> mpmath.mpf:
    theta = mpmath.acos(rho)
    return (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / mpmath.pi


def exact(kernel: Kernel, x: list[mpmath.mpf], y: list[mpmath.mpf]) -> mpmath.mpf:
    """The kernel from its definition, in 50 digits."""
    divisor = mpmath.mpf(kernel.divisor)
    x, y = [a / divisor for a in x], [b / divisor for b in y]
    square = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    inner = sum(a * b for a, b in zip(x, y, strict=True))
    if isinstance(kernel, Gaussian):
        return mpmath.exp(-square / (2 * mpmath.mpf(kernel.bandwidth) ** 2))
    if isinstance(kernel, Laplacian):
        return mpmath.exp(-mpmath.sqrt(square) / mpmath.mpf(kernel.bandwidth))
    if isinstance(kernel, Polynomial):
        return (mpmath.mpf(kernel.scale) * inner + mpmath.mpf(kernel.offset)) ** kernel.degree
    lengths = mpmath.sqrt(sum(a * a for a in x)) * mpmath.sqrt(sum(b * b for b in y))
    if lengths == 0:
        return mpmath.mpf(0)
    rho = min(max(inner / lengths, mpmath.mpf(-1)), mpmath.mpf(1))
    if isinstance(kernel, ArcCosine):
        return lengths * (kappa1(rho) if kernel.order == 1 else rho * kappa0(rho) / 2)
    tangent = rho
    for _ in range(kernel.depth):
        tangent, rho = tangent * kappa0(rho), kappa1(rho)
        tangent += rho
    return lengths * (tangent if isinstance(kernel, NTK) else rho)


KINDS: list[Kernel] = [
    Gaussian(0.7), Gaussian(3.0, 255.0), Laplacian(0.7), Laplacian(9.0, 16.0), Polynomial(3, 1.0, 0.5), Polynomial(1, 0.0, 1.0),
    Polynomial(4, 0.25, 2.0, 3.0), ArcCosine(1), ArcCosine(0), NNGP(1), NNGP(4), NTK(1), NTK(3, 2.0),
]  # fmt: skip


def inputs(case: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    if case == "integers":
        return rng.integers(0, 256, (7, 40)).astype(np.uint8)
    x = rng.normal(size=(7, 600 if case == "long" else 6))  # 600 coordinates are summed in three parts
    if case == "close":  # two points that differ in the eighth digit, and one opposite to the first
        x[1] = x[0] * (1 + 1e-8)
        x[2] = -x[0]
    if case == "far":  # a cloud of size 1 that lies 1e6 from the origin, one point at the origin
        x += 1e6
        x[3] = 0.0
    return x


@pytest.mark.parametrize("case", ["plain", "close", "far", "integers", "long"])
@pytest.mark.parametrize("kernel", KINDS, ids=repr)
def test_blocks_are_within_their_bounds(kernel: Kernel, case: str) -> None:
    x = inputs(case)
    a = kernel.prepare(x[:4])
    b = kernel.prepare(x[2:], a)
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(float(v)) for v in row] for row in x]
        for left, right, others in ((a, a, rows[:4]), (a, b, rows[2:])):
            block = kernel.block(left, slice(0, 4), right, slice(0, len(right)))
            for i in range(4):
                for j, other in enumerate(others):
                    value = float(block.values[i, j])
                    allowed = mpmath.mpf(block.relative) * abs(value) + mpmath.mpf(block.absolute)
                    assert abs(mpmath.mpf(value) - exact(kernel, rows[i], other)) <= allowed


@pytest.mark.parametrize("kernel", KINDS, ids=repr)
def test_bounds_are_tight_enough_to_certify(kernel: Kernel) -> None:
    """On inputs of ordinary size errors are far below 1e-8, two digits under the tolerance of a fit."""
    points = kernel.prepare(inputs("plain"))
    block = kernel.block(points, slice(0, 7), points, slice(0, 7))
    assert block.relative + block.absolute / float(np.abs(block.values).max()) < 1e-10


@pytest.mark.parametrize("kernel", KINDS, ids=repr)
def test_kernels_are_symmetric_and_positive(kernel: Kernel) -> None:
    x = np.random.default_rng(1).normal(size=(30, 4))
    points = kernel.prepare(x)
    values = kernel.block(points, slice(0, 30), points, slice(0, 30)).values
    diagonal, relative = kernel.diagonal(points)
    assert np.allclose(values, values.T, rtol=1e-12, atol=1e-13)
    assert np.allclose(np.diagonal(values), diagonal, rtol=1e-12)
    assert relative < 1e-13
    # Rounding moves eigenvalues by n u times the largest.
    assert np.linalg.eigvalsh(values)[0] > -1e-13 * np.linalg.eigvalsh(values)[-1] * 30
    radius = float(np.linalg.norm(x, axis=1).max()) / kernel.divisor * (1 + 1e-12)
    assert diagonal.max() <= kernel.diagonal_bound(radius)


def test_distances_that_float32_loses() -> None:
    """Two points 0.1 apart, 1000 from the origin: float32 inner products leave no digit of the distance."""
    x = np.full((2, 10), 300.0) + np.array([[0.0], [0.03125]])
    kernel = Gaussian(0.1)
    points = kernel.prepare(x)
    found = kernel.block(points, slice(0, 2), points, slice(0, 2)).values[1, 0]
    single = x.astype(np.float32)
    lost = float((single[0] @ single[0]) + (single[1] @ single[1]) - 2 * (single[0] @ single[1]))
    true = 10 * 0.03125**2
    assert abs(lost - true) >= true
    assert found == pytest.approx(math.exp(-true / (2 * 0.1**2)), rel=1e-9)


def test_integers_are_exact_in_parts() -> None:
    """3,072 pixels need several parts; test points outside the range of the sample, or no integers, do as well."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 3072)).astype(np.uint8)
    kernel = Gaussian(40.0, 255.0)
    a = kernel.prepare(x)
    assert len(a.edges) > 2
    for other in (np.where(x > 100, 255, 0).astype(np.uint8), x / 3.0, np.full((2, 3072), 2000)):
        b = kernel.prepare(other, a)
        found = kernel.block(b, slice(0, len(b)), a, slice(0, 20)).values
        square = ((other[:, None].astype(np.float64) - x[None].astype(np.float64)) ** 2).sum(axis=2)
        assert np.allclose(found, np.exp(-square / (2 * (40.0 * 255.0) ** 2)), rtol=1e-11, atol=0.0)


def test_columns_that_the_sample_leaves_alone_still_part_other_points() -> None:
    """Pixels that are the same in the whole sample are dropped from products with it; a point that differs there is farther."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 50)).astype(np.uint8)
    x[:, 10:30] = 7
    kernel = Gaussian(600.0)
    a = kernel.prepare(x)
    assert a.x.shape == (20, 30)
    for other in (rng.integers(0, 256, (5, 50)).astype(np.uint8), rng.uniform(0, 256, (5, 50)), x[:3]):
        b = kernel.prepare(other, a)
        found = kernel.block(b, slice(0, len(b)), a, slice(0, 20)).values
        square = ((other[:, None].astype(np.float64) - x[None].astype(np.float64)) ** 2).sum(axis=2)
        assert np.allclose(found, np.exp(-square / (2 * 600.0**2)), rtol=1e-12, atol=0.0)
    alone = kernel.prepare(x[:1])
    assert kernel.block(alone, slice(0, 1), alone, slice(0, 1)).values.tolist() == [[1.0]]


def gaussian_mean(rho: float, f: str) -> float:
    """2 E[f(u) f(v)] for standard normals of correlation rho, by quadrature over the plane in polar coordinates."""
    angle = mpmath.acos(rho)

    def integrand(t: mpmath.mpf) -> mpmath.mpf:
        u, v = mpmath.cos(t), mpmath.cos(t - angle)
        if u <= 0 or v <= 0:
            return mpmath.mpf(0)
        return u * v if f == "relu" else mpmath.mpf(1)

    # E r^2 = 2 for the length r of a standard normal pair; steps do not depend on it.
    edges = sorted([-mpmath.pi / 2, mpmath.pi / 2, angle - mpmath.pi / 2, min(angle + mpmath.pi / 2, mpmath.pi)])
    total = mpmath.quad(integrand, edges) / (2 * mpmath.pi)
    return float(2 * total * (2 if f == "relu" else 1))


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.4, 0.95])
def test_closed_forms_against_quadrature(rho: float) -> None:
    x = np.array([[1.0, 0.0], [rho, math.sqrt(1 - rho**2)]])

    def value(kernel: Kernel) -> float:
        points = kernel.prepare(x)
        return float(kernel.block(points, slice(0, 2), points, slice(0, 2)).values[0, 1])

    relu, step = gaussian_mean(rho, "relu"), gaussian_mean(rho, "step")
    assert value(ArcCosine(1)) == pytest.approx(relu, rel=1e-9, abs=1e-12)
    assert value(NNGP(1)) == pytest.approx(relu, rel=1e-9, abs=1e-12)
    assert value(ArcCosine(0)) == pytest.approx(rho * step / 2, rel=1e-9, abs=1e-12)
    assert value(NTK(1)) == pytest.approx(rho * step + relu, rel=1e-9, abs=1e-12)
    second = gaussian_mean(relu, "relu")
    assert value(NNGP(2)) == pytest.approx(second, rel=1e-9)
    assert value(NTK(2)) == pytest.approx((rho * step + relu) * gaussian_mean(relu, "step") + second, rel=1e-9)


def test_ntk_is_the_limit_of_wide_networks() -> None:
    """Gradients of a two-hidden-layer network at random weights: their inner product nears the kernel as the width grows."""
    rng = np.random.default_rng(3)
    x = np.array([[0.6, -0.8, 0.3], [0.2, 0.5, 1.0]])
    width, draws = 400, 60
    found = np.zeros((draws, 3))
    for t in range(draws):
        w1 = rng.normal(size=(width, 3))
        w2, w3 = rng.normal(size=(width, width)), rng.normal(size=width)
        h0, scale = x, math.sqrt(2.0 / width)
        z1 = h0 @ w1.T
        h1 = np.maximum(z1, 0) * scale
        z2 = h1 @ w2.T
        h2 = np.maximum(z2, 0) * scale
        d2 = (z2 > 0) * scale * w3
        d1 = (z1 > 0) * scale * (d2 @ w2)
        tangent = h2 @ h2.T + (d2 @ d2.T) * (h1 @ h1.T) + (d1 @ d1.T) * (h0 @ h0.T)
        found[t] = tangent[0, 0], tangent[0, 1], tangent[1, 1]
    kernel = NTK(2)
    points = kernel.prepare(x)
    values = kernel.block(points, slice(0, 2), points, slice(0, 2)).values
    error = found.std(axis=0) / math.sqrt(draws)
    # Five standard errors, plus a bias of the order of 1 / width.
    assert (np.abs(found.mean(axis=0) - [values[0, 0], values[0, 1], values[1, 1]]) < 5 * error + 3 / width).all()


def test_first_layer_kernel_of_arora() -> None:
    """The reference numbers: H_12 = 0.2114498294, y'H^-1 y = 8.036048663."""
    x = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0], [0.36, 0.48, 0.8]])
    y = np.array([1.0, 1.0, -1.0, -1.0])
    kernel = make_kernel("first-layer")
    points = kernel.prepare(x)
    values = kernel.block(points, slice(0, 4), points, slice(0, 4)).values
    assert values[0, 1] == pytest.approx(0.2114498294, abs=5e-11)
    assert y @ np.linalg.solve(values, y) == pytest.approx(8.036048663, abs=5e-9)


def test_names() -> None:
    for name in KERNELS:
        assert make_kernel(name).describe()
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        make_kernel("gausian")
    for wrong in (
        {"bandwidth": 0.0},
        {"bandwidth": math.nan},
        {"offset": -1.0},
        {"depth": 0},
        {"degree": 2.5},
        {"divisor": -1.0},
    ):
        with pytest.raises(InputError):
            make_kernel("gaussian", **wrong)
