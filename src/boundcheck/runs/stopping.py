"""When training ends: no training error left, a margin reached by most examples, or a small loss.

Norms of trained networks can be compared only where training ended by one rule that all of them met: a network that is trained on
grows, so the same number of epochs is no common ground (V. Nagarajan and J. Z. Kolter, Uniform convergence may be unable to
explain generalization in deep learning, NeurIPS 2019, stop when 99 % of the examples have a margin of 10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from boundcheck.errors import InputError

STOPS = ("errors", "margin:GAMMA:SHARE", "loss:NATS")
"""Forms of a rule, as a user writes them."""


@dataclass(frozen=True)
class Stop:
    """A rule that ends training.

    Attributes:
        kind: ``errors`` (no training error is left), ``margin`` (enough examples have the margin) or ``loss`` (it is small).
        value: The margin gamma, or the cross-entropy in nats; 0 for ``errors``.
        share: Share of the examples that have to reach the margin; 1 otherwise.
    """

    kind: str = "errors"
    value: float = 0.0
    share: float = 1.0

    def level(self, *, errors: int, reached: int, loss: float, n: int) -> float:
        """What the rule looks at: the share of examples that are right, the share that reached the margin, or the loss.

        Args:
            errors: Training errors.
            reached: Examples with the margin.
            loss: Mean cross-entropy in nats.
            n: Examples.
        """
        return {"errors": (n - errors) / n, "margin": reached / n, "loss": loss}[self.kind]

    def met(self, *, errors: int, reached: int, loss: float, n: int) -> bool:
        """Whether training ends; NaN meets no rule."""
        if self.kind == "errors":
            return errors == 0
        if self.kind == "margin":
            return reached >= self.share * n
        return loss <= self.value


def parse_stop(text: str) -> Stop:
    """A rule as a user writes it: ``errors``, ``margin:10:0.99`` or ``loss:0.01``.

    Raises:
        InputError: It is none of these.
    """
    kind, *numbers = text.split(":")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = [math.nan]
    if text == "errors":
        return Stop()
    if kind == "margin" and len(values) == 2 and 0.0 < values[0] < math.inf and 0.0 < values[1] <= 1.0:
        return Stop("margin", values[0], values[1])
    if kind == "loss" and len(values) == 1 and 0.0 < values[0] < math.inf:
        return Stop("loss", values[0])
    raise InputError(
        "a rule that ends training: errors, margin:GAMMA:SHARE or loss:NATS", repr(text), "write for example margin:10:0.99"
    )
