"""The part of a network that comes before anything random or trained: it is evaluated once for a whole sample."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import nn

from boundcheck.networks.mistakes import CHUNK, dtype_of


@dataclass(frozen=True, eq=False)
class Parts:
    """A network in two parts: one that neither draws nor training change, and the rest.

    Attributes:
        before: What comes before the first module with such weights; ``None`` where that can't be told.
        rest: The rest, its parameters under the names that they have in the whole network.
    """

    before: nn.Module | None
    rest: nn.Module

    @classmethod
    def of(cls, network: nn.Module, drawn: Collection[str] | None = None) -> Parts:
        """Cut a chain of modules before the first that has random weights.

        Args:
            network: In evaluation mode; anything but an ``nn.Sequential`` stays whole.
            drawn: Names of the random parameters, or of those that are trained; ``None`` for all.
        """
        drawn = [name for name, _ in network.named_parameters()] if drawn is None else drawn
        if type(network) is not nn.Sequential:
            return cls(None, network)
        modules = list(network.named_children())
        first = next((i for i, (name, _) in enumerate(modules) if any(d.startswith(f"{name}.") for d in drawn)), 0)
        if first == 0 or len(modules) < len(network):  # a module that is used twice is named once
            return cls(None, network)
        return cls(nn.Sequential(OrderedDict(modules[:first])), nn.Sequential(OrderedDict(modules[first:])))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What the rest reads.

        Args:
            x: Inputs of the whole network, shape (n, ...).
        """
        if self.before is None:
            return x
        kind = dtype_of(self.rest)
        with torch.no_grad():
            return torch.cat([self.before(part.to(kind)) for part in torch.split(x, CHUNK // 4)])
