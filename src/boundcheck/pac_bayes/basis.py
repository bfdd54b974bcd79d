r"""Gaussian noise that is independent in another basis than that of the weights: nearly a full covariance, priced as a diagonal.

The rows of a dense layer's weight matrix get the covariance :math:`U \,\mathrm{diag}(\sigma_i^2)\, U^\top`, U an orthogonal
matrix over the layer's inputs that may be chosen on the data. A prior N(w_0, lambda I) looks the same in every orthonormal
basis, so the divergence

.. math:: KL = \tfrac12\Big[\frac{\mathrm{tr}\,\Sigma + |w - w_0|^2}{\lambda} - d + d\ln\lambda - \ln\det\Sigma\Big]

needs the trace and the determinant alone, and those are :math:`\sum\sigma^2` and :math:`\prod\sigma^2`: the basis is free. Where
inputs are correlated, independent noise in the weights must be as small as the most sensitive direction asks; in the eigenbasis
of the inputs' second moments each direction has the noise that it bears.

A stored U is orthogonal up to rounding. With :math:`\epsilon \ge \|U^\top U - I\|`, :math:`\mathrm{tr}(U D U^\top) =
\sum_j D_j (U^\top U)_{jj} \le (1+\epsilon)\,\mathrm{tr} D`, and :math:`\ln\det(U D U^\top) = \ln\det D + \ln\det(U^\top U) \ge
\ln\det D + m \ln(1-\epsilon)` for m inputs; the sums that the theorems read are moved by as much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.evidence.unavailable import Unavailable

if TYPE_CHECKING:
    from boundcheck.pac_bayes.diagonal import Diagonal

_UNIT = 2.0**-53
MOST_INPUTS = 4096
"""A layer with more inputs keeps independent noise: the basis would be larger than anything else of the certificate."""


def eigenbasis(inputs: torch.Tensor) -> torch.Tensor:
    """Eigenvectors of the second moments of a layer's inputs, largest first, as columns.

    Args:
        inputs: Shape (n, m).

    Returns:
        Shape (m, m), in the inputs' number format.
    """
    moments = torch.zeros((inputs.shape[1], inputs.shape[1]), dtype=torch.float64)
    for part in torch.split(inputs, 4096):
        moments += part.T.double() @ part.double()
    vectors = torch.linalg.eigh(moments / len(inputs)).eigenvectors.flip(1)
    # The sign of an eigenvector is nobody's choice: the entry of largest size is made positive.
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    basis: torch.Tensor = (vectors * largest.sign()).to(inputs.dtype).contiguous()
    return basis


def deviation(basis: torch.Tensor) -> float:
    """An upper bound on the spectral norm of U^T U - I, rounding included.

    The product in float64 errs entrywise by at most m 2^-53 / (1 - m 2^-53) times the product of the columns' norms.

    Args:
        basis: Shape (m, m).

    Raises:
        Unavailable: It is no orthogonal matrix, not even nearly.
    """
    u = basis.double()
    m = len(u)
    gram = u.T @ u
    off = gram - torch.eye(m, dtype=torch.float64)
    norm = math.sqrt(float(off.square().sum())) * (1.0 + (m * m + 8) * _UNIT)
    rounding = 2.0 * m * _UNIT * float(torch.diagonal(gram).sum()) * (1.0 + 1e-9)
    found = norm + rounding
    if not found <= 1e-2:
        raise Unavailable("the basis of a posterior's noise is not orthogonal")
    return found


def coordinates(rows: torch.Tensor, basis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Coordinates of some rows in a basis, and how far off they are.

    Args:
        rows: Shape (k, m), float64.
        basis: U, shape (m, m), nearly orthogonal.

    Returns:
        (z, distance): z of shape (k, m), and an upper bound, shape (k,), on each row's distance from the exact :math:`U^{-1} y`:
        with the residual r = y - U z it is at most :math:`|r| / \sqrt{1 - \epsilon}`, and evaluating r in float64 errs by at
        most :math:`2 m\, 2^{-53} (|y| + |U|_F |z|)`.
    """
    u = basis.double()
    z = torch.linalg.solve(u, rows.T).T
    residual = (rows - z @ u.T).square().sum(dim=1).sqrt()
    sizes = rows.square().sum(dim=1).sqrt() + float(u.square().sum()) ** 0.5 * z.square().sum(dim=1).sqrt()
    return z, (residual + 4.0 * len(u) * _UNIT * sizes) / math.sqrt(1.0 - deviation(basis)) * (1.0 + 1e-9)


@dataclass(frozen=True, eq=False)
class Turned:
    """A posterior as training sees it: the first layer's inputs written in the basis, so that its noise is independent.

    Attributes:
        weight: Name of the layer's weight matrix.
        basis: Shape (m, m).
    """

    weight: str
    basis: torch.Tensor

    @classmethod
    def of(cls, network: nn.Module, posterior: Diagonal, inputs: torch.Tensor) -> Turned:
        """The eigenbasis of what the first layer reads.

        Args:
            network: Whose first module is a dense layer with random weights.
            posterior: Names what is random.
            inputs: Of the network, shape (n, m).

        Raises:
            InputError: The first module is none, or it has too many inputs.
        """
        if not cls.fits(network, posterior, inputs):
            raise InputError(
                f"a network whose first trained layer is dense, of at most {MOST_INPUTS:,} inputs, for noise in another basis",
                f"{type(_first(network)[1]).__name__}",
                "leave the basis out, or choose another --model",
            )
        return cls(f"{_first(network)[0]}.weight", eigenbasis(inputs))

    @staticmethod
    def fits(network: nn.Module, posterior: Diagonal, inputs: torch.Tensor) -> bool:
        """Whether the first module is a dense layer with random weights and not too many inputs.

        Args:
            network: As :meth:`of` takes it.
            posterior: Names what is random.
            inputs: Of the network.
        """
        name, layer = _first(network)
        dense = type(layer) is nn.Linear and layer.in_features <= MOST_INPUTS
        return dense and f"{name}.weight" in posterior.mean and inputs.dim() == 2

    def into(self, posterior: Diagonal) -> Diagonal:
        """The posterior in the coordinates of the basis."""
        mean = {**posterior.mean, self.weight: posterior.mean[self.weight] @ self.basis}
        centre = {**posterior.centre, self.weight: posterior.centre[self.weight] @ self.basis}
        return replace(posterior, mean=mean, centre=centre)

    def back(self, posterior: Diagonal) -> Diagonal:
        """The posterior in the coordinates of the weights, with its basis; its centre is left out of what is stored anyway."""
        mean = {**posterior.mean, self.weight: posterior.mean[self.weight] @ self.basis.T}
        centre = {**posterior.centre, self.weight: posterior.centre[self.weight] @ self.basis.T}
        return replace(posterior, mean=mean, centre=centre, bases={self.weight: self.basis})


def _first(network: nn.Module) -> tuple[str, nn.Module]:
    """The first module and its name; the network itself, without a name, where it has no parts."""
    return next(iter(network.named_children()), ("", network))
