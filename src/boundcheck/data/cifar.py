"""CIFAR-10 in its original layout, six pickles, read without running anything that they contain.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

A pickle can name any function and have it called. Here the only names that it may use are the ones by which NumPy
stores an array, and each of them is answered by a plain record of its arguments; no code of NumPy's own
reconstruction runs on bytes from the file.
"""

from __future__ import annotations

import io
import math
import pickle
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError

TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"
BATCHES = (*TRAIN_BATCHES, TEST_BATCH)
FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
IMAGE_SHAPE = (3, 32, 32)
_AGAIN = "use the files of the original archive"
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    ImportError,
    MemoryError,
)


class _StoredDtype:
    """What a pickle says of a dtype: its code, and then a state whose second entry is the byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code
        self.order = "|"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.order = order.decode("latin1") if isinstance(order, bytes) else order


class _StoredArray:
    """What a pickle says of an array: (version, shape, dtype, column-major or not, bytes)."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> NDArray[Any]:
        """The array, of integers only."""
        _, shape, dtype, columns, raw = self.state
        if not isinstance(dtype, _StoredDtype) or dtype.code not in ("u1", "i1", "i2", "i4", "i8"):
            raise ValueError("an array that doesn't hold integers")
        if not isinstance(raw, bytes) or not all(isinstance(s, int) and s >= 0 for s in shape):
            raise ValueError("an array without bytes")
        order = dtype.order if dtype.order in "<>" else "|" if dtype.code.endswith("1") else "<"
        flat = np.frombuffer(raw, dtype=order + dtype.code)
        if flat.size != math.prod(shape):
            raise ValueError("an array whose length isn't that of its shape")
        return flat.reshape(shape, order="F" if columns else "C")


def _latin1(text: Any, codec: Any) -> bytes:
    """How Python 3 writes bytes for Python 2: text, to be encoded as latin1."""
    if not isinstance(text, str) or codec != "latin1":
        raise pickle.UnpicklingError("an encoding other than latin1")
    return text.encode("latin1")


def _stored_from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _StoredArray:
    """How pickle protocol 5 writes an array."""
    stored = _StoredArray()
    stored.state = (1, shape, dtype, order == "F", bytes(raw))
    return stored


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _StoredArray,
    ("numpy", "dtype"): _StoredDtype,
    ("numpy.core.multiarray", "_reconstruct"): _StoredArray,
    ("numpy._core.multiarray", "_reconstruct"): _StoredArray,
    ("numpy.core.numeric", "_frombuffer"): _stored_from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _stored_from_buffer,
    ("_codecs", "encode"): _latin1,
}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler of containers, numbers, texts and stored arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 file needs")
        return _ADMITTED[module, name]


def parse_batch(raw: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Images and labels of one batch file.

    Args:
        raw: The pickle.
        where: The name of the file, for messages.

    Returns:
        Images of shape (n, 3, 32, 32) and labels of shape (n,).

    Raises:
        InputError: The file is cut off, asks for code to be run, or holds something other than a batch.
    """
    try:
        batch = _ArraysOnly(io.BytesIO(raw), encoding="bytes").load()
    except _BROKEN as error:
        raise InputError(f"a CIFAR-10 batch in {where}", f"a pickle that isn't one ({error})", _AGAIN) from error
    fields = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in _items(batch)}
    missing = [field for field in ("data", "labels") if field not in fields]
    if missing:
        raise InputError(f"the fields data and labels in {where}", f"no {' and no '.join(missing)}", _AGAIN)
    try:
        data, labels = _as_array(fields["data"]), _as_array(fields["labels"])
    except _BROKEN as error:
        raise InputError(f"arrays of integers in {where}", str(error), _AGAIN) from error
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != math.prod(IMAGE_SHAPE):
        raise InputError(f"uint8 data of shape (n, 3072) in {where}", f"{data.dtype} of shape {data.shape}", _AGAIN)
    if labels.dtype.kind not in "iu" or labels.shape != data.shape[:1]:
        raise InputError(f"{len(data)} integer labels in {where}", f"shape {labels.shape}, {labels.dtype}", _AGAIN)
    return data.reshape(-1, *IMAGE_SHAPE), labels


def _items(batch: Any) -> list[tuple[Any, Any]]:
    return list(batch.items()) if isinstance(batch, dict) else []


def _as_array(value: Any) -> NDArray[Any]:
    if isinstance(value, _StoredArray):
        return value.array()
    if not isinstance(value, list) or not all(type(entry) is int for entry in value):
        raise ValueError(f"a {type(value).__name__} that isn't a list of integers")
    return np.array(value, dtype=np.int64)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The six batch files of a folder.

    Args:
        folder: A folder in the layout of ``cifar-10-batches-py``.

    Returns:
        The bytes of each file by name.

    Raises:
        InputError: Some of them are missing or can't be read.
    """
    missing = [name for name in BATCHES if not (folder / name).is_file()]
    if missing:
        raise InputError(f"the files {', '.join(BATCHES)} in {folder}", f"no {', no '.join(missing)}", _AGAIN)
    try:
        return {name: (folder / name).read_bytes() for name in BATCHES}
    except OSError as error:
        raise InputError(f"readable files in {folder}", error.strerror or "an error", "check permissions") from error


def read_archive(path: Path) -> dict[str, bytes]:
    """The six batch files of the original archive, read in place: nothing is unpacked onto the disk.

    Args:
        path: ``cifar-10-python.tar.gz``.

    Returns:
        The bytes of each file by name.

    Raises:
        InputError: The archive is damaged or lacks one of them.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                handle = archive.extractfile(member) if name in BATCHES and member.isreg() else None
                if handle is not None:
                    found[name] = handle.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(f"a sound archive in {path}", f"a damaged one ({error})", "fetch it again") from error
    missing = [name for name in BATCHES if name not in found]
    if missing:
        raise InputError(f"the files {', '.join(BATCHES)} in {path}", f"no {', no '.join(missing)}", _AGAIN)
    return found


def join_batches(files: dict[str, bytes], where: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Both samples from the six files.

    Args:
        files: The bytes of each batch by name.
        where: The folder or archive, for messages.

    Returns:
        ``x_train, y_train, x_test, y_test``; the training batches in their order.

    Raises:
        InputError: As `parse_batch`.
    """
    train = [parse_batch(files[name], f"{where}/{name}") for name in TRAIN_BATCHES]
    x_test, y_test = parse_batch(files[TEST_BATCH], f"{where}/{TEST_BATCH}")
    return np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train]), x_test, y_test
