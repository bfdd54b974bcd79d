from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

HYPERPARAMETERS = ("width", "depth", "lr")


@pytest.fixture(scope="session")
def make_table() -> Callable[..., pd.DataFrame]:
    """A small design with repeats, a gap that moves with two of three hyper-parameters, and measures of every kind."""

    def make(seed: int = 0, repeats: int = 2, drop: int = 5, decimals: int = 3) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = []
        for width in (8, 16, 32):
            for depth in (1, 2):
                for lr in (0.01, 0.1):
                    for repeat in range(repeats):
                        gap = round(0.1 + 0.05 * depth - 0.01 * width / 8 + rng.normal() * 0.02, decimals)
                        rows.append({"width": width, "depth": depth, "lr": lr, "seed": repeat, "gap": gap})
        table = pd.DataFrame(rows)
        table["same"] = 3.0 * table["gap"] - 7.0
        table["reverse"] = -table["gap"]
        table["chance"] = rng.normal(size=len(table))
        table["coarse"] = rng.integers(0, 3, len(table)).astype(float)
        return table.drop(index=rng.permutation(len(table))[:drop]).reset_index(drop=True)

    return make
