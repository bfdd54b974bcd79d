r"""The theorem for a small number of points, proved by computer algebra: the triangular system has one solution.

Points and knots are written by their distances, :math:`h_i = z_i - b_i > 0` and :math:`e_i = b_i - z_{i-1} \ge 0`, about which
alone the theorem assumes anything. The algebra then finds which rectifiers vanish, the determinant, and its sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boundcheck.errors import InputError

LARGEST = 8


@dataclass(frozen=True)
class Proof:
    """A proof for n points.

    Attributes:
        n: Number of points.
        latex: The proof, ready to be typeset.
        holds: Whether the algebra confirmed every step.
    """

    n: int
    latex: str
    holds: bool


def prove(n: int) -> Proof:
    """Prove that any values on n points are taken by exactly one choice of output weights.

    Args:
        n: From 1 to 8; determinants of larger symbolic matrices take long.

    Raises:
        InputError: n is out of range, or sympy is not installed.
    """
    if not 1 <= n <= LARGEST:
        raise InputError(f"--proof with --n from 1 to {LARGEST}", str(n), "the steps are the same for every n")
    try:
        import sympy
    except ImportError as error:
        raise InputError("sympy, which --proof computes with", "none", "install it: pip install sympy") from error
    h = [sympy.Symbol(f"h_{i}", positive=True) for i in range(1, n + 1)]
    e = [sympy.Integer(0), *(sympy.Symbol(f"e_{i}", nonnegative=True) for i in range(2, n + 1))]
    z: list[Any] = []
    b: list[Any] = []
    for step, room in zip(e, h, strict=True):  # the first knot may be put at 0
        b.append((z[-1] if z else sympy.Integer(0)) + step)
        z.append(b[-1] + room)
    matrix = sympy.Matrix(n, n, lambda i, j: sympy.Max(sympy.expand(z[i] - b[j]), 0))
    triangular = all(matrix[i, j] == 0 for i in range(n) for j in range(i + 1, n))
    determinant = sympy.factor(matrix.det(method="berkowitz"))
    product = sympy.prod(h)
    right = sympy.expand(determinant - product) == 0 and product.is_positive is True
    weights, solves = _second_differences(sympy, n)
    return Proof(n, _latex(sympy, n, determinant, weights), bool(triangular and right and solves))


def _second_differences(sympy: Any, n: int) -> tuple[list[Any], bool]:
    """The weights for knots at the points, in closed form, and whether they solve the system."""
    gaps = [sympy.Symbol(f"g_{i}", positive=True) for i in range(1, n + 1)]
    y = [sympy.Symbol(f"y_{i}", real=True) for i in range(1, n + 1)]
    slopes = [(value - before) / gap for value, before, gap in zip(y, [sympy.Integer(0), *y[:-1]], gaps, strict=True)]
    weights = [slope - before for slope, before in zip(slopes, [sympy.Integer(0), *slopes[:-1]], strict=True)]
    for i in range(n):  # z_i - b_j is the sum of the gaps from j to i
        value = sum(weight * sum(gaps[j : i + 1]) for j, weight in enumerate(weights[: i + 1]))
        if sympy.simplify(value - y[i]) != 0:
            return weights, False
    return weights, True


def _latex(sympy: Any, n: int, determinant: Any, weights: list[Any]) -> str:
    rows = [" & ".join(f"z_{{{i}}}-b_{{{j}}}" if j <= i else "0" for j in range(1, n + 1)) for i in range(1, n + 1)]
    factors = "".join(f"(z_{{{i}}}-b_{{{i}}})" for i in range(1, n + 1))
    solution = r" \\ ".join(rf"w_{{{j}}} &= {sympy.latex(weight)}" for j, weight in enumerate(weights, start=1))
    joined = r" \\ ".join(rows)
    return (
        f"% The output weights of a two-layer ReLU network through {n} points, for any values\n"
        rf"Let $b_1 < z_1$ and $z_{{i-1}} \le b_i < z_i$ for $i = 2, \dots, {n}$, and write $h_i = z_i - b_i > 0$." + "\n"
        r"\[ A = \big(\max(z_i - b_j, 0)\big)_{i,j} = \begin{pmatrix} " + joined + r" \end{pmatrix}, \]" + "\n"
        rf"\[ \det A = {factors} = {sympy.latex(determinant)} > 0, \]" + "\n"
        r"so that $A w = y$ has exactly one solution for every $y$. With $b_i = z_{i-1}$ and $g_i = z_i - b_i$ it is" + "\n"
        r"\begin{align*} " + solution + r" \end{align*}" + "\n"
    )
