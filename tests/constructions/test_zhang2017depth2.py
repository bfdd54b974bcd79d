"""The network with 2n + d weights: the worked example, any values on any points, and what its stored floats say exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from boundcheck.constructions import memorize
from boundcheck.constructions.direction import separating_line
from boundcheck.constructions.exact import check_exactly, exact_outputs, rational
from boundcheck.constructions.zhang2017depth2 import between_is_exact, second_differences
from boundcheck.errors import InputError

HingeSums = Callable[[Any, Any], list[Fraction]]
Z, Y = np.array([[0], [1], [3], [4]]), np.array([1.0, -1.0, 1.0, 1.0])


def gaussians(n: int, d: int, seed: int = 0, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def test_the_worked_example() -> None:
    found = memorize(Z, Y, knots="data")
    assert found.network.biases.tolist() == [-1.0, 0.0, 1.0, 3.0]
    assert found.network.weights.tolist() == [1.0, -3.0, 3.0, -1.0]
    assert found.max_error == 0.0
    assert found.n_weights == 9


@pytest.mark.parametrize("knots", ["data", "auto"])
def test_weights_are_counted_by_walking(knots: str) -> None:
    found = memorize(gaussians(200, 5), np.arange(200) % 7, knots=knots)
    assert found.n_weights == 405 == sum(p.numel() for p in found.network.parameters())
    assert not list(found.network.buffers())
    assert memorize(gaussians(200, 5), np.arange(200) % 7, classes=7).n_weights == 405 + 14


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.int16])
def test_every_value_is_taken(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 200, (300, 6)).astype(dtype) if np.dtype(dtype).kind in "iu" else gaussians(300, 6, dtype=dtype)
    y = rng.standard_normal(300)
    found = memorize(x, y)
    with torch.no_grad():
        outputs = found.network(torch.from_numpy(x))
    assert outputs.shape == (300,)
    # Half the unit of the slopes times the range is below 2**-53 * range / gap * |y|, and the gaps are above 1e-7 of the range.
    np.testing.assert_allclose(outputs.numpy(), y, rtol=0, atol=1e-8)


@pytest.mark.parametrize("knots", ["data", "between"])
def test_the_exact_outputs_are_those_of_the_sum_of_hinges(knots: str, hinge_sums: HingeSums) -> None:
    x, y = gaussians(60, 3, dtype=np.float32), np.arange(60) % 10
    found = memorize(x, y, knots=knots)
    whole, unit = exact_outputs(found.network, x)
    assert [rational(v, unit) for v in whole] == hinge_sums(found.network, x)
    elsewhere = gaussians(20, 3, seed=5) * 2.0  # between and beyond the points, in more bits than the projections had
    whole, unit = exact_outputs(found.network, elsewhere)
    assert [rational(v, unit) for v in whole] == hinge_sums(found.network, elsewhere)
    with torch.no_grad():
        floats = found.network(torch.from_numpy(elsewhere)).tolist()
    assert floats == pytest.approx([float(v) for v in hinge_sums(found.network, elsewhere)], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("knots", ["data", "between"])
def test_the_weights_solve_the_triangular_system(knots: str) -> None:
    x, y = gaussians(40, 3, dtype=np.float32), np.random.default_rng(1).integers(0, 10, 40)
    found = memorize(x, y, knots=knots)
    z, b = found.line.z, found.network.biases.detach().numpy()
    assert (b < z).all()
    assert (b[1:] >= z[:-1]).all()
    matrix = np.maximum(z[:, None] - b[None, :], 0.0)
    if knots == "data":
        solved = scipy.linalg.solve_triangular(matrix, y[found.line.rows], lower=True)
        # The condition number is about 1e6 here.
        np.testing.assert_allclose(found.network.weights.detach().numpy(), solved, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(matrix @ found.network.weights.detach().numpy(), y[found.line.rows], atol=1e-9)


def test_between_is_exact_with_weights_of_one_size() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 256, (500, 20), dtype=np.uint8), rng.integers(0, 10, 500)
    found = memorize(x, y, classes=10)
    assert found.knots == "between"
    check = check_exactly(found.network, x, y)
    assert check.largest_error == 0
    assert check.equal == check.n == 500
    assert check.smallest_margin == 1
    sizes = np.unique(np.abs(found.network.weights.detach().numpy()[1:]))
    assert len(sizes[sizes > 0]) == 1
    assert float(np.log2(sizes[-1])).is_integer()


def test_the_error_of_second_differences_is_at_most_half_a_unit_times_the_range() -> None:
    x, y = gaussians(2000, 4), np.random.default_rng(4).standard_normal(2000)
    found = memorize(x, y, knots="data")
    check = check_exactly(found.network, x, y)
    slopes = np.cumsum(found.network.weights.detach().numpy())
    unit = 2.0 ** (np.frexp(np.abs(slopes).max())[1] - 52)
    reach = float(found.line.z[-1] - found.network.biases.detach()[0])
    assert check.largest_error > 0
    # Rounding slopes to the unit, and slopes that are themselves off by a few roundings.
    assert check.largest_error <= 0.51 * unit * reach
    assert abs(float(check.largest_error) - found.max_error) < 1e-9


@pytest.mark.parametrize("zeros", [0, 1, 5, 40])
def test_values_that_begin_with_zeros(zeros: int) -> None:
    x, y = np.arange(40)[:, None], np.where(np.arange(40) < zeros, 0, np.arange(40) % 5 - 2)
    for knots in ("data", "between"):
        found = memorize(x, y, knots=knots)
        assert found.max_error < 1e-12
        b = found.network.biases.detach().numpy()
        assert (b < found.line.z).all()
        assert (b[1:] >= found.line.z[:-1]).all()
        assert found.n_weights == 81


points = hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(-50, 50), unique=False)


@given(x=points, data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_labels_on_any_distinct_integer_points(hinge_sums: HingeSums, x: np.ndarray, data: st.DataObject) -> None:
    x = np.unique(x, axis=0)
    y = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(x), max_size=len(x))))
    found = memorize(x, y, classes=10)
    assert found.n_weights == 2 * len(x) + x.shape[1] + 20
    assert [int(v) for v in hinge_sums(found.network, x)] == y.tolist()
    assert check_exactly(found.network, x, y).smallest_margin == 1


@given(st.permutations(range(12)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_points_does_not_matter(order: list[int]) -> None:
    x, y = gaussians(12, 3), np.arange(12) % 4
    first, second = memorize(x, y, classes=4), memorize(x[order], y[order], classes=4)
    for mine, theirs in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@given(st.integers(-20, 20), st.integers(-5, 5))
@settings(max_examples=20, deadline=None)
def test_scaling_values_by_a_power_of_two_scales_the_output_weights(exponent: int, shift: int) -> None:
    x, y = gaussians(30, 3), np.random.default_rng(2).standard_normal(30)
    plain = memorize(x, y)
    scaled = memorize(x * 2.0**shift, y * 2.0**exponent)
    # The direction is the same, since gaps relative to the range are; the first knot lies one unit before the first point.
    assert torch.equal(plain.network.direction, scaled.network.direction)
    torch.testing.assert_close(
        scaled.network.weights[3:], plain.network.weights[3:] * 2.0 ** (exponent - shift), rtol=1e-9, atol=0.0
    )


def test_equal_points_share_their_weights() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [0.0, 1.0]])
    found = memorize(x, np.array([1, 0, 1, 2]), classes=3)
    assert found.merged == 1
    assert found.distinct == 3
    assert found.n_weights == 2 * 3 + 2 + 6
    assert found.max_error == 0.0


def test_equal_points_with_different_labels_are_named() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [0.0, 1.0], [3.0, 4.0]])
    y = np.array([1, 0, 2, 2, 1])
    with pytest.raises(InputError, match="labels 1 and 2 in rows 0 and 2"):
        memorize(x, y)
    with pytest.raises(InputError, match="1 more such rows"):
        memorize(x, y)
    found = memorize(x, y, conflicts="first")
    assert found.conflicts.tolist() == [2, 4]
    assert found.outputs.tolist() == [1.0, 0.0, 1.0, 2.0, 0.0]
    assert check_exactly(found.network, x, y).wrong == 2


def test_points_too_close_for_floats_are_refused() -> None:
    with pytest.raises(InputError, match="tell apart"):
        second_differences(np.array([1.0, 1.0, 2.0]), np.array([2.0**-61, 2.0**-60, 0.0]), np.array([0.0, 1.0, 0.0]))
    with pytest.raises(InputError, match="53 bits"):
        memorize(gaussians(9, 3), np.arange(9), knots="between")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"y": np.arange(3)}, "as many values as points"),
        ({"y": np.array([0.0, np.inf, 0.0, 0.0])}, "row 1"),
        ({"y": np.array(["a"] * 4)}, "real values"),
        ({"y": np.zeros((4, 1))}, "shape"),
        ({"classes": 1}, "1 classes"),
        ({"y": np.array([0, 1, 2, 3]), "classes": 3}, "3 classes"),
        ({"knots": "betwen"}, "did you mean 'between'"),
        ({"conflicts": "last"}, "conflicts"),
        ({"candidates": 0}, "at least one direction"),
    ],
)
def test_misuse_is_said_in_one_line(options: dict[str, Any], words: str) -> None:
    arguments = {"x": gaussians(4, 2), "y": np.array([0.5, 1.0, 2.0, 3.0])} | options
    with pytest.raises(InputError, match=words):
        memorize(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_large_values_and_large_inputs() -> None:
    x, y = gaussians(100, 3) * 1e120, np.random.default_rng(0).standard_normal(100) * 1e80
    assert memorize(x, y).max_error < 1e80 * 1e-9
    x, y = gaussians(100, 3) * 1e-120, np.random.default_rng(0).standard_normal(100) * 1e-80
    assert memorize(x, y).max_error < 1e-80 * 1e-9
    whole = np.random.default_rng(0).integers(-(2**53), 2**53, (100, 3))
    assert memorize(whole, np.arange(100)).max_error < 1e-6


def test_columns_of_unlike_scales_cost_no_precision() -> None:
    x, y = gaussians(300, 3) * np.array([1.0, 2.0**-100, 1e30]), np.arange(300) % 10
    found = memorize(x, y, classes=10)
    assert found.max_error < 1e-9
    assert float(check_exactly(found.network, x, y).largest_error) < 1e-9


def test_arrays_of_other_kinds() -> None:
    x, y = gaussians(20, 3), np.arange(20) % 2
    plain = memorize(x, y, classes=2)
    for other_x, other_y in (
        (x.astype(">f8"), y),
        (x, y.astype(np.uint8)),
        (x, y.astype(bool)),
        (x, y.tolist()),
        (torch.from_numpy(x), y),
    ):
        other = memorize(other_x, other_y, classes=2)
        assert not other.mistakes.any()
        assert torch.equal(other.network.weights, plain.network.weights)
    assert memorize(x[:, 0], y).n_weights == 41


def test_whether_between_is_exact_is_judged_right() -> None:
    rng = np.random.default_rng(6)
    judged = []
    for bits in (4, 20, 36, 46, 50, 52):
        z = np.unique(rng.integers(0, 2**bits, 40))[:, None]
        y = rng.integers(0, 10, len(z))
        line = separating_line(z)
        judged.append(between_is_exact(line, y[line.rows].astype(float)))
        if judged[-1]:
            assert check_exactly(memorize(z, y, knots="between").network, z, y).largest_error == Fraction(0)
        else:
            with pytest.raises(InputError, match="53 bits"):
                memorize(z, y, knots="between")
    assert judged[0]
    assert not judged[-1]
