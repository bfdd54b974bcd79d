"""The message in bits: an arithmetic coder, adaptive in each block, and a decoder that needs nothing but them.

The law of the symbols is that of :mod:`boundcheck.compression.code`: after m symbols of a block with K levels, of which c were s,
the next is s with probability (c + 1)/(m + K). Multiplied up this is one over the number of vectors of counts times one over the
number of arrangements, so that the coder comes within a few words of the length that the theorem counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import constriction
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.compression.code import LEVELS, CodedTensor, Message, Symbols, columns_of, level_index

WORD = 32
"""Bits of a word of the coder."""
_HALF = 2**16  # a number is written as halves of its 32 bits: the coder's models have 24 bits
_PLAIN, _STEPPED, _CODEBOOK = range(3)


class BrokenMessageError(ValueError):
    """Words that no encoder wrote for this architecture."""


@dataclass(frozen=True)
class Layout:
    """What a decoder knows of a network before it is told anything.

    Attributes:
        sizes: Numbers in each parameter tensor.
        columns: Numbers in a row of each.
        buffers: Name, shape and number format of the buffers that training can change and that the reference has.
    """

    sizes: tuple[int, ...]
    columns: tuple[int, ...]
    buffers: tuple[tuple[str, tuple[int, ...], torch.dtype], ...] = ()

    @classmethod
    def of(cls, network: nn.Module, changeable: Sequence[str] = ()) -> Layout:
        """The layout of a network.

        Args:
            network: Any network of the architecture.
            changeable: Names of the buffers that training can change.
        """
        parameters = list(network.parameters())
        held = dict(network.named_buffers())
        return cls(
            tuple(p.numel() for p in parameters),
            tuple(columns_of(p) for p in parameters),
            tuple((name, tuple(held[name].shape), held[name].dtype) for name in changeable),
        )


def encode(message: Message, layout: Layout) -> NDArray[np.uint32]:
    """The words of a message.

    Args:
        message: All that the decoder is told.
        layout: Of its architecture.
    """
    coder = constriction.stream.queue.RangeEncoder()
    for tensor in message.tensors:
        kind = _CODEBOOK if tensor.codebook is not None else _PLAIN if tensor.step is None else _STEPPED
        _put(coder, kind, 4)
        _put(coder, int(tensor.split), 2)
        if tensor.step is not None:
            _put(coder, tensor.step, 256)
        if tensor.codebook is not None:
            _put(coder, LEVELS.index(tensor.codebook.size), len(LEVELS))
            for half in tensor.codebook.view(np.uint16).tolist():
                _put(coder, half, _HALF)
        for block in tensor.blocks:
            index = level_index(block)
            _put(coder, index, len(LEVELS))
            law = _Adaptive(LEVELS[index])
            for symbol in block.tolist() if index else ():  # one level says it all
                coder.encode(symbol + LEVELS[index] // 2, law.model())
                law.see(symbol + LEVELS[index] // 2)
    for name, _, _ in layout.buffers:
        value = message.buffers.get(name)
        _put(coder, int(value is not None), 2)
        if value is not None:
            for byte in value.contiguous().view(-1).view(torch.uint8).tolist():
                _put(coder, byte, 256)
    words: NDArray[np.uint32] = coder.get_compressed()
    return words


def decode_words(words: NDArray[np.uint32], layout: Layout) -> Message:
    """The message in words.

    Args:
        words: What :func:`encode` wrote.
        layout: Of the architecture.

    Raises:
        BrokenMessageError: No message for this architecture has these words.
    """
    try:
        message = _decoded(constriction.stream.queue.RangeDecoder(words), layout)
    except (ValueError, IndexError, AssertionError) as error:  # of the coder, or a choice that the format does not have
        raise BrokenMessageError(f"the words end in the middle or were never written ({type(error).__name__})") from error
    if not np.array_equal(encode(message, layout), words):
        raise BrokenMessageError("the words are not those of the message that they decode to")
    return message


def _decoded(coder: constriction.stream.queue.RangeDecoder, layout: Layout) -> Message:
    tensors = []
    for size, columns in zip(layout.sizes, layout.columns, strict=True):
        kind, split = _get(coder, 4), bool(_get(coder, 2))
        step = _get(coder, 256) if kind == _STEPPED else None
        codebook = None
        if kind == _CODEBOOK:
            entries = LEVELS[_get(coder, len(LEVELS))]
            codebook = np.array([_get(coder, _HALF) for _ in range(entries)], dtype=np.uint16).view(np.float16)
        elif kind not in (_PLAIN, _STEPPED):
            raise ValueError(f"expected one of three kinds of tensor; got {kind}")
        empty = CodedTensor(np.zeros(size, dtype=np.int16), columns, split=split)
        of, symbols = empty.block_of(), np.zeros(size, dtype=np.int16)
        for block in range(int(of.max(initial=-1)) + 1):
            symbols[of == block] = _block(coder, int((of == block).sum()))
        tensors.append(CodedTensor(symbols, columns, step, codebook, split))
    buffers = {}
    for name, shape, dtype in layout.buffers:
        if _get(coder, 2):
            count = int(np.prod(shape, dtype=np.int64)) * torch.empty(0, dtype=dtype).element_size()
            raw = torch.tensor([_get(coder, 256) for _ in range(count)], dtype=torch.uint8)
            buffers[name] = raw.view(dtype).reshape(shape)
    return Message(tuple(tensors), buffers, len(layout.buffers))


def _block(coder: constriction.stream.queue.RangeDecoder, size: int) -> Symbols:
    levels = LEVELS[_get(coder, len(LEVELS))]
    law, symbols = _Adaptive(levels), np.zeros(size, dtype=np.int16)
    for i in range(size if levels > 1 else 0):
        found = int(coder.decode(law.model()))
        symbols[i] = found - levels // 2
        law.see(found)
    return symbols


class _Adaptive:
    """Probabilities of the next symbol of a block, given those before it."""

    def __init__(self, levels: int) -> None:
        self.counts = np.ones(levels, dtype=np.float64)

    def model(self) -> constriction.stream.model.Categorical:
        """The law of the next symbol."""
        return constriction.stream.model.Categorical(self.counts / self.counts.sum(), perfect=False)

    def see(self, symbol: int) -> None:
        """Count a symbol."""
        self.counts[symbol] += 1.0


def _put(coder: constriction.stream.queue.RangeEncoder, value: int, choices: int) -> None:
    if choices > 1:
        coder.encode(value, constriction.stream.model.Uniform(choices))


def _get(coder: constriction.stream.queue.RangeDecoder, choices: int) -> int:
    return int(coder.decode(constriction.stream.model.Uniform(choices))) if choices > 1 else 0
