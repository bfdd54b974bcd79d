"""The IDX format of the MNIST files: two zero bytes, a type, the number of axes, their lengths, then the numbers.

Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError

_UINT8 = 0x08
_AGAIN = "fetch the file again from its source"


def read_bytes(path: Path) -> bytes:
    """The contents of a file, uncompressed where its first two bytes are those of gzip.

    Args:
        path: The file.

    Returns:
        All of its bytes.

    Raises:
        InputError: The file can't be read, or is cut off or damaged.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except EOFError as error:
        raise InputError(f"a whole gzip file in {path}", "one that is cut off", _AGAIN) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"a sound gzip file in {path}", f"a damaged one ({error})", _AGAIN) from error
    except OSError as error:
        raise InputError(f"a readable file {path}", error.strerror or "an error", "check its permissions") from error


def parse_idx(raw: bytes, axes: int, where: str) -> NDArray[np.uint8]:
    """The array in the bytes of an IDX file of unsigned bytes.

    Args:
        raw: The file, uncompressed.
        axes: The number of axes that it should have: 3 for images, 1 for labels.
        where: The name of the file, for messages.

    Returns:
        A read-only array with that many axes.

    Raises:
        InputError: The first bytes are of another format, or the length isn't the one that they promise.
    """
    magic = bytes((0, 0, _UINT8, axes))
    if raw[:4] != magic:
        raise InputError(f"an IDX file that begins with {magic.hex()} in {where}", raw[:4].hex() or "nothing", _AGAIN)
    start = 4 + 4 * axes
    if len(raw) < start:
        raise InputError(f"an IDX header of {start} bytes in {where}", f"{len(raw)} bytes", _AGAIN)
    shape = tuple(int(s) for s in np.frombuffer(raw, dtype=">u4", count=axes, offset=4))
    if len(raw) - start != math.prod(shape):
        raise InputError(f"{math.prod(shape)} numbers for the shape {shape} in {where}", f"{len(raw) - start} numbers", _AGAIN)
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape)
