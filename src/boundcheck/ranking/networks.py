"""The table that rankings are made of: one network a row, its hyper-parameters, its gap, and the measures to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boundcheck.errors import InputError, nearest

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Networks:
    """Trained networks, as far as rank statistics see them.

    Attributes:
        settings: For each hyper-parameter that varies, the number of each network's value among its sorted values, shape (n,).
        values: The sorted values of each hyper-parameter, as written.
        gap: Generalization gap: held-out error minus training error, shape (n,).
        test_size: Held-out examples behind each gap, shape (n,); 0 where nobody knows.
        measures: Each measure's values, shape (n,), NaN where a network has none; larger is meant to go with a larger gap.
        notes: What was left out and why, for the reader.
    """

    settings: Mapping[str, NDArray[np.int64]]
    values: Mapping[str, tuple[str, ...]]
    gap: Floats
    test_size: NDArray[np.int64]
    measures: Mapping[str, Floats]
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.gap)

    @property
    def constant(self) -> tuple[str, ...]:
        """Measures with the same value for all networks that have one: they order nothing."""
        return tuple(name for name, column in self.measures.items() if _constant(column))

    @property
    def missing(self) -> dict[str, int]:
        """Networks without a value, of each measure that lacks some."""
        counted = {name: int(np.isnan(column).sum()) for name, column in self.measures.items()}
        return {name: count for name, count in counted.items() if count}


def from_table(
    table: pd.DataFrame,
    *,
    hyperparameters: Sequence[str],
    gap: str | tuple[str, str],
    measures: Sequence[str] | None = None,
    ignored: Sequence[str] = (),
    fitted: str | None = None,
    test_size: int | str | None = None,
    source: str = "the table",
) -> Networks:
    """Networks from a table of anyone's measures.

    Args:
        table: One network a row.
        hyperparameters: Columns that were set before training; a seed is none of them.
        gap: Column of the generalization gap, or two columns whose difference it is: held-out and training error, or training
            and held-out accuracy, as shares of the examples.
        measures: Columns to judge; every other numeric column when ``None``.
        ignored: Numeric columns that are no measures.
        fitted: Column that says whether training reached its stopping rule; rows where it did not are left out, and counted.
        test_size: Held-out examples behind each gap: a number, or the column that has it.
        source: What to call the table in messages.

    Raises:
        InputError: A column is not there or holds no numbers, fewer than two networks are left, no hyper-parameter varies, or
            every measure is constant.
    """
    columns = [str(name) for name in table.columns]
    parts = (gap,) if isinstance(gap, str) else gap
    named = [*hyperparameters, *parts, *(measures or ()), *ignored, *(x for x in (fitted, test_size) if isinstance(x, str))]
    for name in named:
        if name not in columns:
            raise InputError(f"a column of {source}", repr(name), nearest(name, columns))
    for name in {name for name in columns if columns.count(name) > 1}:
        raise InputError(f"columns of {source} with names of their own", f"{name!r} twice", "rename one of them")
    kept, notes = _kept(table, fitted, parts, source)
    if len(kept) < 2:
        raise InputError(f"at least two usable networks in {source}", str(len(kept)), "; ".join(notes) or "train more of them")
    used = {*hyperparameters, *parts, *ignored, fitted, test_size}
    chosen = [c for c in columns if c not in used and _is_number(table[c])] if measures is None else list(measures)
    judged = {name: _numbers(kept, name, source) for name in dict.fromkeys(chosen)}
    settings, values = _settings(kept, hyperparameters, notes)
    if not settings:
        raise InputError(f"a hyper-parameter that varies in {source}", "none", "name columns with --hyperparameters")
    if not judged:
        raise InputError(f"a column of {source} with a measure", "none", "name columns with --measures")
    networks = Networks(
        settings=settings,
        values=values,
        gap=_gap(kept, parts, test_size is not None, source),
        test_size=_sizes(kept, test_size, source),
        measures=judged,
        notes=tuple(notes),
    )
    if len(networks.constant) == len(judged):
        raise InputError("a measure that is not the same for all networks", f"only constant ones in {source}", "name others")
    return networks


def _kept(table: pd.DataFrame, fitted: str | None, gap: Sequence[str], source: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows to rank, and a note for each kind of row that is left out."""
    notes = []
    if fitted is not None:
        missed = ~_truths(table[fitted], fitted, source)
        if missed.any():
            notes.append(f"{int(missed.sum())} of {len(table)} networks missed the stopping rule and are left out")
        table = table[~missed]
    without = table[list(gap)].isna().any(axis=1)
    if without.any():
        notes.append(f"{int(without.sum())} networks have no {' or '.join(gap)} and are left out")
    return table[~without], notes


def _gap(table: pd.DataFrame, parts: Sequence[str], weighed: bool, source: str) -> Floats:
    """The generalization gap; Hoeffding's inequality speaks of shares, and accuracies in per cent would pass for certain."""
    numbers = [_numbers(table, name, source) for name in parts]
    for name, column in zip(parts, numbers, strict=True):
        low = 0.0 if len(parts) == 2 else -1.0
        odd = column[~((column >= low) & (column <= 1.0))]
        if len(odd) and (weighed or len(parts) == 2):
            advice = "divide per cents by 100" if len(parts) == 2 else "leave --test-size out if the gap is one of losses"
            raise InputError(f"numbers from {low:g} to 1 in column {name!r} of {source}", f"{odd[0]:g}", advice)
    return numbers[0] if len(numbers) == 1 else numbers[0] - numbers[1]


def _truths(column: pd.Series, name: str, source: str) -> NDArray[np.bool_]:
    words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    found = column.astype(str).str.strip().str.lower().map(words)
    if found.isna().any():
        odd = column[found.isna()].iloc[0]
        raise InputError(f"true or false in column {name!r} of {source}", repr(odd), "name another column with --fitted")
    return np.asarray(found, dtype=bool)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)


def _numbers(table: pd.DataFrame, name: str, source: str) -> Floats:
    try:
        return np.asarray(pd.to_numeric(table[name]), dtype=np.float64)
    except (ValueError, TypeError):
        odd = next(value for value in table[name] if pd.isna(pd.to_numeric(value, errors="coerce")) and not pd.isna(value))
        raise InputError(f"numbers in column {name!r} of {source}", repr(odd), "name another column") from None


def _settings(
    table: pd.DataFrame, names: Sequence[str], notes: list[str]
) -> tuple[dict[str, NDArray[np.int64]], dict[str, tuple[str, ...]]]:
    """Hyper-parameters as numbers of their sorted values; those that do not vary say nothing and are noted."""
    settings, values = {}, {}
    for name in dict.fromkeys(names):
        codes, unique = pd.factorize(table[name], sort=True, use_na_sentinel=False)
        if len(unique) < 2:
            notes.append(f"{name} does not vary")
            continue
        settings[name] = codes.astype(np.int64)
        values[name] = tuple(str(value) for value in unique)
    return settings, values


def _sizes(table: pd.DataFrame, test_size: int | str | None, source: str) -> NDArray[np.int64]:
    if test_size is None:
        return np.zeros(len(table), dtype=np.int64)
    sizes = _numbers(table, test_size, source) if isinstance(test_size, str) else np.full(len(table), float(test_size))
    if not np.all(np.isfinite(sizes)) or sizes.min() < 1:
        raise InputError("held-out sizes of at least 1", f"{test_size!r}", "name the column or the number with --test-size")
    return sizes.astype(np.int64)


def _constant(column: Floats) -> bool:
    known = column[~np.isnan(column)]
    return len(known) == 0 or bool(np.all(known == known[0]))
