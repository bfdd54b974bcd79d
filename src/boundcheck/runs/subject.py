"""A trained network with its samples: what every search around a network, and every count of a stored one, is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import nn

from boundcheck.evidence.counted import Errors
from boundcheck.networks.mistakes import HeldOutError, Mask, count_errors, error_of
from boundcheck.progress import Progress, silent

Pair = tuple[torch.Tensor, torch.Tensor]
"""Inputs, shape (n, ...), and labels, shape (n,)."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured, and how much work may go into it.

    Attributes:
        network: The trained network; left as it is.
        reference: The network before training, around which posteriors and codes are centered; zero without one.
        x: Training inputs, shape (n, ...), as the network takes them; array or tensor.
        y: Training labels as trained on, shape (n,), integers.
        x_test: Held-out inputs.
        y_test: Held-out labels, clean.
        classes: Number of classes.
        seed: Seed of every random draw, and of the choice of examples that a search looks at.
        reference_kind: What the reference is, for the record.
        effort: ``quick`` or ``full``.
        delta: Confidence that the certificate will be asked for; it only guides searches.
        held_out_error: From masks of wrong and invalid held-out predictions to the error under the law of the labels.
        overlap: Held-out rows that occur in the training sample.
        fixed: Names of buffers that are older than the data.
        draws: Independent networks for the certificate of a stored posterior; ``None``: as many as the effort has.
        time_budget: Seconds after which a search and its draws end early, about; ``None``: the same work on every machine.
        progress: Told what is being done.
    """

    network: nn.Module
    reference: nn.Module | None
    x: Any
    y: Any
    x_test: Any = None
    y_test: Any = None
    _: KW_ONLY
    classes: int
    seed: int
    reference_kind: str = "initial"
    effort: str = "quick"
    delta: float = 0.05
    held_out_error: HeldOutError | None = None
    overlap: int = 0
    fixed: Collection[str] = ()
    draws: int | None = None
    time_budget: float | None = None
    progress: Progress = silent

    @property
    def train(self) -> Pair:
        """The training sample as tensors."""
        return torch.as_tensor(self.x), torch.as_tensor(self.y)

    @property
    def test(self) -> Pair | None:
        """The held-out sample as tensors; ``None`` without one, or without a row in it."""
        if self.y_test is None or len(self.y_test) == 0:
            return None
        return torch.as_tensor(self.x_test), torch.as_tensor(self.y_test)

    @property
    def guess(self) -> float:
        """Error of guessing a class, which a search compares its certificates with."""
        return 1.0 - 1.0 / self.classes

    @property
    def center(self) -> str:
        """What posteriors and codes are centered on, for the record."""
        return "zero" if self.reference is None else self.reference_kind

    def errors(self, program: nn.Module) -> Errors:
        """Errors of a deterministic program on both samples."""
        return count_errors(program, self.train, self.test, self.held_out_error, self.overlap)

    def error(self, wrong: Mask, invalid: Mask) -> float:
        """Error of held-out predictions under the law of the labels."""
        return error_of(wrong, invalid, self.held_out_error)
