"""Balls of the l-infinity norm and of group norms: convex programs, brute force, what is known without signs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import cvxpy
import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.rademacher import ClosedClass, GroupBall, KernelBall, L1Ball, LinearBall, LInfBall, analytic_bracket, complexity
from boundcheck.rademacher.by_name import Shape, closed_class

X = np.random.default_rng(3).normal(size=(6, 5))
GROUPS = [[0, 3], [1], [2, 4]]
BALLS = {
    "linear": (LinearBall(X, 1.5), lambda w: cvxpy.norm(w, 2)),
    "l1": (L1Ball(X, 1.5), lambda w: cvxpy.norm(w, 1)),
    "linf": (LInfBall(X, 1.5), lambda w: cvxpy.norm(w, "inf")),
    "group": (GroupBall(X, GROUPS, 1.5), lambda w: sum(cvxpy.norm(w[group], 2) for group in GROUPS)),
}


@pytest.mark.parametrize("name", BALLS)
def test_the_supremum_is_that_of_the_convex_program(name: str) -> None:
    """The class as it is defined, a linear function maximized over a ball, for every sign vector up to a global sign."""
    of, norm = BALLS[name]
    w, signs = cvxpy.Variable(X.shape[1]), cvxpy.Parameter(len(X))
    program = cvxpy.Problem(cvxpy.Maximize(signs @ X @ w), [norm(w) <= 1.5])
    values = []
    for drawn in itertools.product((-1.0, 1.0), repeat=len(X) - 1):
        signs.value = np.array([1.0, *drawn])
        values.append(program.solve(solver=cvxpy.CLARABEL))
        low, high = of.suprema(signs.value[None])
        assert 1.5 * low[0] <= values[-1] * (1.0 + 1e-6)  # the solver's tolerance is 1e-8, with room
        assert 1.5 * high[0] >= values[-1] * (1.0 - 1e-6)
    found = complexity(of)
    assert found.exact
    assert found.upper == pytest.approx(math.fsum(values) / len(values) / len(X), rel=1e-6)


@pytest.mark.parametrize("of", [LInfBall(X, 2.0), GroupBall(X, GROUPS, 2.0)])
def test_what_is_known_without_signs_encloses_the_truth(of: ClosedClass) -> None:
    low, high = analytic_bracket(of)
    exact = complexity(of)
    assert 0.0 < low <= exact.upper
    assert exact.lower <= high


@pytest.mark.parametrize("of", [LInfBall(X), GroupBall(X, GROUPS)])
def test_a_flip_changes_the_supremum_by_no_more_than_told(of: ClosedClass) -> None:
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=6)))
    for i, half in enumerate(of.flips()):
        flipped = signs.copy()
        flipped[:, i] *= -1.0
        change = np.abs(of.suprema(signs)[1] - of.suprema(flipped)[1]).max()
        assert change <= 2.0 * half * (1.0 + 1e-12)


@pytest.mark.parametrize("of", [LInfBall(X), GroupBall(X, GROUPS)])
def test_draws_cover(of: ClosedClass) -> None:
    truth = complexity(of).upper
    missed = 0
    for seed in range(200):
        found = complexity(of, draws=4, delta=0.5, seed=seed, exact_up_to=0)
        missed += not found.lower <= truth <= found.upper * (1.0 + 1e-12)
    assert missed <= 100


def test_one_group_is_the_linear_ball_and_single_coordinates_the_l1_ball() -> None:
    one, linear = complexity(GroupBall(X, [range(5)])), complexity(LinearBall(X))
    each, l1 = complexity(GroupBall(X, [[j] for j in range(5)])), complexity(L1Ball(X))
    assert one.upper == pytest.approx(linear.upper, rel=1e-12)
    assert each.upper == pytest.approx(l1.upper, rel=1e-12)


def test_balls_that_contain_each_other() -> None:
    """Where |w|_inf <= |w|_2 <= sum of group norms <= |w|_1, the suprema are ordered the other way round."""
    l1, group, linear, linf = (complexity(BALLS[name][0]) for name in ("l1", "group", "linear", "linf"))
    assert l1.lower <= group.upper
    assert group.lower <= linear.upper
    assert linear.lower <= linf.upper


@pytest.mark.parametrize("groups", [[[0, 1], [1, 2, 3, 4]], [[0, 1]], [[0, 1, 2, 3, 4], []], [[0, 1, 2, 3, 5]]])
def test_groups_that_do_not_divide_the_coordinates_are_refused(groups: list[list[int]]) -> None:
    with pytest.raises(InputError, match="groups that divide"):
        GroupBall(X, groups)


def test_the_rounding_of_a_kernel_widens_its_interval() -> None:
    gram = X @ X.T
    plain, wide = complexity(KernelBall(gram)), complexity(KernelBall(gram, 1.0, 1e-6))
    assert wide.lower < plain.lower <= plain.upper < wide.upper
    other = complexity(KernelBall(gram + 1e-6 * np.eye(6)))
    assert wide.lower <= other.lower
    assert other.upper <= wide.upper


def test_the_gaussian_kernel_by_name() -> None:
    found = complexity(closed_class("kernel", X, Shape(bandwidth=2.0)))
    square = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    reference = complexity(KernelBall(np.exp(-square / 8.0)))
    assert found.upper == pytest.approx(reference.upper, rel=1e-6)
    assert found.lower <= reference.upper
    assert reference.lower <= found.upper


def test_groups_by_size() -> None:
    found = complexity(closed_class("group", X, Shape(group_size=2)))
    assert found == complexity(GroupBall(X, [[0, 1], [2, 3], [4]]))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: closed_class("l2", X, Shape()), "a class"),
        (lambda: closed_class("group", X, Shape()), "--group-size"),
        (lambda: closed_class("group", X, Shape(group_size=0)), "--group-size"),
        (lambda: closed_class("linear", X, Shape(group_size=2)), "no --group-size"),
        (lambda: closed_class("kernel", X, Shape()), "--bandwidth"),
        (lambda: closed_class("kernel", X, Shape(bandwidth=-1.0)), "--bandwidth"),
        (lambda: closed_class("l1", X, Shape(bandwidth=1.0)), "no --bandwidth"),
        (lambda: closed_class("kernel", X, Shape(kernel="cosine", bandwidth=1.0)), "a kernel"),
        (lambda: closed_class("linear", X, Shape(radius=-1.0)), "a positive radius"),
    ],
)
def test_words_that_name_no_class_are_refused(make: Callable[[], ClosedClass], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()
