"""What theorems ask of a predictor from a reproducing kernel Hilbert space."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KernelPredictor:
    r"""Functions f_1, ..., f_q of the Hilbert space of a kernel k, with the sample x_1, ..., x_n that they were found from.

    One function means two classes told apart by its sign; otherwise there is one function for each class.

    Attributes:
        kernel: The kernel with its parameters, for the reader.
        outputs: Number of functions q, 1 or the number of classes.
        norm: Root of the sum of their squared norms in the Hilbert space, rounded up.
        trace: Sum of k(x_i, x_i) over the sample, rounded up.
        diagonal: A number that k(x, x) can not exceed, known beforehand; ``None`` when unknown.
        lowered: Whether the margins of the record are surely not too large.
        ridge: :math:`\lambda` where f minimizes the average over the sample of a convex loss plus :math:`\lambda \|f\|^2`;
            ``None`` for the interpolant of smallest norm and for predictors found otherwise.
        loss: ``squared`` for :math:`|f(x) - y|^2` with target vectors y, ``lipschitz`` for a convex Lipschitz loss; ``None``
            without ridge.
        loss_scale: A bound on the Euclidean norm of target vectors, known beforehand, for the squared loss; the Lipschitz
            constant with respect to the Euclidean norm of outputs for the other; ``None`` without ridge.
        gap: How far the objective may lie above its minimum, rounded up; ``None`` without ridge.
        left_out: Margin at each example of the exact minimizer without it, the weight 1/n of the others kept, rounded down;
            ``None`` where these were not measured.
    """

    kernel: str
    outputs: int
    norm: float
    trace: float
    diagonal: float | None
    lowered: bool
    ridge: float | None = None
    loss: str | None = None
    loss_scale: float | None = None
    gap: float | None = None
    left_out: tuple[float, ...] | None = None
