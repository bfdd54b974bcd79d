"""Pairs of networks that differ in exactly one hyper-parameter, and the environments that they fall into.

An environment is a change of one hyper-parameter from one value to another with all others fixed: its pairs join every network
before the change with every network after it. Networks with the same hyper-parameters are repeats with other seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError
from boundcheck.ranking.networks import Networks

Indices = NDArray[np.int64]
Signs = NDArray[np.int8]

MOST_PAIRS = 60_000_000
"""Pairs that fit into two gigabytes with what is computed on them."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs that differ in one hyper-parameter, sorted by environment.

    Attributes:
        first: Index of the network with the smaller value, shape (p,).
        second: Index of the network with the larger value, shape (p,).
        starts: Where each environment begins, shape (e,).
        hyperparameter: Number of the hyper-parameter that changes, for each environment, shape (e,).
        context: Number of the values of all others, for each environment, shape (e,).
        change: Values before and after, for each environment, shape (e, 2).
    """

    first: Indices
    second: Indices
    starts: Indices
    hyperparameter: Indices
    context: Indices
    change: Indices

    @property
    def sizes(self) -> Indices:
        """Number of pairs of each environment."""
        return np.diff(np.append(self.starts, len(self.first)))

    @property
    def environment(self) -> Indices:
        """Number of the environment of each pair, shape (p,)."""
        return np.repeat(np.arange(len(self.starts)), self.sizes)


def single_changes(networks: Networks) -> Pairs:
    """The pairs of networks that differ in exactly one hyper-parameter.

    Raises:
        InputError: There are too many for the memory of a small machine.
    """
    codes = np.stack(list(networks.settings.values()), axis=1)
    parts = [_changes(codes, index) for index in range(codes.shape[1])]
    total = sum(int(part[2].sum()) for part in parts)
    if total > MOST_PAIRS:
        raise InputError(
            f"at most {MOST_PAIRS:,} pairs that differ in one hyper-parameter", f"{total:,}",
            "name more hyper-parameters, or rank a part of the table",
        )  # fmt: skip
    first = np.concatenate([part[0] for part in parts])
    second = np.concatenate([part[1] for part in parts])
    sizes = np.concatenate([part[2] for part in parts])
    return Pairs(
        first=first,
        second=second,
        starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) if len(sizes) else np.zeros(0, dtype=np.int64),
        hyperparameter=np.concatenate([np.full(len(part[2]), index) for index, part in enumerate(parts)]),
        context=np.concatenate([part[3] for part in parts]),
        change=np.concatenate([part[4] for part in parts]).reshape(-1, 2),
    )


def _changes(codes: Indices, index: int) -> tuple[Indices, Indices, Indices, Indices, Indices]:
    """First, second, sizes, contexts and changes of the environments of one hyper-parameter."""
    others = np.delete(codes, index, axis=1)
    _, context = np.unique(others, axis=0, return_inverse=True)
    context = context.reshape(-1)
    order = np.lexsort((codes[:, index], context))
    cells, starts = np.unique(np.stack([context[order], codes[order, index]]), axis=1, return_index=True)
    members = np.split(order, starts[1:])
    ends = np.searchsorted(cells[0], cells[0], side="right")  # cells of one context follow each other
    firsts, seconds, sizes, contexts, changes = [], [], [], [], []
    for a, end in enumerate(ends):
        for b in range(a + 1, end):
            firsts.append(np.repeat(members[a], len(members[b])))
            seconds.append(np.tile(members[b], len(members[a])))
            sizes.append(len(firsts[-1]))
            contexts.append(cells[0, a])
            changes.append((cells[1, a], cells[1, b]))
    none = np.zeros(0, dtype=np.int64)
    return (
        np.concatenate(firsts) if firsts else none,
        np.concatenate(seconds) if seconds else none,
        np.asarray(sizes, dtype=np.int64),
        np.asarray(contexts, dtype=np.int64),
        np.asarray(changes, dtype=np.int64).reshape(-1, 2),
    )


def signs(column: NDArray[np.float64], first: Indices, second: Indices) -> Signs:
    """Sign of the second value minus the first: +1, 0 or -1; 0 where one is NaN."""
    a, b = column[first], column[second]
    return (b > a).astype(np.int8) - (b < a).astype(np.int8)
