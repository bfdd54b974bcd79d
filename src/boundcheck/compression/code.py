r"""The message: what a decoder is told, how long it is, and the network that it stands for.

The decoder knows beforehand, from before the data: the architecture with the names and shapes of its parameters, the reference
weights, the list of numbers of levels, the table of step sizes, and which buffers training could change. It is told

* for each parameter tensor how symbols become numbers: as they are, times a step from a table of 256 (8 bits), or by a codebook
  of half-precision numbers (4 bits for their number, 16 bits each); 2 bits say which;
* for each tensor whether its symbols are one block or one block for each doubling of the column index: 1 bit;
* for each block the number of levels K, as an index into a list of 16: 4 bits;
* for each buffer that training could change whether it is as in the reference, 1 bit, and if not its value, bit for bit;
* the symbols of each block of N, first how often each of the K occurs, then which arrangement it is.

Counts that sum to N number :math:`\binom{N+K-1}{K-1}`, arrangements :math:`N!/\prod_j c_j!`; each is written as its index, and
the number of bits need not be whole: what the theorem needs is the probability P of the message under a law on messages, here
uniform at every step. The length of everything else is constant given what was said before it, so the probabilities of all
messages add up to at most 1.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Symbols = NDArray[np.int16]

LEVELS = (1, 3, 5, 7, 9, 11, 13, 15, 21, 31, 45, 63, 95, 127, 191, 255)
"""Numbers of levels K that a message can name, all odd: symbols run from -(K - 1)/2 to (K - 1)/2."""
LEVEL_BITS, KIND_BITS, SPLIT_BITS, ENTRY_BITS = 4, 2, 1, 16
MOST = LEVELS[-1] // 2
"""The largest symbol."""

STEPS: NDArray[np.float64] = np.exp2((np.arange(256) - 208) / 8.0)
"""Step sizes that a message can name, from 1.5e-8 to 59, nine percent apart."""
STEPS.flags.writeable = False
STEP_BITS = 8


def level_index(symbols: Symbols) -> int:
    """Index of the smallest number of levels that has all symbols.

    Raises:
        ValueError: A symbol is too large for every one.
    """
    largest = int(np.abs(symbols).max(initial=0))
    if largest > MOST:
        raise ValueError(f"expected symbols up to {MOST}; got {largest}")
    return next(i for i, levels in enumerate(LEVELS) if levels // 2 >= largest)


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """One parameter tensor as the decoder is told of it.

    Attributes:
        symbols: Shape (N,), signed, flattened by rows.
        columns: N over the number of rows, which the decoder knows from the architecture.
        step: Index of the step size; ``None``: symbols are the numbers, or a codebook has them.
        codebook: Numbers that the symbols stand for, an odd number of them in the order of the symbols; float16.
        split: Whether there is a block for each doubling of the column index.
    """

    symbols: Symbols
    columns: int
    step: int | None = None
    codebook: NDArray[np.float16] | None = None
    split: bool = False

    def block_of(self) -> NDArray[np.int64]:
        """To which block each symbol belongs, from 0, without gaps."""
        if not self.split:
            return np.zeros(self.symbols.size, dtype=np.int64)
        column = np.arange(self.symbols.size) % max(self.columns, 1)
        doublings: NDArray[np.int64] = np.maximum(np.frexp(column.astype(np.float64))[1].astype(np.int64) - 2, 0)
        return doublings

    @property
    def blocks(self) -> list[Symbols]:
        """The symbols of each block, in order."""
        of = self.block_of()
        return [self.symbols[of == block] for block in range(int(of.max(initial=-1)) + 1)]

    @property
    def counts(self) -> list[tuple[int, ...]]:
        """How often each symbol occurs in each block."""
        found = []
        for block in self.blocks:
            levels = LEVELS[level_index(block)]
            counted = np.bincount(block.astype(np.int64) + levels // 2, minlength=levels)
            found.append(tuple(int(c) for c in counted))
        return found

    @property
    def side_bits(self) -> int:
        """Bits of everything but the symbols."""
        numbers = STEP_BITS if self.step is not None else 0
        if self.codebook is not None:
            numbers = LEVEL_BITS + ENTRY_BITS * self.codebook.size
        return KIND_BITS + SPLIT_BITS + numbers + LEVEL_BITS * len(self.blocks)

    def numbers(self) -> NDArray[np.float64]:
        """What the symbols stand for."""
        if self.codebook is not None:
            found: NDArray[np.float64] = self.codebook.astype(np.float64)[self.symbols.astype(np.int64) + self.codebook.size // 2]
            return found
        return self.symbols.astype(np.float64) * (1.0 if self.step is None else STEPS[self.step])


@dataclass(frozen=True, eq=False)
class Message:
    """All that the decoder is told.

    Attributes:
        tensors: In the order of the network's parameters.
        buffers: Values of the buffers that training changed.
        flags: Number of buffers of which the message says whether they were changed.
    """

    tensors: tuple[CodedTensor, ...]
    buffers: Mapping[str, torch.Tensor]
    flags: int = 0

    @property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """How often each symbol occurs in each block."""
        return tuple(counted for tensor in self.tensors for counted in tensor.counts)

    @property
    def side_bits(self) -> int:
        """Bits of everything but the symbols."""
        return sum(tensor.side_bits for tensor in self.tensors) + self.flags + self._buffer_bits

    @property
    def _buffer_bits(self) -> int:
        return sum(8 * b.element_size() * b.numel() for b in self.buffers.values())

    @property
    def detail(self) -> str:
        """What the side bits hold."""
        steps = sum(tensor.step is not None for tensor in self.tensors)
        entries = sum(tensor.codebook.size for tensor in self.tensors if tensor.codebook is not None)
        blocks = len(self.counts)
        parts = [
            f"{KIND_BITS + SPLIT_BITS} bits for each of {len(self.tensors)} tensors",
            f"{LEVEL_BITS} bits for the number of levels of each of {blocks} blocks",
        ]
        parts += [f"{STEP_BITS} bits for each of {steps} step sizes"] if steps else []
        parts += [f"{ENTRY_BITS} bits for each of {entries} entries of codebooks and 4 for their number"] if entries else []
        parts += [f"1 bit for each of {self.flags} buffers that may have changed"] if self.flags else []
        parts += [f"{self._buffer_bits} bits for {', '.join(sorted(self.buffers))}"] if self.buffers else []
        return ", ".join(parts)


def decode(message: Message, architecture: nn.Module, reference: nn.Module | None) -> nn.Module:
    """The network that a message stands for.

    Args:
        message: What the encoder wrote.
        architecture: Any network of the architecture; its parameters are not read.
        reference: The network before training, zero without one.

    Returns:
        A new network in evaluation mode: reference plus what the symbols stand for in float64, rounded to the network's number
        format.

    Raises:
        ValueError: The message is for another architecture.
    """
    network = copy.deepcopy(architecture).eval()
    parameters = dict(network.named_parameters())
    before = dict(reference.named_parameters()) if reference is not None else {}
    sizes, told = [p.numel() for p in parameters.values()], [tensor.symbols.size for tensor in message.tensors]
    if sizes != told:
        raise ValueError(f"expected a message for tensors of {sizes} numbers; got one for {told}")
    with torch.no_grad():
        for tensor, (name, parameter) in zip(message.tensors, parameters.items(), strict=True):
            change = torch.from_numpy(tensor.numbers().reshape(tuple(parameter.shape)))
            parameter.copy_(before[name].double() + change if before else change)
        for name, value in message.buffers.items():
            network.get_buffer(name).copy_(value)
    return network


def columns_of(parameter: torch.Tensor) -> int:
    """Numbers in a row of a tensor whose rows are its first axis."""
    return parameter.numel() // parameter.shape[0] if parameter.dim() and parameter.shape[0] else parameter.numel()
