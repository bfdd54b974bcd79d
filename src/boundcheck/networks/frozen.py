"""What of a network can't be trained and comes first: computed once for a whole sample."""

from __future__ import annotations

import torch
from torch import nn

from boundcheck.networks.mistakes import dtype_of

_ROWS = 500


def frozen_split(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The modules of a chain before the first that has parameters, and the rest.

    Args:
        network: In evaluation mode. One that is no ``nn.Sequential`` has nothing in front.

    Returns:
        Two modules whose composition is the network; they share its tensors.
    """
    if not isinstance(network, nn.Sequential):
        return nn.Identity(), network
    parts = list(network)
    first = next((i for i, part in enumerate(parts) if any(True for _ in part.parameters())), len(parts))
    return nn.Sequential(*parts[:first]).eval(), nn.Sequential(*parts[first:]).eval()


def frozen_features(front: nn.Module, x: torch.Tensor, like: nn.Module) -> torch.Tensor:
    """What the front makes of a sample.

    Args:
        front: In evaluation mode.
        x: Shape (n, ...).
        like: The whole network, whose number format inputs are brought into.
    """
    with torch.no_grad():
        return torch.cat([front(part.to(dtype_of(like))) for part in torch.split(x, _ROWS)])
