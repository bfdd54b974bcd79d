"""From bytes to the network that they stand for, and to the record of its message: what the file alone says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from boundcheck.compression.arithmetic import WORD, BrokenMessageError, Layout, decode_words, encode
from boundcheck.compression.bits_file import CompressedFile, fixed_hash, parse
from boundcheck.compression.code import Message, decode
from boundcheck.errors import InputError
from boundcheck.evidence.code import Code
from boundcheck.networks.fusing import refuse_batch_statistics
from boundcheck.runs.subject import Subject

METHOD = "compression"
"""What such a certificate says under ``method``."""


def pack(
    message: Message, network: nn.Module, model: Mapping[str, Any], *, reference: str, seed: int, configurations: int
) -> CompressedFile:
    """The file of a message.

    Args:
        message: All that the decoder is told.
        network: With its initial weights.
        model: How it is built.
        reference: ``zero`` or ``initial``.
        seed: Of the initial weights.
        configurations: Ways to train among which results chose.
    """
    fixed = fixed_hash(network, network if reference == "initial" else None)
    return CompressedFile(dict(model), reference, seed, fixed, configurations, encode(message, Layout.of(network)))


def unpack(file: CompressedFile, network: nn.Module, name: str) -> tuple[Message, nn.Module]:
    """The message in a file and the network that it stands for.

    Args:
        file: Read from bytes.
        network: As the architecture is built, with the initial weights.
        name: Of the file, for messages.

    Raises:
        InputError: The decoder's own numbers are others than the encoder's, or no message has these words.
    """
    reference = network if file.reference == "initial" else None
    if fixed_hash(network, reference) != file.fixed:
        raise InputError(
            f"{name} to be decoded with the numbers that were fixed when it was written",
            "others (another version of a library may have built them)",
            "use the versions that wrote it, or evaluate the checkpoint, which has them",
        )
    try:
        message = decode_words(file.words, Layout.of(network))
        return message, decode(message, network, reference)
    except (BrokenMessageError, ValueError) as error:
        raise InputError("a compressed network of its own architecture", f"{name}: {error}", "write it again") from error


def measure_stored_code(subject: Subject, certificate: Mapping[str, Any]) -> Code:
    """Decode the bytes of a certificate and count the errors of the network that they stand for.

    Args:
        subject: The network of the checkpoint; the reference's buffers and weights are what the decoder has beforehand.
        certificate: Of a checkpoint, with ``bytes``.

    Raises:
        InputError: The bytes can't be used, or stand for another network than the checkpoint's.
        Unavailable: Predictions depend on each other.
    """
    name = "the compressed network of the checkpoint"
    file = parse(stored_bytes(certificate), name)
    before = subject.network if subject.reference is None else subject.reference
    message, decoded = unpack(file, before, name)
    refuse_batch_statistics(decoded, "code")
    mine, theirs = decoded.state_dict(), subject.network.state_dict()
    other = next((key for key in mine if key not in theirs or not torch.equal(mine[key], theirs[key])), None)
    if other is not None:
        raise InputError("a checkpoint whose weights are those of its bytes", f"another {other}", "certify again")
    return record(message, file, subject.errors(decoded))


def stored_bytes(certificate: Mapping[str, Any]) -> bytes:
    """The bytes in a certificate.

    Raises:
        InputError: There are none.
    """
    found = certificate.get("bytes")
    if not isinstance(found, torch.Tensor) or found.dtype != torch.uint8 or found.dim() != 1:
        raise InputError("a checkpoint with a compressed network", "one without its bytes", "certify again")
    return bytes(found.tolist())


def record(message: Message, file: CompressedFile, errors: Any) -> Code:
    """What the theorems read of a message."""
    choice = math.log2(file.configurations) * (1.0 + 2.0**-48)
    detail = message.detail + (
        f", {choice:.2f} bits for the choice of one of {file.configurations} ways to train" if choice else ""
    )
    nonzero = sum(int((tensor.symbols != 0).sum()) for tensor in message.tensors)
    return Code(
        counts=message.counts,
        side_bits=message.side_bits + choice,
        detail=detail,
        errors=errors,
        settings={
            "symbols": sum(tensor.symbols.size for tensor in message.tensors),
            "nonzero": nonzero,
            "bits of the arithmetic coder": WORD * len(file.words),
            "quantized": "weights" if file.reference == "zero" else "difference from the initial weights",
        },
    )
