"""Networks from the rows of a sweep, or from anyone's CSV file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boundcheck.errors import InputError
from boundcheck.ranking.networks import Networks, from_table

FORMAT = "boundcheck-sweep/1"
"""Format of what a sweep finds of a network: ``settings``, ``fitted``, ``train``, ``test``, ``measures`` and ``bounds``."""
REPEATS = ("seed",)
"""Settings that make repeats, not hyper-parameters."""
BOUND = "bound:"
"""Before the name of a bound, whose decimal logarithm is ranked: some bounds are too large for a float."""


def from_csv(
    path: str | Path,
    *,
    hyperparameters: Sequence[str],
    gap: str | tuple[str, str],
    measures: Sequence[str] | None = None,
    ignored: Sequence[str] = (),
    fitted: str | None = None,
    test_size: int | str | None = None,
) -> Networks:
    """Networks from a CSV file; see :func:`boundcheck.ranking.networks.from_table`.

    Raises:
        InputError: The file can't be read as a table, or lacks what is named.
    """
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError("a CSV file with a line of column names", f"{path} ({error})", "name another file") from None
    return from_table(
        table, hyperparameters=hyperparameters, gap=gap, measures=measures, ignored=ignored, fitted=fitted, test_size=test_size,
        source=str(path),
    )  # fmt: skip


def from_results(
    results: Iterable[Mapping[str, Any]], *, failed: int = 0, measures: Sequence[str] | None = None, source: str = "the sweep"
) -> Networks:
    """Networks from what a sweep found; measures under their names, bounds under ``bound:NAME``.

    Args:
        results: Objects of format :data:`FORMAT`, one a network.
        failed: Jobs of the sweep that came to nothing, for the reader.
        measures: Names to judge; all when ``None``.
        source: What to call the sweep in messages.

    Raises:
        InputError: A result is of another format, or too few networks or hyper-parameters vary.
    """
    flat, names = [], dict[str, None]()
    for row in results:
        if row.get("format") != FORMAT:
            raise InputError(f"networks of format {FORMAT} in {source}", repr(row.get("format")), "name the folder of a sweep")
        settings = {f"setting:{name}": _plain(value) for name, value in row["settings"].items()}
        judged = {**row["measures"], **{f"{BOUND}{name}": value for name, value in row["bounds"].items()}}
        names |= dict.fromkeys(judged)
        facts = {"fitted": row["fitted"], "gap": row["test"]["error"] - row["train"]["error"], "test_size": row["test"]["n"]}
        flat.append(settings | {f"measure:{name}": value for name, value in judged.items()} | facts)
    if not flat:
        raise InputError(f"rows of trained networks in {source}", "none", "run 'boundcheck sweep' first")
    table = pd.DataFrame(flat)
    for name in measures or ():
        if name not in names:
            raise InputError(f"a measure of {source}", repr(name), f"known: {', '.join(names)}")
    columns = [f"measure:{name}" for name in (measures or names)]
    table[columns] = table[columns].astype("float64")
    varied = [str(c) for c in table.columns if str(c).startswith("setting:") and str(c).removeprefix("setting:") not in REPEATS]
    found = from_table(
        table, hyperparameters=varied, gap="gap", measures=columns, fitted="fitted", test_size="test_size", source=source
    )
    return _renamed(found, (f"{failed} jobs of the sweep failed and are left out",) if failed else ())


def bounds_among(networks: Networks) -> frozenset[str]:
    """Names of measures that are bounds."""
    return frozenset(name for name in networks.measures if name.startswith(BOUND))


def _plain(value: Any) -> Any:
    """Lists, such as widths, as text: pandas sorts and compares cells."""
    return value if isinstance(value, (int, float, str)) else json.dumps(value)


def _renamed(found: Networks, notes: tuple[str, ...]) -> Networks:
    return Networks(
        settings={name.removeprefix("setting:"): codes for name, codes in found.settings.items()},
        values={name.removeprefix("setting:"): values for name, values in found.values.items()},
        gap=found.gap,
        test_size=found.test_size,
        measures={name.removeprefix("measure:"): column for name, column in found.measures.items()},
        notes=(*(note.removeprefix("setting:") for note in found.notes), *notes),
    )
