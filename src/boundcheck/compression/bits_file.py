"""A compressed network as bytes: what it is for, its words, and a checksum that refuses every other sequence of bytes.

==========  =====================================================================================================
8 bytes     ``bcbits`` and a line end in both conventions, which a transfer as text would break
2           version of the format
4           length of the header
…           header, JSON: the architecture, what differences are taken from, the hash of all that is fixed beforehand
4           number of words
4 each      words of the arithmetic coder
32          SHA-256 of everything before
==========  =====================================================================================================

All numbers are little endian. The header says what was fixed before the data: its bits are no part of the code length, and a
decoder whose own fixed part has another hash refuses the file.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.errors import InputError

MAGIC = b"bcbits\r\n"
VERSION = 1
_START = struct.Struct("<8sHI")
_COUNT = struct.Struct("<I")
_HASH = 32
REFERENCES = ("zero", "initial")


@dataclass(frozen=True, eq=False)
class CompressedFile:
    """The content of such a file.

    Attributes:
        model: How the network is built, as in a checkpoint.
        reference: What the message is the difference from: ``zero`` or ``initial``, the weights that the network is built with.
        seed: Seed of the initial weights, fixed beforehand.
        fixed: Hash of all numbers that the decoder has beforehand.
        configurations: Ways to train among which results chose; the certificate pays for their number.
        words: Of the arithmetic coder.
    """

    model: Mapping[str, Any]
    reference: str
    seed: int
    fixed: str
    configurations: int
    words: NDArray[np.uint32]

    def to_bytes(self) -> bytes:
        """The bytes of the file."""
        said: dict[str, Any] = {"model": dict(self.model), "reference": self.reference, "seed": self.seed, "fixed": self.fixed}
        said["configurations"] = self.configurations
        header = json.dumps(said, sort_keys=True, allow_nan=False).encode()
        body = self.words.astype("<u4").tobytes()
        content = _START.pack(MAGIC, VERSION, len(header)) + header + _COUNT.pack(self.words.size) + body
        return content + hashlib.sha256(content).digest()


def is_compressed(data: bytes) -> bool:
    """Whether bytes begin like a compressed network of any version."""
    return data[: len(MAGIC)] == MAGIC


def parse(data: bytes, name: str) -> CompressedFile:
    """The file in bytes.

    Args:
        data: All bytes.
        name: For the message.

    Raises:
        InputError: They are no compressed network, of another version, cut short, or not as they were written.
    """
    if not is_compressed(data):
        raise InputError("a compressed network", f"{name}, which begins otherwise", "write one with certify --method compression")
    if len(data) < _START.size + _COUNT.size + _HASH:
        raise InputError("a whole compressed network", f"{name}, cut short after {len(data)} bytes", "copy it again")
    _, version, length = _START.unpack_from(data)
    if version != VERSION:
        raise InputError(
            f"a compressed network of format version {VERSION}",
            f"{name} of version {version}",
            "use the boundcheck that wrote it",
        )
    content, checksum = data[:-_HASH], data[-_HASH:]
    if hashlib.sha256(content).digest() != checksum:
        raise InputError("a compressed network as it was written", f"{name}, cut short or altered", "copy it again")
    try:
        header = json.loads(content[_START.size : _START.size + length])
        (count,) = _COUNT.unpack_from(content, _START.size + length)
        words = np.frombuffer(content, dtype="<u4", offset=_START.size + length + _COUNT.size).astype(np.uint32)
        found = CompressedFile(**header, words=words)
        numbers = type(found.seed) is int and type(found.configurations) is int and found.configurations >= 1
        legal = isinstance(found.model, dict) and found.reference in REFERENCES and numbers and len(words) == count
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise _unusable(name, type(error).__name__) from error
    if not legal:
        raise _unusable(name, "a field out of its range")
    return found


def _unusable(name: str, what: str) -> InputError:
    return InputError("a compressed network with a header that this version reads", f"{name} ({what})", "write it again")


def fixed_hash(network: nn.Module, reference: nn.Module | None) -> str:
    """Hash of all numbers that a decoder has beforehand: buffers, and the weights that differences are taken from.

    Args:
        network: As the architecture is built; parameters are not read.
        reference: The network before training, or ``None`` for zero.
    """
    digest = hashlib.sha256()
    held = list(network.named_buffers()) + ([] if reference is None else list(reference.named_parameters()))
    for name, value in held:
        digest.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        digest.update(value.detach().contiguous().cpu().view(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()
