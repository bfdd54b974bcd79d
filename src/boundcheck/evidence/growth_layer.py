"""What the growth function of a piecewise linear network asks of one level."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GrowthLayer:
    """One level of sign tests in a piecewise linear network.

    On a cell where all earlier signs are fixed, the tests of this level are polynomials in the parameters.

    Attributes:
        name: The affine layer whose outputs are tested.
        tests: Number q of sign tests per input (units, comparisons of a max-pool, k - 1 at the output).
        degree: Degree D of the tested polynomials: weight layers on the longest path.
        parameters: Distinct parameters w in this level and all earlier ones.
        blocks: For a level of degree one whose units have parameters of their own: ``(units, tests per unit, parameters
            per unit)``; empty where the refinement does not apply.
    """

    name: str
    tests: int
    degree: int
    parameters: int
    blocks: tuple[tuple[int, int, int], ...] = ()
