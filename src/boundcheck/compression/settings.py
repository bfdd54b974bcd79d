"""Settings of the training for the code length."""

from __future__ import annotations

import math
from dataclasses import dataclass

from boundcheck.errors import InputError, nearest

ALPHABETS = ("uniform", "ternary", "codebook")
SMALL_SAMPLE = 20_000
LEAST_PASSES = 40
LEAST_STEPS = 2400
"""Steps below which the pressure on the code length rises before anything is learned."""


@dataclass(frozen=True)
class CodeTraining:
    """How a network is trained for its code length.

    Attributes:
        epochs: Passes over the sample; ``None``: 40, and more on a small one, until :data:`LEAST_STEPS` steps are made.
        lr: Largest learning rate, in steps of the grid; ``None``: 0.03, and 0.1 on fewer than :data:`SMALL_SAMPLE` examples,
            whose code has to be shorter for the same bound.
        batch_size: Examples a step; ``None``: 1,000, and no more than a twentieth of the sample.
        factor: Weight of the code length, in units of nats over n.
        alphabet: ``uniform`` (whole numbers of steps), ``ternary`` (-1, 0, 1 steps) or ``codebook`` (numbers of their own).
        reference: What is written down: the weights (``zero``) or their difference from the initial ones (``initial``).
        step: Step over the root mean square of a tensor's initial weights; 0: steps of 1, for a layer whose scale does not
            matter. ``None``: 0 for one matrix behind a fixed front, else a half.
        start: Standard deviation of the first differences, in steps; ``None``: 0 for such a layer, else 1.
        split: Whether matrices have a block for each doubling of the column index.
        seed: Of everything random.
        delta: Confidence that the certificate will be asked for; for the progress alone.
    """

    epochs: int | None = None
    lr: float | None = None
    batch_size: int | None = None
    factor: float = 3.0
    alphabet: str = "uniform"
    reference: str = "zero"
    step: float | None = None
    start: float | None = None
    split: bool = True
    seed: int = 0
    delta: float = 0.05

    def __post_init__(self) -> None:
        """Refuse settings that can't train anything.

        Raises:
            InputError: A setting is out of its range.
        """
        if self.alphabet not in ALPHABETS:
            raise InputError("an alphabet", repr(self.alphabet), nearest(self.alphabet, ALPHABETS))
        if self.reference not in ("zero", "initial"):
            raise InputError("reference zero or initial", repr(self.reference), nearest(self.reference, ("zero", "initial")))
        ranges = {
            "epochs": self.epochs is None or self.epochs >= 1,
            "lr": self.lr is None or self.lr > 0.0,
            "batch_size": self.batch_size is None or self.batch_size >= 1,
            "factor": self.factor >= 0.0,
            "step": self.step is None or self.step >= 0.0,
            "start": self.start is None or self.start >= 0.0,
        }
        for name, fits in ranges.items():
            if not fits:
                raise InputError(f"a usable {name}", repr(getattr(self, name)), "see 'boundcheck certify --help'")

    def rate(self, n: int) -> float:
        """Largest learning rate on n examples."""
        return self.lr or (0.1 if n < SMALL_SAMPLE else 0.03)

    def steps(self, n: int) -> int:
        """Steps of one pass over n examples."""
        return max(1, n // (self.batch_size or min(1000, max(1, n // 20))))

    def passes(self, n: int) -> int:
        """Passes over n examples."""
        return self.epochs or max(LEAST_PASSES, math.ceil(LEAST_STEPS / self.steps(n)))
