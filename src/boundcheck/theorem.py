"""Theorem, hypothesis, certificate, verdict: the core. Standard library only.

A theorem reads numbers off an evidence record, checks its hypotheses and computes the number that it promises.
Its one final ``__call__`` runs the check, so that no hypothesis can be passed by, and returns a certificate whose
verdict follows from what was found.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, Protocol, final

__all__ = [
    "ABOUT",
    "FAMILIES",
    "Bound",
    "Certificate",
    "Hypothesis",
    "NotApplicable",
    "Reading",
    "State",
    "Status",
    "Theorem",
]

FAMILIES = ("test-set", "vc", "counting", "rademacher", "norm", "pac-bayes", "compression", "stability", "kernel")
"""The families of theorems, in the order in which a report lists them."""

ABOUT = ("network", "gibbs", "vote", "compressed", "sample", "prior")
"""What a certificate can speak of: the network as given, a stochastic predictor, its vote, a decoded network, one draw,
the network at the centre of a learned prior."""


class State(StrEnum):
    """What is known of a hypothesis."""

    HOLDS = "holds"
    VIOLATED = "violated"
    ASSUMED = "assumed"


class Status(StrEnum):
    """The verdict on a certificate."""

    NON_VACUOUS = "non-vacuous"
    VACUOUS = "vacuous"
    NOT_APPLICABLE = "not-applicable"


class NotApplicable(Exception):  # noqa: N818 (a reason, not an error)
    """Raised inside ``measure`` or ``formula`` when a theorem has nothing to say of this evidence; carries the reason."""


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of a theorem, as the program checks it.

    Attributes:
        says: The hypothesis in words.
        state: ``holds`` when it was checked, ``violated`` when it was found false, ``assumed`` when no program can check it.
        because: What was seen, e.g. ``"layer conv2 has a bias"``.
    """

    says: str
    state: State
    because: str = ""

    @classmethod
    def check(cls, says: str, holds: bool, because: str = "") -> Hypothesis:
        """A hypothesis that the program has decided; ``because`` is kept only where it is violated."""
        return cls(says, State.HOLDS) if holds else cls(says, State.VIOLATED, because)

    @classmethod
    def assume(cls, says: str, because: str = "") -> Hypothesis:
        """A hypothesis that no program can decide from the evidence."""
        return cls(says, State.ASSUMED, because)


@dataclass(frozen=True)
class Bound:
    """What a formula returns: additive terms, and what was chosen among the alternatives that were paid for.

    Attributes:
        terms: Name to non-negative number; their sum is the bound. ``inf`` when a float can't hold a term.
        choices: Name to the value chosen, e.g. ``{"margin": 3.2}``.
        log_value: Natural logarithm of the sum, needed only where a term is ``inf``.
    """

    terms: Mapping[str, float]
    choices: Mapping[str, float | int | str] = field(default_factory=dict)
    log_value: float | None = None

    @property
    def value(self) -> float:
        """The sum of the terms, rounded up: one step above where ``math.fsum``, which rounds once, fell below it."""
        total = math.fsum(self.terms.values())
        if not math.isfinite(total) or Fraction(total) >= sum(map(Fraction, self.terms.values())):
            return total
        return math.nextafter(total, math.inf)

    @property
    def log10_value(self) -> float | None:
        """Decimal logarithm of the value; ``None`` for a value of zero, whose logarithm no JSON number holds."""
        if self.value == 0.0:
            return None
        if math.isfinite(self.value):
            return math.log10(self.value)
        if self.log_value is None or not math.isfinite(self.log_value):
            return None
        return self.log_value / math.log(10.0)


@dataclass(frozen=True)
class Certificate:
    """A number with its reasons: what a theorem says of one piece of evidence.

    Attributes:
        name: The theorem's name in the catalogue.
        family: One of :data:`FAMILIES`.
        cite: Citation with theorem number.
        about: What the value bounds the population 0-1 error of, one of :data:`ABOUT`.
        status: The verdict.
        value: The bound; it may exceed 1; ``None`` where there is none or no float holds it.
        log10_value: Decimal logarithm of the bound, where there is one.
        delta: The probability with which this certificate may be wrong.
        terms: The additive terms of ``value``.
        choices: What was chosen after seeing the data, each paid for.
        shares: How ``delta`` was spent, by purpose; the parts sum to ``delta``.
        hypotheses: Every hypothesis with its state.
        why: Why the theorem is not applicable, else ``None``.
        vacuous_at: The error of guessing, at which a bound says nothing.
        seconds: Time the theorem took.
        test_error: The measured error of what ``about`` names, where there is held-out data.
    """

    name: str
    family: str
    cite: str
    about: str
    status: Status
    value: float | None
    log10_value: float | None
    delta: float
    terms: Mapping[str, float]
    choices: Mapping[str, float | int | str]
    shares: Mapping[str, float]
    hypotheses: tuple[Hypothesis, ...]
    why: str | None
    vacuous_at: float
    seconds: float
    test_error: float | None = None


class Reading(Protocol):
    """What a theorem asks of an evidence record."""

    @property
    def vacuous_at(self) -> float:
        """The error of guessing."""

    def lacks(self, section: str) -> str | None:
        """Why a section is not there, or ``None`` when it is."""

    def test_error_of(self, about: str) -> float | None:
        """The measured error of a predictor on held-out data, where there is one."""


class Theorem(ABC):
    """One theorem. Subclasses fill in the questions; ``__call__`` is the only way to an answer.

    Class attributes:
        name: ``authorYYYYword``, the file's name.
        title: A short name as people say it.
        family: One of :data:`FAMILIES`.
        cite: Full citation with theorem number.
        about: One of :data:`ABOUT`.
        measured_as: Whose held-out error stands beside the bound, where ``about`` does not say it.
        statement: The inequality in LaTeX, natural logarithms, constants explicit.
        reads: The sections of the evidence that it needs.
        shares: Fractions of delta by purpose; they sum to 1.
        moves: For symbols of ``formula``, +1 where the bound may only grow with the symbol, -1 where it may only fall.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[str]
    cite: ClassVar[str]
    about: ClassVar[str] = "network"
    measured_as: ClassVar[str | None] = None
    statement: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    shares: ClassVar[Mapping[str, float]] = {"sample": 1.0}
    moves: ClassVar[Mapping[str, int]]

    @abstractmethod
    def hypotheses(self, evidence: Any) -> Sequence[Hypothesis]:
        """Every hypothesis of the theorem with what is known of it."""

    @abstractmethod
    def measure(self, evidence: Any) -> dict[str, Any]:
        """Read the symbols of :meth:`formula` (all but ``delta``) off the evidence."""

    @staticmethod
    @abstractmethod
    def formula(*args: Any, **symbols: Any) -> Bound:
        """The theorem's number from its symbols: pure mathematics, keyword-only."""

    @final
    def __call__(self, evidence: Reading, delta: float) -> Certificate:
        """Check the hypotheses and compute the number.

        Args:
            evidence: The record that was measured.
            delta: Confidence parameter of this certificate, in (0, 1).

        Raises:
            ValueError: ``delta`` is not in (0, 1).
        """
        if not 0.0 < delta < 1.0:
            raise ValueError(f"expected delta in (0, 1); got {delta!r}; 0.05 is usual")
        start = time.perf_counter()
        absent = [reason for section in self.reads if (reason := evidence.lacks(section)) is not None]
        if absent:
            # A section that is missing because of another one repeats its reason.
            said = [reason for reason in dict.fromkeys(absent) if not any(reason != a and reason in a for a in absent)]
            return self._certificate(evidence, delta, start, why="; ".join(said))
        hypotheses = tuple(self.hypotheses(evidence))
        violated = [h for h in hypotheses if h.state is State.VIOLATED]
        if violated:
            why = "; ".join(f"violated: {h.says}" + (f" ({h.because})" if h.because else "") for h in violated)
            return self._certificate(evidence, delta, start, hypotheses, why=why)
        try:
            bound = self.formula(delta=delta, **self.measure(evidence))
        except NotApplicable as reason:
            return self._certificate(evidence, delta, start, hypotheses, why=str(reason))
        return self._certificate(evidence, delta, start, hypotheses, bound=bound)

    def _certificate(
        self,
        evidence: Reading,
        delta: float,
        start: float,
        hypotheses: tuple[Hypothesis, ...] = (),
        *,
        bound: Bound | None = None,
        why: str | None = None,
    ) -> Certificate:
        status, value = Status.NOT_APPLICABLE, None
        if bound is not None:
            value = bound.value
            if math.isnan(value) or any(term < 0.0 for term in bound.terms.values()):
                raise ArithmeticError(f"{self.name} computed {dict(bound.terms)}; a term is negative or not a number")
            status = Status.VACUOUS if value >= evidence.vacuous_at else Status.NON_VACUOUS
        return Certificate(
            name=self.name,
            family=self.family,
            cite=self.cite,
            about=self.about,
            status=status,
            value=value if value is not None and math.isfinite(value) else None,
            log10_value=None if bound is None else bound.log10_value,
            delta=delta,
            terms={} if bound is None else dict(bound.terms),
            choices={} if bound is None else dict(bound.choices),
            shares={purpose: share * delta for purpose, share in self.shares.items()},
            hypotheses=hypotheses,
            why=why,
            vacuous_at=evidence.vacuous_at,
            seconds=time.perf_counter() - start,
            test_error=evidence.test_error_of(self.measured_as or self.about),
        )
