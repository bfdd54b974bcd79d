"""A compressed file is read as it was written or not at all."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
import torch

from boundcheck.compression.bits_file import MAGIC, VERSION, CompressedFile, parse
from boundcheck.compression.code import CodedTensor, Message
from boundcheck.compression.stored import pack, unpack
from boundcheck.errors import InputError
from boundcheck.networks.architectures import build, describe

MODEL = describe("mlp", (4,), 3, widths=[3])


def small(reference: str = "zero") -> bytes:
    network = build("mlp", (4,), 3, widths=[3], seed=5).eval()
    rng = np.random.default_rng(0)
    tensors = tuple(
        CodedTensor(rng.integers(-2, 3, size=p.numel()).astype(np.int16), p.numel() // p.shape[0]) for p in network.parameters()
    )
    return pack(Message(tensors, {}), network, MODEL, reference=reference, seed=5, configurations=3).to_bytes()


def test_it_comes_back() -> None:
    file = parse(small(), "a file")
    assert file.model == MODEL
    assert (file.reference, file.seed, file.configurations) == ("zero", 5, 3)
    message, network = unpack(file, build("mlp", (4,), 3, widths=[3]).eval(), "a file")
    for tensor, p in zip(message.tensors, network.parameters(), strict=True):
        assert np.array_equal(p.detach().numpy().ravel(), tensor.symbols)


def test_every_altered_byte_is_refused() -> None:
    data = small()
    for i in range(len(data)):
        for mask in (0x01, 0x80, 0xFF):
            altered = data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :]
            with pytest.raises(InputError, match="expected"):
                parse(altered, "a file")


def test_every_file_cut_short_or_prolonged_is_refused() -> None:
    data = small()
    for i in range(len(data)):
        with pytest.raises(InputError, match="expected"):
            parse(data[:i], "a file")
    with pytest.raises(InputError, match="cut short or altered"):
        parse(data + b"\0", "a file")


def sealed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


def test_another_version_is_refused_by_its_name() -> None:
    data = small()[:-32]
    other = data[:8] + struct.pack("<H", VERSION + 1) + data[10:]
    with pytest.raises(InputError, match=f"version {VERSION}; got a file of version {VERSION + 1}"):
        parse(sealed(other), "a file")


def test_a_checksum_that_fits_does_not_make_a_header_usable() -> None:
    for header in (b"{}", b"[1]", b"not json", b'{"model": 3, "reference": "zero", "seed": 0, "fixed": "", "configurations": 1}'):
        content = struct.pack("<8sHI", MAGIC, VERSION, len(header)) + header + struct.pack("<I", 0)
        with pytest.raises(InputError, match="a header that this version reads"):
            parse(sealed(content), "a file")


def test_a_decoder_with_other_numbers_is_refused() -> None:
    file = parse(small("initial"), "a file")
    unpack(file, build("mlp", (4,), 3, widths=[3], seed=5).eval(), "a file")
    with pytest.raises(InputError, match="numbers that were fixed when it was written"):
        unpack(file, build("mlp", (4,), 3, widths=[3], seed=6).eval(), "a file")


def test_words_for_another_architecture_are_refused() -> None:
    file = parse(small(), "a file")
    other = build("mlp", (4,), 3, widths=[30], seed=5).eval()
    with pytest.raises(InputError, match="a compressed network of its own architecture"):
        unpack(file, other, "a file")
    cut = CompressedFile(file.model, file.reference, file.seed, file.fixed, file.configurations, file.words[:1])
    with pytest.raises(InputError, match="a compressed network of its own architecture"):
        unpack(cut, build("mlp", (4,), 3, widths=[3]).eval(), "a file")
    assert not torch.equal(next(other.parameters()), torch.zeros(30, 4))
