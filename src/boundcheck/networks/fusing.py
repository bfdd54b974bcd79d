"""A module whose batch normalizations are part of the layers before them, and what of it training could change."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.modules import Normalize

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def fused(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode, each batch normalization put into the linear layer that it directly follows.

    Args:
        module: Any network; one that can't be traced is copied as it is.

    Returns:
        The copy; it computes the same function up to rounding.
    """
    network = copy.deepcopy(module).eval()
    if not any(isinstance(part, _BatchNorm) for part in network.modules()):
        return network
    try:
        traced = fx.symbolic_trace(network)
    except Exception:  # control flow that depends on data: any error type can come out of foreign code
        return network
    parts = dict(traced.named_modules())
    calls = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        if node.op == "call_module" and _follows_a_layer(node, parts, calls):
            _fuse(traced, node, parts)
    traced.graph.lint()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.eval()


def _follows_a_layer(node: fx.Node, parts: dict[str, nn.Module], calls: Counter[object]) -> bool:
    norm, before = parts[str(node.target)], node.args[0] if node.args else None
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or calls[node.target] != 1:
        return False
    if not isinstance(before, fx.Node) or before.op != "call_module" or calls[before.target] != 1 or len(before.users) != 1:
        return False
    layer = parts[str(before.target)]
    # A linear layer on sequences has its features last, a batch normalization in the middle: only (n, features) agrees.
    return type(layer) in _CONVOLUTIONS or (type(layer) is nn.Linear and isinstance(norm, nn.BatchNorm1d))


def _fuse(traced: fx.GraphModule, node: fx.Node, parts: dict[str, nn.Module]) -> None:
    before = node.args[0]
    if not isinstance(before, fx.Node):
        raise TypeError(f"expected a layer before {node.target}; got {before}")
    name, norm = str(before.target), parts[str(node.target)]
    layer = parts[name]
    if not isinstance(norm, _BatchNorm):
        raise TypeError(f"expected a batch normalization at {node.target}; got {type(norm).__name__}")
    linear = isinstance(layer, nn.Linear)
    joined: nn.Module = fuse_linear_bn_eval(layer, norm) if linear else fuse_conv_bn_eval(layer, norm)  # type: ignore[type-var]
    owner, _, leaf = name.rpartition(".")
    setattr(traced.get_submodule(owner), leaf, joined)
    parts[name] = joined
    node.replace_all_uses_with(before)
    traced.graph.erase_node(node)


def learned_buffers(module: nn.Module, reference: nn.Module | None, fixed: Collection[str] = ()) -> dict[str, torch.Tensor]:
    """Buffers that training could have changed: they are numbers that the data chose, like parameters.

    Args:
        module: In evaluation mode.
        reference: The same network before training; a buffer that is equal in it was not changed.
        fixed: Names of buffers that the caller knows to be older than the data.

    Returns:
        Name to value. Counters that no evaluation reads, and constants of a fixed normalization of the inputs, are left out.
    """
    before = dict(reference.named_buffers()) if reference is not None else {}
    changeable = _changeable(module, fixed)
    return {name: value for name, value in changeable.items() if name not in before or not torch.equal(before[name], value)}


def compared_buffers(module: nn.Module, reference: nn.Module | None, fixed: Collection[str] = ()) -> int:
    """How many buffers were held against the reference: whether each was changed is something that the data chose, one bit.

    Args:
        module: In evaluation mode.
        reference: The same network before training.
        fixed: Names of buffers that the caller knows to be older than the data.
    """
    before = dict(reference.named_buffers()) if reference is not None else {}
    return sum(name in before for name in _changeable(module, fixed))


def _changeable(module: nn.Module, fixed: Collection[str]) -> dict[str, torch.Tensor]:
    """All buffers but counters that no evaluation reads, constants of a fixed normalization, and those in ``fixed``."""
    found = {}
    for name, value in module.named_buffers():
        owner = module.get_submodule(name.rpartition(".")[0])
        unread = isinstance(owner, _BatchNorm) and name.endswith("num_batches_tracked")
        constant = isinstance(owner, Normalize) and owner.fixed
        if not (unread or constant or name in fixed):
            found[name] = value
    return found


def refuse_batch_statistics(network: nn.Module, what: str) -> None:
    """Refuse a network whose predictions depend on each other.

    Args:
        network: In evaluation mode.
        what: What it can't have, for the message.

    Raises:
        Unavailable: A batch normalization keeps no statistics of its own.
    """
    for name, part in network.named_modules():
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            raise Unavailable(
                f"no {what}: {name} normalizes with the statistics of the batch, so predictions depend on each other"
            )
