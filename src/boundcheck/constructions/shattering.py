r"""Both ends of the VC dimension of networks with n hinges on one direction.

From below by deed: every one of the :math:`2^n` labellings of n points is realized by a network of the class, and the signs of
its outputs are checked in rational arithmetic. From above by the count of sign patterns (:mod:`boundcheck.numerics.growth`): the
n hidden units test :math:`\langle a, x\rangle - b_j`, of degree 1 in d + n parameters, and the output tests a polynomial of
degree 2 in all d + 2n. With W = 2n + d weights the first says VC dimension at least (W - d)/2.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from boundcheck.bounds.bartlett2019vcdim import vc_dimension_closed
from boundcheck.constructions.direction import separating_line
from boundcheck.constructions.exact import exact_outputs
from boundcheck.constructions.projection import as_points
from boundcheck.constructions.zhang2017depth2 import network_on_line
from boundcheck.errors import InputError
from boundcheck.networks.memorizer import Memorizer
from boundcheck.numerics.growth import vc_dimension_upper
from boundcheck.progress import Progress, silent

LARGEST = 16
"""Points beyond which there are too many labellings to try them all."""


@dataclass(frozen=True)
class Shattered:
    """What shattering a set of points showed.

    Attributes:
        n: Distinct points, and hinges.
        d: Their dimension.
        weights: Numbers in each of the networks.
        labellings: How many were tried: all of them.
        realized: How many had the right sign at every point, in rational arithmetic on the stored floats.
        upper: No set of more points is shattered, by the count of sign patterns.
        upper_closed: The same by the closed form of Bartlett, Harvey, Liaw and Mehrabian.
    """

    n: int
    d: int
    weights: int
    labellings: int
    realized: int
    upper: int
    upper_closed: int

    @property
    def holds(self) -> bool:
        """Whether the points are shattered, so that the VC dimension is at least n."""
        return self.realized == self.labellings


def shatter(x: Any, *, seed: int = 0, progress: Progress = silent) -> Shattered:
    """Realize every labelling of some points, and bound the VC dimension from both sides.

    Args:
        x: Points, shape (n, d), at most 16 of them.
        seed: Seed of the direction.
        progress: Told how many labellings were realized.

    Raises:
        InputError: There are too many points, or two are equal.
    """
    points = as_points(x)
    n, d = points.shape
    if n > LARGEST:
        raise InputError(f"at most {LARGEST} points to shatter", f"{n}", f"choose --n {LARGEST}: there are 2**n labellings")
    line = separating_line(points, seed=seed)
    if len(line.twins):
        later, earlier = line.twins[0]
        raise InputError("different points to shatter", f"equal ones in rows {earlier} and {later}", "leave one out")
    realized = 0
    network = Memorizer(d, n)
    for number, signs in enumerate(itertools.product((-1.0, 1.0), repeat=n)):
        if number % 64 == 0:
            progress("realizing labellings", number / 2**n)
        labels = np.array(signs)
        network, _ = network_on_line(line, labels[line.rows])
        outputs, _ = exact_outputs(network, points)
        realized += bool((np.sign(outputs) == labels).all())
    layers = network.growth_layers()
    tests, degrees = [layer.tests for layer in layers], [layer.degree for layer in layers]
    parameters = [layer.parameters for layer in layers]
    upper = vc_dimension_upper(tests=tests, degrees=degrees, parameters=parameters)
    closed = vc_dimension_closed(tests=tests, degrees=degrees, parameters=parameters)
    weights = sum(p.numel() for p in network.parameters())
    return Shattered(n, d, weights, 2**n, realized, upper, int(closed))
