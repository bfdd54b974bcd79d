r"""The message: what a decoder is told, how long it is, and the network that it stands for.

The decoder knows beforehand, from before the data: the architecture with the names and shapes of its parameters, the reference
weights, the list of numbers of levels, the table of step sizes, and which buffers training could change. It is told

* the number of levels K, as an index into a list of 8: 3 bits;
* for each parameter tensor its step size, as an index into a table of 256: 8 bits;
* for each buffer that training could change whether it is as in the reference, 1 bit, and if not its value, bit for bit;
* the symbols of all N parameters, first how often each of the K occurs, then which arrangement it is.

Counts that sum to N number :math:`\binom{N+K-1}{K-1}`, arrangements :math:`N!/\prod_j c_j!`; each is written as its index, and
the number of bits need not be whole: what the theorem needs is the probability P of the message under a law on messages, here
uniform at every step. The length of everything else is constant, so the probabilities of all messages add up to 1.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

LEVELS = (3, 5, 7, 9, 15, 31, 63, 255)
"""Numbers of levels K that a message can name, all odd: symbol s stands for (s - (K - 1)/2) steps."""
LEVEL_BITS = 3

STEPS: NDArray[np.float64] = np.exp2((np.arange(256) - 208) / 8.0)
"""Step sizes that a message can name, from 1.5e-8 to 59, nine percent apart."""
STEPS.flags.writeable = False
STEP_BITS = 8


@dataclass(frozen=True, eq=False)
class Message:
    """All that the decoder is told.

    Attributes:
        levels: K, one of :data:`LEVELS`.
        steps: Index of the step size of each parameter tensor, in the order of the network's parameters.
        symbols: Shape (N,), uint8 in [0, K), the parameters in order, each flattened by rows.
        buffers: Values of the buffers that training changed.
        flags: Number of buffers of which the message says whether they were changed.
    """

    levels: int
    steps: tuple[int, ...]
    symbols: NDArray[np.uint8]
    buffers: Mapping[str, torch.Tensor]
    flags: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """How often each of the K symbols occurs."""
        return tuple(int(c) for c in np.bincount(self.symbols, minlength=self.levels))

    @property
    def side_bits(self) -> int:
        """Bits of everything but the symbols."""
        return LEVEL_BITS + STEP_BITS * len(self.steps) + self.flags + self._buffer_bits

    @property
    def _buffer_bits(self) -> int:
        return sum(8 * b.element_size() * b.numel() for b in self.buffers.values())

    @property
    def detail(self) -> str:
        """What the side bits hold."""
        parts = [f"{LEVEL_BITS} bits for the number of levels", f"{STEP_BITS} bits for each of {len(self.steps)} step sizes"]
        if self.flags:
            parts.append(f"1 bit for each of {self.flags} buffers that may have changed")
        if self.buffers:
            parts.append(f"{self._buffer_bits} bits for {', '.join(sorted(self.buffers))}")
        return ", ".join(parts)


def decode(message: Message, architecture: nn.Module, reference: nn.Module | None) -> nn.Module:
    """The network that a message stands for.

    Args:
        message: What the encoder wrote.
        architecture: Any network of the architecture; its parameters are not read.
        reference: The network before training, zero without one.

    Returns:
        A new network in evaluation mode: reference plus symbol times step in float64, rounded to the network's number format.

    Raises:
        ValueError: The message is for another architecture.
    """
    network = copy.deepcopy(architecture).eval()
    names = [name for name, _ in network.named_parameters()]
    before = dict(reference.named_parameters()) if reference is not None else {}
    if len(names) != len(message.steps) or sum(p.numel() for p in network.parameters()) != message.symbols.size:
        raise ValueError(f"expected a message for {len(names)} tensors; got one for {len(message.steps)}")
    start, middle = 0, (message.levels - 1) // 2
    with torch.no_grad():
        for index, (name, parameter) in zip(message.steps, network.named_parameters(), strict=True):
            symbols = message.symbols[start : start + parameter.numel()].reshape(tuple(parameter.shape))
            change = torch.from_numpy((symbols.astype(np.float64) - middle) * STEPS[index])
            parameter.copy_(before[name].double() + change if before else change)
            start += parameter.numel()
        for name, value in message.buffers.items():
            network.get_buffer(name).copy_(value)
    return network
