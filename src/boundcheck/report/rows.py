"""What every view of a report shows of one certificate, and the sentences around the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boundcheck.report.display import closest, plain, upward, value_text
from boundcheck.theorem import Certificate, State, Status

if TYPE_CHECKING:
    from boundcheck.report.report import Report

VERDICTS = {Status.NON_VACUOUS: "non-vacuous", Status.VACUOUS: "vacuous", Status.NOT_APPLICABLE: "not applicable"}
"""The word for each status; it stands wherever a colour or a symbol does."""

PREDICTORS = {
    "network": "the network as given",
    "gibbs": "a network drawn afresh from the posterior for each input",
    "vote": "the majority vote of all networks of the posterior",
    "prior": "the network that a part of the sample has made the prior's mean",
    "compressed": "the network decoded from its compressed form",
    "sample": "one network drawn from the posterior",
}
"""What a certificate is about, in words."""


@dataclass(frozen=True)
class Row:
    """One certificate as text.

    Attributes:
        certificate: The certificate itself.
        value: The bound, rounded up.
        verdict: A word of :data:`VERDICTS`.
        dominant: The largest term with its value, empty where there is none.
        measured: The measured error of the predictor that the certificate is about, a dash where there is none.
        terms: Name, value rounded up and share of the sum in percent, for each term.
        choices: Name and value of what was chosen.
        shares: Purpose and share of delta.
    """

    certificate: Certificate
    value: str
    verdict: str
    dominant: str
    measured: str
    terms: tuple[tuple[str, str, float], ...]
    choices: tuple[tuple[str, str], ...]
    shares: tuple[tuple[str, str], ...]


def dominant_term(certificate: Certificate) -> str | None:
    """Name of the largest term, the first of them in a tie."""
    terms = certificate.terms
    return max(terms, key=lambda name: terms[name]) if terms else None


def row(certificate: Certificate) -> Row:
    """The text of one certificate."""
    c, largest = certificate, dominant_term(certificate)
    total = sum(c.terms.values())
    infinite = sum(term == float("inf") for term in c.terms.values())

    def percent(term: float) -> float:
        if infinite:
            return 100.0 / infinite if term == float("inf") else 0.0
        return 100.0 * term / total if total > 0.0 else 0.0

    return Row(
        certificate=c,
        value=value_text(c.value, c.log10_value, c.vacuous_at if c.status is Status.NON_VACUOUS else None),
        verdict=VERDICTS[c.status],
        dominant="" if largest is None else f"{largest} {_term(c.terms[largest])}",
        measured="-" if c.test_error is None else closest(c.test_error),
        terms=tuple((name, _term(term), percent(term)) for name, term in c.terms.items()),
        choices=tuple((name, plain(choice)) for name, choice in c.choices.items()),
        shares=tuple((purpose, plain(share)) for purpose, share in c.shares.items()),
    )


def rows(certificates: Sequence[Certificate], *, applicable: bool) -> tuple[Row, ...]:
    """Rows of the certificates that have a value, or of those that have a reason instead."""
    return tuple(row(c) for c in certificates if (c.status is not Status.NOT_APPLICABLE) is applicable)


def _term(term: float) -> str:
    return "> 1e308" if term == float("inf") else upward(term)


def confidence(report: Report) -> str:
    """How the confidence is to be read."""
    level = level_text(report.delta)
    if report.joint:
        return (
            f"All rows hold together with probability {level}: delta = {plain(report.delta)} is divided among them, "
            "so the smallest may be picked."
        )
    return (
        f"Each row holds alone with probability {level} (delta = {plain(report.delta)}); "
        "to pick the smallest after seeing them all, divide delta among them (joint)."
    )


def level_text(delta: float) -> str:
    """The probability 1 - delta, spelled out where a rounded number would claim certainty."""
    return plain(round(1.0 - delta, 12)) if delta >= 1e-4 else f"1 - {plain(delta)}"


def summary(report: Report) -> str:
    """One sentence on how many bounds say something."""
    applicable = [c for c in report.certificates if c.status is not Status.NOT_APPLICABLE]
    useful = sum(c.status is Status.NON_VACUOUS for c in applicable)
    absent = len(report.certificates) - len(applicable)
    says = {0: "none is non-vacuous", 1: "1 is non-vacuous"}.get(useful, f"{useful} are non-vacuous")
    if not report.certificates:
        return "No theorem was evaluated."
    if not applicable:
        return f"None of {len(report.certificates)} theorems is applicable."
    of = "theorem is" if len(applicable) == 1 else "theorems are"
    rest = f"; {absent} {'is' if absent == 1 else 'are'} not applicable" if absent else ""
    return f"{len(applicable)} {of} applicable, of which {says}{rest}."


def assumptions(report: Report) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Hypotheses that no program can check, each once, with the names of the theorems with a value that assume it."""
    found: dict[str, list[str]] = {}
    for certificate in report.certificates:
        if certificate.status is Status.NOT_APPLICABLE:
            continue
        for hypothesis in certificate.hypotheses:
            if hypothesis.state is State.ASSUMED:
                found.setdefault(hypothesis.says, []).append(certificate.name)
    return tuple((says, tuple(dict.fromkeys(names))) for says, names in found.items())


def assumed_by(names: Sequence[str], total: int) -> str:
    """Whose assumption it is, shortly."""
    if len(names) == total and total > 1:
        return "all"
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} bounds"


def remarks(report: Report) -> tuple[str, ...]:
    """What a reader has to know of the sample and the network, from the numbers and from who measured them."""
    errors, problem, provenance = report.errors, report.problem, report.provenance
    found = []
    if errors.invalid:
        found.append(f"{errors.invalid} of {errors.n} training rows give a tie or NaN and count as errors")
    if errors.test_invalid:
        found.append(f"{errors.test_invalid} of {errors.test_n} held-out rows give a tie or NaN and count as errors")
    if errors.overlap:
        found.append(f"{errors.overlap} of {errors.test_n} held-out rows also occur in the training sample")
    if problem.train_duplicates:
        found.append(f"{problem.train_duplicates} of {problem.n} training rows repeat an earlier one")
    if provenance.reference == "zero":
        found.append("distances are measured from zero: no initial weights were given")
    if problem.corruption > 0.0:
        found.append(
            f"labels are uniform with probability {plain(problem.corruption)}; "
            "bounds and test error speak of that law, the clean error of clean labels"
        )
    return (*found, *provenance.notes)


def thresholds(report: Report) -> str:
    """When a bound is called vacuous."""
    k = report.problem.classes
    return f"vacuous: at least {plain(1.0 - 1.0 / k)}, the error of guessing among {k} classes"
