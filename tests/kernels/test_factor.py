"""The packed factor: against LAPACK on the whole matrix, and taken up where an interruption left it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from boundcheck.errors import InputError
from boundcheck.kernels.factor import NotPositiveDefinite, factorize, width_for, work_done
from boundcheck.kernels.gram import Gram
from boundcheck.kernels.leave_one_out import inverse_diagonal
from boundcheck.kernels.parallel import workers
from boundcheck.kernels.stationary import Gaussian
from boundcheck.kernels.store import Folder


def spd(n: int, seed: int = 0) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(n, n + 20))
    return a @ a.T / n + 0.1 * np.eye(n)


def packed(matrix: np.ndarray, dtype: str = "float64", shift: float = 0.0, crew_of: int = 2, store: Folder | None = None):
    with workers(crew_of) as crew:
        return factorize(len(matrix), lambda r, c: matrix[r, c], dtype=dtype, shift=shift, crew=crew, store=store)


def unpacked(factor) -> np.ndarray:
    whole = np.zeros((factor.n, factor.n))
    for i, panel in enumerate(factor.panels):
        start = i * factor.width
        whole[start:, start : start + panel.shape[1]] = panel
    return np.tril(whole)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 300, 1300])
def test_factor_is_that_of_lapack(n: int) -> None:
    matrix = spd(n)
    expected = np.linalg.cholesky(matrix + 0.5 * np.eye(n))
    assert np.allclose(unpacked(packed(matrix, shift=0.5)), expected, rtol=0, atol=1e-11)
    # float32: its roundoff 6e-8 times the condition number, below 100 here.
    assert np.allclose(unpacked(packed(matrix, "float32", shift=0.5)), expected, rtol=0, atol=1e-4)


def test_solutions_and_products() -> None:
    matrix, right = spd(300), np.random.default_rng(1).normal(size=(300, 3)) * np.array([1e-60, 1.0, 1e60])
    factor = packed(matrix)
    assert np.allclose(factor.solve(right) / np.linalg.solve(matrix, right), 1.0, rtol=1e-9)
    assert np.allclose(factor.times(right) / (matrix @ right), 1.0, rtol=1e-9)
    single = packed(matrix, "float32").solve(right)
    error = np.linalg.norm(single - np.linalg.solve(matrix, right), axis=0) / np.linalg.norm(single, axis=0)
    assert (error < 1e-3).all()


def test_one_thread_and_many_give_the_same_bits() -> None:
    matrix = spd(500)
    one, four = packed(matrix, crew_of=1), packed(matrix, crew_of=4)
    assert all(np.array_equal(a, b) for a, b in zip(one.panels, four.panels, strict=True))


def test_diagonal_of_the_inverse() -> None:
    matrix = spd(700)
    with workers(2) as crew:
        found = inverse_diagonal(packed(matrix), crew)
    assert np.allclose(found, np.diagonal(np.linalg.inv(matrix)), rtol=1e-9)


def test_indefinite_matrices_have_none() -> None:
    matrix = spd(200)
    matrix[150, 150] = -1.0
    for dtype in ("float32", "float64"):
        with pytest.raises(NotPositiveDefinite, match="151 of 200"):
            packed(matrix, dtype)
    matrix[150, 150] = np.nan
    with pytest.raises(NotPositiveDefinite):
        packed(matrix)


@pytest.mark.parametrize("n", [10_000, 60_000])
def test_an_interruption_costs_a_tenth_at_most(n: int) -> None:
    edges = [min(start, n) / n for start in range(0, n + width_for(n), width_for(n))]
    steps = np.diff([work_done(edge) for edge in edges])
    assert steps.max() < 0.1
    assert steps.sum() == pytest.approx(1.0)
    assert n * width_for(n) < 2**31


class StoppedError(RuntimeError):
    pass


def test_an_interrupted_factor_is_taken_up(tmp_path: Path) -> None:
    matrix, seen = spd(600), []

    def blocks(rows: slice, columns: slice) -> np.ndarray:
        if columns.start >= 320 and not seen:
            raise StoppedError
        if seen:
            seen.append(columns.start)
        return matrix[rows, columns]

    identity = {"sample": "x"}
    store = Folder.open(tmp_path / "f", identity)
    with workers(1) as crew:
        with pytest.raises(StoppedError):
            factorize(600, blocks, dtype="float64", shift=0.0, crew=crew, store=store)
        kept = sorted(path.name for path in (tmp_path / "f").glob("column-*"))
        assert len(kept) == 5
        seen.append(-1)
        store = Folder.open(tmp_path / "f", identity)
        factor = factorize(600, blocks, dtype="float64", shift=0.0, crew=crew, store=store)
    assert min(seen[1:]) >= 320  # nothing was computed twice
    assert np.allclose(unpacked(factor), np.linalg.cholesky(matrix), rtol=0, atol=1e-11)
    assert not list((tmp_path / "f").glob(".boundcheck-*"))


def test_a_folder_of_another_fit_is_refused(tmp_path: Path) -> None:
    Folder.open(tmp_path / "f", {"sample": "x", "n": 3})
    with pytest.raises(InputError, match="another n, sample"):
        Folder.open(tmp_path / "f", {"sample": "y", "n": 4})
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="other files"):
        Folder.open(tmp_path / "g", {"sample": "x"})
    store = Folder.open(tmp_path / "f", {"sample": "x", "n": 3})
    store.save(0, np.zeros((3, 2), dtype=np.float32))
    with pytest.raises(InputError, match="3 by 3 numbers"):
        store.load(0, (3, 3), "float32")
    (tmp_path / "f" / "factor.json").write_text(json.dumps([1]))
    with pytest.raises(InputError, match="another"):
        Folder.open(tmp_path / "f", {"sample": "x", "n": 3})
    (tmp_path / "f" / "factor.json").write_text("{")
    with pytest.raises(InputError, match="manifest"):
        Folder.open(tmp_path / "f", {"sample": "x", "n": 3})
    with pytest.raises(InputError, match="a folder"):
        Folder.open(tmp_path / "g" / "letter.txt" / "below", {})


def test_products_are_within_their_bounds() -> None:
    """Against sums in extended precision of the kernel from its definition."""
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=(150, 4)), rng.normal(size=(150, 2)) * np.array([1.0, 1e8])
    square = ((x[:, None].astype(np.longdouble) - x[None].astype(np.longdouble)) ** 2).sum(axis=2)
    truth = np.exp(-square / (2 * np.longdouble(0.8) ** 2)) @ a.astype(np.longdouble)
    kernel = Gaussian(0.8)
    with workers(2) as crew:
        for keep in (False, True):
            gram = Gram(kernel, kernel.prepare(x), crew, ridge=0.25, keep=keep)
            values, errors = gram.times_bounded(a)
            assert (np.abs(values - truth) <= errors).all()
            assert (errors <= 1e-11 * np.abs(a).sum(axis=0)).all()
            assert np.allclose(gram.times(a), np.asarray(truth, dtype=np.float64) + 0.25 * a, rtol=1e-9)
            assert 150.0 <= gram.trace_up() < 150.0 * (1 + 1e-12)
