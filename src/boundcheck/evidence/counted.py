"""Errors that were counted on a sample, and held out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Errors:
    """Errors of one deterministic predictor on the training and held-out samples; ties and NaN count as errors.

    Attributes:
        n: Training examples.
        errors: Errors among them, on the labels that were trained on.
        invalid: Rows among them with a tie or NaN.
        test_n: Held-out examples, 0 when there are none.
        test_errors: Errors among them on clean labels, invalid rows included.
        test_invalid: Held-out rows with a tie or NaN.
        test_error: Error on held-out data under the law of the training labels: an exact expectation over the corruption.
        overlap: Held-out rows that also occur in the training sample.
    """

    n: int
    errors: int
    invalid: int
    test_n: int = 0
    test_errors: int = 0
    test_invalid: int = 0
    test_error: float | None = None
    overlap: int = 0

    @property
    def train_error(self) -> float:
        """Share of the training sample that is misclassified."""
        return self.errors / self.n

    @property
    def clean_test_error(self) -> float | None:
        """Share of the held-out sample that is misclassified on clean labels."""
        return self.test_errors / self.test_n if self.test_n else None
