"""Networks of several shapes through the same points: what each costs and how well floats carry it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.constructions.exact import Integers, common_unit, exact_layers, exact_outputs, rational, to_integers
from boundcheck.constructions.memorized import Memorized
from boundcheck.constructions.projection import Floats
from boundcheck.constructions.yun2019sqrt import sqrt_network
from boundcheck.constructions.zhang2017deep import deep_network
from boundcheck.constructions.zhang2017depth2 import between_is_exact, network_on_line
from boundcheck.errors import InputError
from boundcheck.networks.memorizer import Memorizer
from boundcheck.progress import Progress, silent

LARGEST = 4096
"""Points beyond which rational arithmetic through every layer takes minutes."""
_DEPTHS = (4, 16, 64)


@dataclass(frozen=True)
class Shape:
    """One network through the points.

    Attributes:
        name: Depth 2 with either rule for its knots (zhang2017depth2), another depth (zhang2017deep), or few units (yun2019sqrt).
        hidden_layers: Hidden layers; one more layer of weights follows.
        width: Units of the widest of them.
        units: Hidden units altogether.
        weights: Numbers that are not zero, biases among them.
        bits: Bits of these numbers in float64.
        mantissa: Bits of the longest of them, from its first to its last one.
        exact_error: Largest deviation of the stored network in rational arithmetic.
        float64_error: Largest deviation as the layers compute in float64.
        float32_wrong: Points that are off by half or more when the layers are stored and computed in float32.
    """

    name: str
    hidden_layers: int
    width: int
    units: int
    weights: int
    bits: int
    mantissa: int
    exact_error: float
    float64_error: float
    float32_wrong: int


def compare(found: Memorized, *, progress: Progress = silent) -> tuple[Shape, ...]:
    """The depth-2 network with either rule for its knots, deeper and narrower ones, and the one with few units.

    Args:
        found: A network through the points; the others use its direction.
        progress: Told which network is looked at.

    Raises:
        InputError: There are too many points, or rows that no function can satisfy.
    """
    if found.distinct > LARGEST:
        raise InputError(f"at most {LARGEST} points to compare networks on", f"{found.distinct}", "choose --n")
    if len(found.conflicts):
        raise InputError("one label for each point", "equal points with different labels", "leave --compare or these rows out")
    line, y = found.line, found.values[found.line.rows].astype(np.float64)
    points = found.points[line.rows]

    def shallow(knots: str) -> Callable[[], nn.Module]:
        return lambda: network_on_line(line, y, knots=knots)[0]

    makers: list[tuple[str, Callable[[], nn.Module]]] = [("depth 2, data", shallow("data"))]
    if between_is_exact(line, y):
        makers.append(("depth 2, between", shallow("between")))
    makers += [(f"depth {k + 1}", _deep(found, y, k)) for k in _DEPTHS if k <= len(y) + 1]
    makers.append(("4 sqrt(n) units", lambda: sqrt_network(line, y)))
    shapes = []
    for i, (name, make) in enumerate(makers):
        progress(f"comparing: {name}", i / len(makers))
        shapes.append(_shape(name, make(), points, y))
    return tuple(shapes)


def _deep(found: Memorized, y: Floats, hidden: int) -> Callable[[], nn.Module]:
    return lambda: deep_network(found.line, y, hidden)


def _shape(name: str, network: nn.Module, points: Any, y: Floats) -> Shape:
    numbers = np.concatenate([p.detach().numpy().reshape(-1) for p in network.parameters()])
    used = numbers[numbers != 0.0]
    widths = _widths(network)
    x = torch.from_numpy(points.astype(np.float64))
    with torch.no_grad():
        double = _dense(network, x, torch.float64)
        single = _dense(network, x, torch.float32)
    outputs, unit = exact_outputs(network, points) if isinstance(network, Memorizer) else exact_layers(_layers(network), points)
    return Shape(
        name=name,
        hidden_layers=len(widths),
        width=max(widths),
        units=sum(widths),
        weights=len(used),
        bits=64 * len(used),
        mantissa=_longest_mantissa(used),
        exact_error=_exact_error(outputs, unit, y),
        float64_error=float(np.abs(double - y).max()),
        float32_wrong=int((~(np.abs(single - y) < 0.5)).sum()),
    )


def _layers(network: nn.Module) -> nn.Sequential:
    if not isinstance(network, nn.Sequential):
        raise TypeError(f"expected a sequence of layers; got {type(network).__name__}")
    return network


def _widths(network: nn.Module) -> list[int]:
    """Units of each hidden layer: what the linear map before a ReLU puts out."""
    if isinstance(network, Memorizer):
        return [len(network.biases)]
    pairs = itertools.pairwise(_layers(network))
    return [a.out_features for a, b in pairs if isinstance(a, nn.Linear) and isinstance(b, nn.ReLU)]


def _dense(network: nn.Module, x: torch.Tensor, dtype: torch.dtype) -> Floats:
    """The network as dense layers compute it, shape (n,)."""
    if isinstance(network, Memorizer):
        a, b, w = (p.detach().to(dtype) for p in (network.direction, network.biases, network.weights))
        found: Floats = (torch.relu((x.to(dtype) @ a)[:, None] - b) @ w).double().numpy()
        return found
    layers = copy.deepcopy(_layers(network)).to(dtype)
    outputs: Floats = layers(x.to(dtype))[:, 0].double().numpy()
    return outputs


def _longest_mantissa(numbers: Floats) -> int:
    """Bits from the first to the last one of any number."""
    whole = np.abs(np.ldexp(np.frexp(numbers)[0], 53)).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int((53 - zeros).max()) if len(numbers) else 0


def _exact_error(outputs: Integers, unit: int, y: Floats) -> float:
    wanted, unit_y = to_integers(y)
    outputs, wanted, unit = common_unit(outputs, unit, wanted, unit_y)
    return float(rational(max(np.abs(outputs - wanted)), unit))
