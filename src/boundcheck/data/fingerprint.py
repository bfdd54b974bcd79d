"""What a data set is, bit for bit, and how often its rows repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of named arrays: their names, dtypes, shapes and little-endian bytes.

    Args:
        arrays: The arrays by name; the order doesn't matter.

    Returns:
        The digest, 64 hexadecimal digits; equal on every machine.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        # The header's own length goes first, so that no two lists of arrays can run into the same bytes.
        header = f"{name}|{little.dtype.str}|{array.shape}".encode()
        digest.update(len(header).to_bytes(8, "little"))
        digest.update(header)
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def row_digests(x: NDArray[Any]) -> tuple[bytes, ...]:
    """A 32-byte digest of each row, in order; 32 bytes a row also where the rows are large images.

    Args:
        x: Inputs, shape (n, ...).
    """
    rows = np.ascontiguousarray(x).reshape(x.shape[0], -1)
    return tuple(hashlib.blake2b(row.data, digest_size=32).digest() for row in rows)


def count_duplicates(x: NDArray[Any]) -> int:
    """How many rows repeat an earlier row bit for bit.

    Args:
        x: Inputs, shape (n, ...).

    Returns:
        n minus the number of distinct rows.
    """
    return int(x.shape[0]) - len(set(row_digests(x)))


def count_overlap(x_test: NDArray[Any], x_train: NDArray[Any]) -> int:
    """How many test rows occur bit for bit among the training rows.

    Args:
        x_test: Held-out inputs, shape (m, ...).
        x_train: Training inputs, shape (n, ...), with rows of the same shape.

    Returns:
        A number from 0 to m; a test row that occurs twice counts twice.

    Raises:
        ValueError: The rows differ in shape, so that nothing can be compared.
    """
    if x_test.shape[1:] != x_train.shape[1:]:
        raise ValueError(f"rows of shape {x_test.shape[1:]} can't occur among rows of shape {x_train.shape[1:]}")
    common = np.result_type(x_test, x_train)
    seen = set(row_digests(x_train.astype(common, copy=False)))
    return sum(digest in seen for digest in row_digests(x_test.astype(common, copy=False)))
