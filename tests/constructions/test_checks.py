"""What stands around the construction: conditioning and floats, comparison, both ends of the VC dimension, the proof."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import sympy
import torch

from boundcheck import constructions
from boundcheck.constructions import check_exactly, check_in_floats, compare, memorize, prove, shatter
from boundcheck.constructions.comparison import LARGEST
from boundcheck.constructions.exact import to_integers
from boundcheck.errors import InputError
from boundcheck.networks.memorizer import Memorizer


def gaussians(n: int, d: int, seed: int = 0, dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def labels(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 10, n)


def test_floats_as_they_are_stored() -> None:
    values = np.array([0.0, 1.5, -(2.0**-1074), 2.0**1000, -3e-300])
    whole, exponent = to_integers(values)
    assert [Fraction(v) * Fraction(2) ** exponent for v in whole] == [Fraction(v) for v in values.tolist()]


def test_a_wrong_weight_is_found_exactly() -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (300, 5), dtype=np.uint8), labels(300)
    found = memorize(x, y, classes=10)
    assert check_exactly(found.network, x, y).holds
    spoiled = copy.deepcopy(found.network)
    with torch.no_grad():
        spoiled.weights[150] *= 1.0 + 2.0**-40  # far below what labels notice
    check = check_exactly(spoiled, x, y)
    assert check.wrong == 0
    assert check.equal == 150
    assert 0 < check.largest_error < Fraction(1, 2**20)
    assert check.smallest_margin is not None
    assert check.smallest_margin == 1 - 2 * check.largest_error
    with torch.no_grad():
        spoiled.weights[150] *= 2.0
    check = check_exactly(spoiled, x, y)
    assert not check.holds
    assert check.smallest_margin is not None
    assert check.smallest_margin < 0


def test_the_margin_reads_the_stored_read_out() -> None:
    x, y = np.arange(10)[:, None], labels(10)
    found = memorize(x, y, classes=10)
    with torch.no_grad():
        assert found.network.offsets is not None
        found.network.offsets[int(y[0])] -= 0.25
    check = check_exactly(found.network, x, y)
    assert check.largest_error == 0
    assert check.smallest_margin == Fraction(3, 4)


@pytest.mark.parametrize("knots", ["data", "between"])
def test_conditioning_against_dense_algebra(knots: str) -> None:
    x, y = np.random.default_rng(2).choice(500, 12, replace=False)[:, None], labels(12)
    found = memorize(x, y, classes=10, knots=knots)
    check = check_in_floats(found)
    z, b = found.line.z, found.network.biases.detach().numpy()
    matrix = np.maximum(z[:, None] - b[None, :], 0.0)
    assert check.smallest_eigenvalue == pytest.approx(np.linalg.eigvals(matrix).real.min(), rel=1e-9)
    inverse = scipy.linalg.solve_triangular(matrix, np.eye(12), lower=True)
    condition = np.abs(matrix).sum(axis=1).max() * np.abs(inverse).sum(axis=1).max()
    assert 10.0**check.log10_condition >= condition * (1.0 - 1e-9)
    if knots == "data":
        assert 10.0**check.log10_condition == pytest.approx(condition, rel=1e-9)


def test_what_dense_floats_lose() -> None:
    found = memorize(gaussians(20000, 20), labels(20000), classes=10)
    check = check_in_floats(found)
    assert check.holds
    assert check.n == 20000
    double, single = check.dense
    assert double.wrong == 0
    assert check.largest_error < double.largest_error < single.largest_error
    assert single.wrong > 100


def test_the_module_is_the_sum_of_its_hinges_whatever_the_order() -> None:
    rng = np.random.default_rng(3)
    network = Memorizer(4, 30, 3)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.from_numpy(rng.standard_normal(p.shape)))
    x = torch.from_numpy(rng.standard_normal((50, 2, 2)))
    assert network.gains is not None
    assert network.offsets is not None
    z = x.reshape(50, 4) @ network.direction
    total = torch.relu(z[:, None] - network.biases) @ network.weights
    expected = total[:, None] * network.gains + network.offsets
    torch.testing.assert_close(network(x), expected)
    gradients = torch.autograd.grad(network(x).square().sum(), list(network.parameters()))
    wanted = torch.autograd.grad(expected.square().sum(), list(network.parameters()))
    for mine, theirs in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_look_up_table_follows_the_weights() -> None:
    found = memorize(gaussians(30, 3), labels(30))
    x = torch.from_numpy(found.points)
    with torch.no_grad():
        before = found.network(x)
        assert torch.equal(found.network(x), before)
        found.network.weights.mul_(2.0)
        torch.testing.assert_close(found.network(x), 2.0 * before)
        twin = copy.deepcopy(found.network)
        twin.biases.add_(0.5)
        assert not torch.allclose(twin(x), found.network(x))
        found.network.load_state_dict({name: torch.zeros_like(p) for name, p in found.network.state_dict().items()})
        assert not found.network(x).any()
    assert found.network(x[:0]).shape == (0,)


def test_comparison_on_the_same_points() -> None:
    x = np.random.default_rng(0).integers(0, 256, (200, 10), dtype=np.uint8)
    shapes = {shape.name: shape for shape in compare(memorize(x, labels(200), classes=10))}
    assert set(shapes) == {"depth 2, data", "depth 2, between", "depth 5", "depth 17", "depth 65", "4 sqrt(n) units"}
    assert shapes["depth 2, data"].weights <= 410
    assert all(shape.exact_error == 0.0 for name, shape in shapes.items() if name != "depth 2, data")
    assert all(shape.float64_error < 0.5 for shape in shapes.values())
    assert all(shape.bits == 64 * shape.weights for shape in shapes.values())
    assert shapes["4 sqrt(n) units"].units < 70 < shapes["depth 5"].units
    assert [shapes[f"depth {k}"].width for k in (5, 17, 65)] == sorted(
        (shapes[f"depth {k}"].width for k in (5, 17, 65)), reverse=True
    )


def test_comparison_refuses_what_takes_minutes_and_what_nothing_fits() -> None:
    with pytest.raises(InputError, match=str(LARGEST)):
        compare(memorize(gaussians(LARGEST + 1, 2), labels(LARGEST + 1)))
    x = np.array([[1.0], [1.0]])
    with pytest.raises(InputError, match="one label"):
        compare(memorize(x, np.array([0, 1]), conflicts="first"))


@pytest.mark.parametrize(("n", "d"), [(1, 1), (5, 2), (7, 1)])
def test_every_labelling_is_realized(n: int, d: int) -> None:
    found = shatter(gaussians(n, d))
    assert found.holds
    assert found.realized == found.labellings == 2**n
    assert found.weights == 2 * n + d
    assert n <= found.upper <= found.upper_closed


def test_points_that_can_not_be_shattered() -> None:
    with pytest.raises(InputError, match="rows 0 and 2"):
        shatter(np.array([[1.0], [2.0], [1.0]]))
    with pytest.raises(InputError, match="at most 16"):
        shatter(gaussians(17, 2))


def test_every_name_of_the_room_is_there() -> None:
    assert all(callable(getattr(constructions, name)) for name in constructions.__all__)
    with pytest.raises(AttributeError, match="memorise"):
        constructions.memorise  # noqa: B018


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_proof_holds_and_its_formulas_are_right(n: int) -> None:
    proof = prove(n)
    assert proof.holds
    assert rf"\det A = {''.join(f'(z_{{{i}}}-b_{{{i}}})' for i in range(1, n + 1))}" in proof.latex
    # The same determinant from numbers in place of symbols.
    z = [sympy.Integer(3 * i * i + i) for i in range(1, n + 1)]
    b = [sympy.Integer(1), *(value + sympy.Rational(1, 2) for value in z[:-1])]
    matrix = sympy.Matrix(n, n, lambda i, j: max(z[i] - b[j], sympy.Integer(0)))
    assert matrix.det() == sympy.prod(zi - bi for zi, bi in zip(z, b, strict=True))
    with pytest.raises(InputError, match="from 1 to 8"):
        prove(9)
