"""Rank statistics against double loops that follow the papers' formulas word by word."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from boundcheck.ranking import Settings, rank
from boundcheck.ranking.networks import from_table

NAMES = ("width", "depth", "lr")
SETTINGS = Settings(threshold=0.1, effective_size=0.0, bootstrap=0)
MEASURES = ("chance", "coarse", "same", "reverse")
ROUNDING = 1e-12  # sums of at most some hundred numbers of size 1, in another order


def sign(x: float) -> int:
    return (x > 0) - (x < 0)


def pairs_of(table: pd.DataFrame):
    rows = table.to_dict("records")
    for a, b in itertools.permutations(range(len(rows)), 2):
        changed = [name for name in NAMES if rows[a][name] != rows[b][name]]
        yield rows[a], rows[b], changed


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MEASURES)
def test_kendall_is_the_mean_product_of_signs(make_table: Callable[..., pd.DataFrame], seed: int, name: str) -> None:
    table = make_table(seed)
    products = [sign(a[name] - b[name]) * sign(a["gap"] - b["gap"]) for a, b, _ in pairs_of(table)]
    found = rank(from_table(table, hyperparameters=NAMES, gap="gap", test_size=2000), SETTINGS)
    assert found[name].tau == pytest.approx(np.mean(products), abs=ROUNDING)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MEASURES)
def test_granulated_is_the_mean_over_the_others_values(make_table: Callable[..., pd.DataFrame], seed: int, name: str) -> None:
    table = make_table(seed)
    groups: dict[str, dict[tuple, list[int]]] = {h: defaultdict(list) for h in NAMES}
    for a, b, changed in pairs_of(table):
        if len(changed) == 1:
            others = tuple(a[h] for h in NAMES if h != changed[0])
            groups[changed[0]][others].append(sign(a[name] - b[name]) * sign(a["gap"] - b["gap"]))
    found = rank(from_table(table, hyperparameters=NAMES, gap="gap", test_size=2000), SETTINGS)[name]
    expected = {h: np.mean([np.mean(values) for values in groups[h].values()]) for h in NAMES}
    assert found.psi == pytest.approx(expected, abs=ROUNDING)
    assert found.mean_psi == pytest.approx(np.mean(list(expected.values())), abs=ROUNDING)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("least", [0.0, 2.5])
def test_sign_errors_by_environment(make_table: Callable[..., pd.DataFrame], seed: int, name: str, least: float) -> None:
    n, threshold = 2000, 0.1
    table = make_table(seed, repeats=3)
    environments: dict[tuple, list[tuple[float, float]]] = defaultdict(list)
    for a, b, changed in pairs_of(table):
        if len(changed) == 1 and a[changed[0]] < b[changed[0]]:
            difference = abs(a["gap"] - b["gap"])
            weight = max(0.0, max(0.0, 1 - 2 * math.exp(-2 * n * (difference / 2) ** 2)) ** 2 - threshold)
            error = 0.5 * (1 - sign(a[name] - b[name]) * sign(a["gap"] - b["gap"]))
            environments[(*changed, *(a[h] for h in NAMES), b[changed[0]])].append((weight, error))
    expected = []
    for members in environments.values():
        weights = np.array([weight for weight, _ in members])
        if weights.sum() > 0 and weights.sum() ** 2 / (weights**2).sum() >= least:
            expected.append(np.average([error for _, error in members], weights=weights))
    networks = from_table(table, hyperparameters=NAMES, gap="gap", test_size=n)
    found = rank(networks, Settings(threshold=threshold, effective_size=least, bootstrap=0))[name].sign_error
    assert found.environments == len(expected) > 0
    assert (found.mean, found.largest) == pytest.approx((np.mean(expected), np.max(expected)), abs=ROUNDING)
    assert found.p90 == pytest.approx(np.quantile(expected, 0.9), abs=ROUNDING)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MEASURES)
def test_conditional_information_from_its_definition(make_table: Callable[..., pd.DataFrame], seed: int, name: str) -> None:
    table = make_table(seed, decimals=2)  # with ties of the gap
    values = []
    for size in (0, 1, 2):
        for given in itertools.combinations(NAMES, size):
            cells: dict[tuple, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
            for a, b, _ in pairs_of(table):
                if a["gap"] != b["gap"]:
                    cell = tuple((a[h], b[h]) for h in given)
                    cells[cell][sign(b[name] - a[name]), sign(b["gap"] - a["gap"])] += 1
            total = sum(sum(cell.values()) for cell in cells.values())
            information = entropy = 0.0
            for cell in cells.values():
                size_of_cell = sum(cell.values())
                for (c, g), count in cell.items():
                    p_c = sum(k for (x, _), k in cell.items() if x == c) / size_of_cell
                    p_g = sum(k for (_, x), k in cell.items() if x == g) / size_of_cell
                    information += count / total * math.log(count / size_of_cell / (p_c * p_g))
                    entropy -= count / total * math.log(p_g)
            if entropy > 1e-9:
                values.append(information / entropy)
    found = rank(from_table(table, hyperparameters=NAMES, gap="gap", test_size=2000), SETTINGS)[name]
    assert found.information == pytest.approx(min(values), abs=1e-9)  # differences of sums of some thousand logarithms
