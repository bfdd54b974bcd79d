"""The arithmetic coder: what is decoded is what was written, and the length is that of the law that the theorem counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.arithmetic import WORD, BrokenMessageError, Layout, decode_words, encode
from boundcheck.compression.code import CodedTensor, Message, decode

NETWORK = nn.Sequential(nn.Linear(20, 9), nn.BatchNorm1d(9), nn.Linear(9, 3))
CHANGEABLE = ("1.running_mean", "1.running_var", "1.num_batches_tracked")


def messages(seed: int) -> Message:
    rng = np.random.default_rng(seed)
    tensors = []
    for p in NETWORK.parameters():
        most = int(rng.choice([0, 1, 2, 7, 127]))
        symbols = (rng.integers(-most, most + 1, size=p.numel()) * (rng.random(p.numel()) < rng.random())).astype(np.int16)
        columns = p.numel() // p.shape[0]
        kind, split = int(rng.integers(3)), bool(rng.integers(2))
        plain = CodedTensor(symbols, columns, split=split)
        levels = max(len(c) for c in plain.counts)
        book = rng.normal(size=levels).astype(np.float16) if kind == 2 else None
        tensors.append(CodedTensor(symbols, columns, int(rng.integers(256)) if kind == 1 else None, book, split))
    buffers = {"1.running_var": torch.from_numpy(rng.random(9)).float(), "1.num_batches_tracked": torch.tensor(2**40 + seed)}
    return Message(tuple(tensors), {name: value for name, value in buffers.items() if rng.integers(2)}, len(CHANGEABLE))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_decoded_is_what_was_written(seed: int) -> None:
    message, layout = messages(seed), Layout.of(NETWORK, CHANGEABLE)
    found = decode_words(encode(message, layout), layout)
    for mine, theirs in zip(message.tensors, found.tensors, strict=True):
        assert np.array_equal(mine.symbols, theirs.symbols)
        assert (mine.step, mine.split, mine.columns) == (theirs.step, theirs.split, theirs.columns)
        assert (mine.codebook is None) == (theirs.codebook is None)
        assert mine.codebook is None or np.array_equal(mine.codebook.view(np.uint16), theirs.codebook.view(np.uint16))
    assert message.buffers.keys() == found.buffers.keys()
    assert all(torch.equal(message.buffers[name], found.buffers[name]) for name in message.buffers)
    x = torch.randn(50, 20, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        mine, theirs = (decode(m, NETWORK, None)(x) for m in (message, found))
    assert torch.equal(mine, theirs) or bool(mine.isnan().any())


@pytest.mark.parametrize("seed", range(12))
def test_the_length_is_that_of_the_law(seed: int) -> None:
    message, layout = messages(seed), Layout.of(NETWORK, CHANGEABLE)
    law = code_nats(message.counts, message.side_bits) / math.log(2.0)
    bits = WORD * len(encode(message, layout))
    # The coder rounds up to words and keeps its state in two of them; its probabilities have 24 bits.
    assert law - 40.0 <= bits <= law + 3 * WORD


def test_words_that_were_never_written_are_refused() -> None:
    layout = Layout.of(NETWORK, CHANGEABLE)
    words = encode(messages(1), layout)
    refused = 0
    for i in range(len(words)):
        altered = words.copy()
        altered[i] ^= np.uint32(1 << (7 * i % 32))
        try:
            found = decode_words(altered, layout)
        except BrokenMessageError:
            refused += 1
        else:
            assert np.array_equal(encode(found, layout), altered)  # another message altogether, written like this
    assert refused > 0
    with pytest.raises(BrokenMessageError):
        decode_words(words[:-2], layout)
    with pytest.raises(BrokenMessageError):
        decode_words(np.append(words, np.uint32(5)), layout)
