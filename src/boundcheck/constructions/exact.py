"""What the stored floats of a network say in rational arithmetic: every float is an integer times a power of two.

Nothing is rounded anywhere: projections, knots and weights become Python integers in common units, the active hinges of each
point are found by comparing integers, and prefix sums give the network's value there. No number passes through the network's own
forward pass.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from boundcheck.constructions.projection import as_points, exact_projection
from boundcheck.networks.memorizer import Memorizer

Integers = NDArray[Any]
"""Python integers in an object array."""


@dataclass(frozen=True)
class ExactCheck:
    """What was found in rational arithmetic at every point.

    Attributes:
        n: Points that were checked.
        largest_error: The largest ``|f(x_i) - y_i|`` of the sum of hinges f, exactly.
        row: Where it is.
        equal: Points with ``f(x_i) = y_i``, without any error.
        wrong: With classes, points whose label's logit is not above all others; else points that are not equal.
        smallest_margin: With classes, the smallest of logit of the label minus largest other logit, exactly.
    """

    n: int
    largest_error: Fraction
    row: int
    equal: int
    wrong: int
    smallest_margin: Fraction | None

    @property
    def holds(self) -> bool:
        """Whether every label is the network's answer, or every value is taken where there are no classes."""
        return self.wrong == 0


def check_exactly(network: Memorizer, x: Any, y: Any) -> ExactCheck:
    """Hold a network to its values in rational arithmetic.

    Args:
        network: As stored.
        x: Points, shape (n, d) or (n, ...).
        y: Values, shape (n,); labels in [0, k) where the network has a read-out.
    """
    values = np.asarray(y)
    outputs, unit = exact_outputs(network, x)
    wanted, unit_y = to_integers(values.astype(np.float64))
    outputs, wanted, unit = common_unit(outputs, unit, wanted, unit_y)
    errors = np.abs(outputs - wanted)
    row = max(range(len(errors)), key=errors.__getitem__)
    equal = int((errors == 0).sum())
    margins, margin_unit = _margins(network, outputs, unit, values)
    return ExactCheck(
        n=len(values),
        largest_error=rational(errors[row], unit),
        row=row,
        equal=equal,
        wrong=len(values) - equal if margins is None else int((margins <= 0).sum()),
        smallest_margin=None if margins is None else rational(min(margins), margin_unit),
    )


def exact_outputs(network: Memorizer, x: Any) -> tuple[Integers, int]:
    """The sum of hinges at every point: integers, shape (n,), and the exponent of their unit."""
    direction, biases, weights = (p.detach().double().numpy() for p in (network.direction, network.biases, network.weights))
    projected, unit = exact_projection(as_points(x), direction).integers()
    order = np.argsort(biases, kind="stable")
    knots, unit_b = to_integers(biases[order])
    slopes, unit_w = to_integers(weights[order])
    projected, knots, unit = common_unit(projected, unit, knots, unit_b)
    slope = np.array([0, *itertools.accumulate(slopes)], dtype=object)
    offset = np.array([0, *itertools.accumulate(slopes * knots)], dtype=object)
    active = np.searchsorted(knots, projected, side="left")  # hinges with b_j < z
    return slope[active] * projected - offset[active], unit + unit_w


def exact_layers(network: nn.Sequential, x: Any) -> tuple[Integers, int]:
    """The outputs of linear layers and ReLUs at every point.

    Args:
        network: From (n, d) to (n, 1).
        x: Points, shape (n, d).

    Returns:
        Integers, shape (n,), and the exponent of their unit.

    Raises:
        TypeError: A layer is of another kind.
    """
    first, *further = network
    columns, unit = _first_layer(first, x)
    for layer in further:
        if isinstance(layer, nn.ReLU):
            columns = [np.maximum(column, 0) for column in columns]
        elif isinstance(layer, nn.Linear):
            columns, unit = _linear_layer(layer, columns, unit)
        else:
            raise TypeError(f"expected linear layers and ReLUs; got {type(layer).__name__}")
    return columns[0], unit


def _first_layer(layer: nn.Module, x: Any) -> tuple[list[Integers], int]:
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"expected a linear layer first; got {type(layer).__name__}")
    points = as_points(x)
    found = [exact_projection(points, row).integers() for row in layer.weight.detach().double().numpy()]
    unit = min(unit for _, unit in found)
    return _add_bias(layer, [column * (1 << (own - unit)) for column, own in found], unit)


def _linear_layer(layer: nn.Linear, columns: list[Integers], unit: int) -> tuple[list[Integers], int]:
    weight = layer.weight.detach().double().numpy()
    flat, unit_w = to_integers(weight.reshape(-1))
    rows = flat.reshape(weight.shape)
    zero = np.zeros(len(columns[0]), dtype=object)
    found = [sum((columns[j] * row[j] for j in np.flatnonzero(row)), zero) for row in rows]
    return _add_bias(layer, found, unit + unit_w)


def _add_bias(layer: nn.Linear, columns: list[Integers], unit: int) -> tuple[list[Integers], int]:
    if layer.bias is None:
        return columns, unit
    biases, unit_b = to_integers(layer.bias.detach().double().numpy())
    lowest = min(unit, unit_b)
    shifted = [column * (1 << (unit - lowest)) for column in columns]
    return [column + bias * (1 << (unit_b - lowest)) for column, bias in zip(shifted, biases, strict=True)], lowest


def to_integers(values: NDArray[np.float64]) -> tuple[Integers, int]:
    """Floats as integers times a common power of two, whose exponent comes second."""
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, 53).astype(np.int64).astype(object)
    used = exponents[values != 0.0]
    lowest = int(used.min()) if len(used) else 0
    shifts = np.where(values != 0.0, exponents - lowest, 0).tolist()
    found = np.array([m << s for m, s in zip(whole.tolist(), shifts, strict=True)], dtype=object)
    return found, lowest - 53


def common_unit(a: Integers, unit_a: int, b: Integers, unit_b: int) -> tuple[Integers, Integers, int]:
    """Two lists of integers in the smaller of their units."""
    unit = min(unit_a, unit_b)
    return a * (1 << (unit_a - unit)), b * (1 << (unit_b - unit)), unit


def rational(whole: int, exponent: int) -> Fraction:
    """``whole * 2**exponent``."""
    return Fraction(whole << exponent) if exponent >= 0 else Fraction(whole, 1 << -exponent)


def margins_below(network: Memorizer, x: Any, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Margins of the stored network in rational arithmetic, rounded down, shape (n,).

    Args:
        network: With a read-out.
        x: Points, shape (n, d) or (n, ...).
        labels: Shape (n,), in [0, k).

    Raises:
        ValueError: The network has no read-out.
    """
    margins, unit = _margins(network, *exact_outputs(network, x), labels)
    if margins is None:
        raise ValueError("expected a network with a read-out; got one without classes")
    return np.array([_below(rational(margin, unit)) for margin in margins])


def _below(value: Fraction) -> float:
    """The largest float not above a rational number of moderate size."""
    nearest = float(value)
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)


def _margins(network: Memorizer, outputs: Integers, unit: int, labels: NDArray[Any]) -> tuple[Integers | None, int]:
    """Logit of the label minus the largest other one, by the stored read-out; None where there is none."""
    if network.gains is None or network.offsets is None:
        return None, 0
    labels = labels.astype(np.int64)
    gains, unit_g = to_integers(network.gains.detach().double().numpy())
    offsets, unit_o = to_integers(network.offsets.detach().double().numpy())
    scaled, offsets, unit = common_unit(outputs, unit + unit_g, offsets, unit_o)
    own = scaled * gains[labels] + offsets[labels]
    margins: Integers | None = None
    for shift in range(1, len(gains)):
        other = (labels + shift) % len(gains)
        lead = own - (scaled * gains[other] + offsets[other])
        margins = lead if margins is None else np.minimum(margins, lead)
    return margins, unit
