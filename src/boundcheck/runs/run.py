"""A run: a network, the weights it started from, the sample it was trained on, and the held-out sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from boundcheck.data import LabelLaw, count_overlap, row_digests
from boundcheck.numerics.data_norms import DataNorms, plain_and_augmented_norms
from boundcheck.numerics.norms import row_norms


@dataclass(frozen=True, eq=False)
class Sample:
    """Inputs and labels, and what depends on them alone: computed once, however many networks are measured on them.

    Attributes:
        x: Shape (n, ...), float32 or float64, as the network takes them.
        y: Shape (n,), int64 in [0, k).
    """

    x: NDArray[Any]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def duplicates(self) -> int:
        """How many rows repeat an earlier row bit for bit."""
        return len(self) - len(set(self._digests))

    @cached_property
    def row_norms(self) -> NDArray[np.float64]:
        """Euclidean norms of the inputs, from above, shape (n,)."""
        return row_norms(self.x.reshape(len(self), -1))

    @cached_property
    def matrix_norms(self) -> tuple[DataNorms, DataNorms]:
        """Norms of the matrix of inputs, and of that with a column of ones, from above."""
        return plain_and_augmented_norms(self.x.reshape(len(self), -1))

    @cached_property
    def _digests(self) -> tuple[bytes, ...]:
        return row_digests(self.x)

    def overlap(self, train: Sample) -> int:
        """How many rows occur bit for bit among those of a training sample.

        Args:
            train: With inputs of the same shape.
        """
        if self.x.dtype != train.x.dtype or self.x.shape[1:] != train.x.shape[1:]:
            return count_overlap(self.x, train.x)
        seen = set(train._digests)
        return sum(digest in seen for digest in self._digests)


@dataclass(frozen=True, eq=False)
class Run:
    """What ``evaluate`` measures.

    Attributes:
        network: In evaluation mode, on the CPU.
        reference: A network of the same architecture with the reference weights, or ``None`` for zero.
        reference_kind: ``initial`` (the weights training started from), ``file`` or ``zero``.
        train: The sample that the network was trained on, labels as trained on.
        test: Held-out sample with clean labels, or ``None``.
        classes: Number of classes k.
        law: The law of the training labels, given the clean ones.
        low: Lower bound on every input coordinate known a priori, or ``None``.
        high: Upper bound on every input coordinate known a priori, or ``None``.
        radius: Upper bound on every input's Euclidean norm known a priori beside what ``low`` and ``high`` imply, or ``None``.
        model: What the network is called.
        data: What the data is called.
        checkpoint: Path of the file that it came from.
        sha256: Hash of that file.
        history: One record an epoch, as training wrote them.
        notes: What a reader of the report has to know.
        certificate: What ``boundcheck certify`` stored beside the weights, ``method`` among it; ``None`` for other networks.
    """

    network: nn.Module
    reference: nn.Module | None
    reference_kind: str
    train: Sample
    test: Sample | None
    classes: int
    law: LabelLaw
    low: float | None = None
    high: float | None = None
    radius: float | None = None
    model: str = "network"
    data: str = "data"
    checkpoint: str | None = None
    sha256: str | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = field(default=())
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def parameters(self) -> int:
        """Number of distinct parameters."""
        return sum(p.numel() for p in self.network.parameters())
