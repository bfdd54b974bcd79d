"""Norms of one affine layer, as the theorems ask for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerNorms:
    """Norms of one affine layer as the linear map that it is on its true input, rounded up where not said otherwise.

    Attributes:
        kind: ``dense``, ``conv``, ``mirrored conv`` (padding copies positions, so that a tap reads some twice) or ``diagonal``.
        in_size: Coordinates of the input.
        out_size: Coordinates of the output.
        parameters: Distinct parameters, biases included.
        entries: Distinct weights, biases excluded.
        taps: Spatial size of the kernel (1 for a dense layer).
        in_channels: Channels that one output sees (the inputs of a dense layer).
        out_channels: Output channels (the outputs of a dense layer).
        positions: Places at which the layer is applied (1 for a dense layer).
        has_bias: Whether it adds a constant.
        spectral: Operator norm of the unrolled map.
        spectral_lower: A number that is surely at most the operator norm.
        frobenius: Frobenius norm of the unrolled map.
        kernel_frobenius: Frobenius norm of the distinct weights.
        row_norm_sum: Sum of the Euclidean norms of the rows of the unrolled map.
        difference_row_norm_sum: The same of [A - M, b - b_M], M the reference; rows of the unrolled map.
        difference_spectral: Operator norm of the difference of the unrolled maps to the reference, biases left out.
        difference_frobenius: Frobenius norm of the difference of the distinct weights to the reference.
        kernel_group_norm: Sum over output channels and taps of the Euclidean norm over input channels, no reference.
        difference_group_norm: The same of the difference to the reference, biases joined to one fixed tap.
        bias_norm: Euclidean norm of the bias vector.
        difference_bias_norm: Euclidean norm of the difference of the bias to the reference.
        augmented_spectral: Operator norm of [[W, b], [0, 1]] for a dense layer; equal to ``spectral`` without bias.
        augmented_frobenius: Frobenius norm of [[W, b], [0, 1]] for a dense layer; equal to ``frobenius`` without bias.
        lipschitz_after: Lipschitz constant of the steps between this layer and the next affine one.
        max_row_l1: Largest l1 norm of a row of the unrolled map, its constant joined.
        entry_l1: Sum of the absolute values of all entries of the unrolled map and of its constants.
        sup_lipschitz_after: Like ``lipschitz_after``, for the largest coordinate in place of the Euclidean norm.
    """

    kind: str
    in_size: int
    out_size: int
    parameters: int
    entries: int
    taps: int
    in_channels: int
    out_channels: int
    positions: int
    has_bias: bool
    spectral: float
    spectral_lower: float
    frobenius: float
    kernel_frobenius: float
    row_norm_sum: float
    difference_row_norm_sum: float
    difference_spectral: float
    difference_frobenius: float
    kernel_group_norm: float
    difference_group_norm: float
    bias_norm: float
    difference_bias_norm: float
    augmented_spectral: float
    augmented_frobenius: float
    lipschitz_after: float
    max_row_l1: float
    entry_l1: float
    sup_lipschitz_after: float
