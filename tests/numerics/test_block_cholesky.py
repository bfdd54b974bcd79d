"""Sparse Cholesky factors in blocks: exact residuals in rationals, patterns by dense elimination."""

import itertools

import flint
import numpy as np
import pytest

from boundcheck.numerics import block_cholesky
from boundcheck.numerics.block_cholesky import elimination_order, factor_distance

PRECISIONS = [np.float32, np.float64]


def random_blocks(rng: np.random.Generator, columns: int, size: int, dtype: type, density: float = 0.5):
    """A definite matrix with some blocks zero, as blocks and dense."""
    places = [(i, j) for i in range(columns) for j in range(i + 1) if i == j or rng.random() < density]
    dense = np.zeros((columns * size, columns * size))
    for row, column in places:
        dense[row * size : (row + 1) * size, column * size : (column + 1) * size] = rng.standard_normal((size, size))
    dense = (dense + dense.T) * rng.choice([1.0, 1e-3, 1e5])
    dense += (1.001 * np.abs(np.linalg.eigvalsh(dense)).max()) * np.eye(len(dense))
    dense = dense.astype(dtype)
    return {(i, j): dense[i * size : (i + 1) * size, j * size : (j + 1) * size].copy() for i, j in places}, dense


def assemble(blocks, columns: int, size: int) -> np.ndarray:
    dense = np.zeros((columns * size, columns * size), dtype=blocks[0, 0].dtype)
    for (row, column), block in blocks.items():
        dense[row * size : (row + 1) * size, column * size : (column + 1) * size] = block
    return dense


def exact_distance(matrix: np.ndarray, factor: np.ndarray) -> float:
    """The norm of M - LL', the difference in rationals, its norm to 1e-10."""
    rational = [
        flint.fmpq_mat([[flint.fmpq(*float(x).as_integer_ratio()) for x in row] for row in array]) for array in (matrix, factor)
    ]
    difference = rational[0] - rational[1] * rational[1].transpose()
    values = [[float(int(entry.p)) / float(int(entry.q)) for entry in row] for row in difference.tolist()]
    return float(np.linalg.norm(np.array(values), 2)) * (1 - 1e-10)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_the_distance_is_never_below_the_exact_one(dtype):
    rng = np.random.default_rng(3)
    for _ in range(25):
        columns, size = int(rng.integers(1, 6)), int(rng.integers(1, 7))
        blocks, dense = random_blocks(rng, columns, size, dtype)
        bound = factor_distance(blocks, columns)
        assert bound is not None
        assert exact_distance(dense, assemble(blocks, columns, size)) <= bound
        # (b + p) w |L||L|', whose norm is at most n times that of M, and the residuals.
        assert bound <= 8 * (size + columns) ** 2 * np.finfo(dtype).eps * np.linalg.norm(dense, 2)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_nothing_is_assumed_of_the_factor(dtype, monkeypatch):
    """A routine that returns nonsense makes the bound large, not wrong."""
    exact = np.linalg.cholesky
    rng = np.random.default_rng(4)

    def sloppy(matrix):
        return (exact(matrix) * (1 + 0.01 * rng.standard_normal(matrix.shape))).astype(matrix.dtype)

    monkeypatch.setattr(block_cholesky.np.linalg, "cholesky", sloppy)
    for _ in range(10):
        blocks, dense = random_blocks(rng, 4, 5, dtype)
        bound = factor_distance(blocks, 4)
        if bound is not None:
            truth = exact_distance(dense, np.tril(assemble(blocks, 4, 5)))
            assert 1e-4 * np.linalg.norm(dense, 2) < truth <= bound


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_matrices_without_a_factor(dtype):
    blocks, _ = random_blocks(np.random.default_rng(5), 3, 4, dtype)
    blocks[2, 2] -= 100 * np.abs(blocks[2, 2]).max() * np.eye(4, dtype=dtype)
    assert factor_distance(blocks, 3) is None
    assert factor_distance({(0, 0): np.full((2, 2), np.nan, dtype=dtype)}, 1) is None


def test_the_degrees_are_those_of_a_dense_factor():
    """Of a random matrix with the pattern, in the order found, column by column."""
    rng = np.random.default_rng(6)
    for _ in range(30):
        count = int(rng.integers(1, 12))
        pattern = np.tril(rng.random((count, count)) < 0.4, -1)
        pattern |= pattern.T
        order, degrees = elimination_order([set(np.flatnonzero(row).tolist()) for row in pattern])
        assert sorted(order) == list(range(count))
        matrix = np.where(pattern, rng.uniform(0.5, 1.5, (count, count)), 0.0)
        matrix = (matrix + matrix.T + 100 * np.eye(count))[np.ix_(order, order)]
        factor = np.linalg.cholesky(matrix)
        assert [int(n) for n in (np.abs(np.tril(factor, -1)) > 1e-14).sum(axis=0)] == degrees


def test_a_chain_and_a_star_fill_nothing():
    chain = [{i - 1, i + 1} & set(range(9)) for i in range(9)]
    star = [set(range(1, 9)), *({0} for _ in range(8))]
    for graph in (chain, star):
        edges = sum(map(len, graph)) // 2
        assert sum(elimination_order(graph)[1]) == edges


def test_the_order_of_a_small_grid_is_the_best_of_all():
    """3 x 2 places, coupled to those beside them: the sum of squared degrees against all 720 orders."""
    places = list(itertools.product(range(3), range(2)))
    graph = [{j for j, b in enumerate(places) if sum(abs(x - y) for x, y in zip(a, b, strict=True)) == 1} for a in places]

    def cost(order) -> int:
        near, total = [set(others) for others in graph], 0
        for chosen in order:
            total += len(near[chosen]) ** 2
            for other in near[chosen]:
                near[other] = (near[other] | near[chosen]) - {other, chosen}
        return total

    assert sum(d * d for d in elimination_order(graph)[1]) == min(map(cost, itertools.permutations(range(6))))
