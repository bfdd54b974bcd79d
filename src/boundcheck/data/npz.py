"""A user's own data: one .npz file with four arrays."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from boundcheck.errors import InputError

FIELDS = ("x_train", "y_train", "x_test", "y_test")
_SAVE = "write it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The four arrays of a file; nothing in it is unpickled.

    Args:
        path: The file.

    Returns:
        ``x_train``, ``y_train``, ``x_test``, ``y_test`` as stored. Other fields are ignored.

    Raises:
        InputError: There is no such file, it is damaged, lacks a field, or holds Python objects.
    """
    if not path.is_file():
        raise InputError("a .npz file", f"{path}, a folder" if path.is_dir() else f"{path}, which isn't there", _SAVE)
    if not zipfile.is_zipfile(path):
        raise InputError(f"a .npz file in {path}", "a file that isn't one, or is cut off", _SAVE)
    try:
        # The handle is opened here because numpy.load leaves its own open when the file turns out to be damaged.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return _fields(file, path)
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise InputError(f"a sound .npz file in {path}", f"a damaged one ({error})", _SAVE) from error


def _fields(file: NpzFile, path: Path) -> dict[str, NDArray[Any]]:
    missing = [field for field in FIELDS if field not in file.files]
    if missing:
        raise InputError(
            f"the fields {', '.join(FIELDS)} in {path}",
            f"{', '.join(file.files) or 'none'}, so no {', no '.join(missing)}",
            _SAVE,
        )
    arrays: dict[str, NDArray[Any]] = {}
    for field in FIELDS:
        try:
            arrays[field] = file[field]
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise InputError(
                f"numbers in {field} of {path}",
                "an array of Python objects",
                "store an array of one dtype and shape; objects are never unpickled, since that could run code",
            ) from error
    return arrays
