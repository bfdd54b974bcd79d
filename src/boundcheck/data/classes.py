"""Classes joined or left out: ``mnist:0-4/5-9`` asks whether a digit is above 4, ``mnist:4/9`` tells fours from nines."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from boundcheck.data.dataset import Dataset, make_dataset
from boundcheck.errors import InputError

_GROUPS = re.compile(r"[0-9,\-]+(/[0-9,\-]+)+")


def split_spec(spec: str) -> tuple[str, str | None]:
    """A data specification without its groups of classes, and the groups.

    Args:
        spec: ``SOURCE`` or ``SOURCE:GROUPS``.

    Returns:
        ``("mnist", "0-4/5-9")`` for ``mnist:0-4/5-9``; no groups where nothing after the last colon looks like some.
    """
    source, _, tail = spec.rpartition(":")
    return (source, tail) if source and _GROUPS.fullmatch(tail) else (spec, None)


def parse_groups(text: str, classes: int) -> tuple[tuple[int, ...], ...]:
    """Classes of each group.

    Args:
        text: Groups joined by ``/``, each a list of classes and ranges joined by commas: ``0-4/5-9``, ``0,2,4/1,3``.
        classes: Number of classes of the source.

    Raises:
        InputError: A group is empty or no list, a class is not the source's, or occurs twice.
    """
    advice = "write for example 0-4/5-9, which makes two classes of ten"
    groups = []
    for part in text.split("/"):
        found: list[int] = []
        for item in part.split(","):
            first, dash, last = item.partition("-")
            if not first.isdigit() or (dash and not last.isdigit()):
                raise InputError("groups of classes joined by '/'", repr(text), advice)
            found.extend(range(int(first), int(last or first) + 1))
        if not found:
            raise InputError("groups that each hold a class", repr(text), advice)
        groups.append(tuple(found))
    named = [c for group in groups for c in group]
    if len(set(named)) != len(named) or max(named) >= classes:
        raise InputError(f"each of the classes 0 to {classes - 1} in at most one group", repr(text), advice)
    return tuple(groups)


def grouped(dataset: Dataset, text: str) -> Dataset:
    """The data set whose classes are groups of classes; examples of classes that no group names are left out.

    Args:
        dataset: The source.
        text: What :func:`parse_groups` reads.

    Returns:
        A data set of its own name and digest.

    Raises:
        InputError: The groups can't be read, or a sample has no example of them.
    """
    groups = parse_groups(text, dataset.classes)
    into = np.full(dataset.classes, -1, dtype=np.int64)
    for label, group in enumerate(groups):
        into[list(group)] = label

    def taken(x: NDArray[np.generic], y: NDArray[np.int64]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        labels = into[y]
        kept = labels >= 0
        return (x, labels) if kept.all() else (x[kept], labels[kept])

    train, test = taken(dataset.x_train, dataset.y_train), taken(dataset.x_test, dataset.y_test)
    return make_dataset(
        f"{dataset.name}:{text}",
        *train,
        *test,
        classes=len(groups),
        divisor=dataset.divisor if dataset.x_train.dtype == np.uint8 else None,
        low=dataset.low,
        high=dataset.high,
    )
