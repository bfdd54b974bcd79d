"""One battery of laws for every theorem of the catalogue; a new theorem is held to it by its line there."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import boundcheck.bounds
from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.record import SECTIONS, Evidence
from boundcheck.theorem import ABOUT, FAMILIES, Bound, NotApplicable, State, Status, Theorem

NAMES = tuple(CATALOGUE)
EXCESS = 1e-8  # inversions and logarithms are rounded up by at most 1e-9 relatively, so two bounds may cross by that much

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=NAMES)
def theorem(request: pytest.FixtureRequest) -> Theorem:
    return CATALOGUE[request.param]


@pytest.fixture
def block(theorem: Theorem, reviewed: dict[str, Any]) -> dict[str, Any]:
    return reviewed[theorem.name]


def log10_of(bound: Bound) -> float:
    if bound.value == 0.0:
        return -math.inf
    log10 = bound.log10_value
    return math.inf if log10 is None else log10


def never_larger(small: Bound, large: Bound) -> bool:
    if math.isfinite(small.value) and math.isfinite(large.value):
        return small.value <= large.value * (1.0 + EXCESS)
    return log10_of(small) <= log10_of(large) + 1e-9


# The catalogue -----------------------------------------------------------------------------------------------------------------


def test_every_file_of_a_theorem_is_in_the_catalogue() -> None:
    folder = Path(boundcheck.bounds.__file__).parent
    assert sorted(NAMES) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def test_the_reviewers_list_has_exactly_the_theorems(reviewed: dict[str, Any]) -> None:
    assert sorted(reviewed) == sorted(NAMES)


def test_the_entry_says_what_a_reader_needs(theorem: Theorem) -> None:
    kind = type(theorem)
    assert kind.__module__ == f"boundcheck.bounds.{theorem.name}"
    assert theorem.name.isidentifier()
    assert theorem.name == theorem.name.lower()
    assert kind.__name__.lower() == theorem.name
    assert kind.__name__[0].isupper()
    assert "_" not in kind.__name__
    assert theorem.title
    assert theorem.family in FAMILIES
    assert theorem.about in ABOUT
    assert kind.__doc__
    assert "\\" in theorem.statement
    assert theorem.statement.count("{") == theorem.statement.count("}")
    assert theorem.statement.count(r"\left") - theorem.statement.count(r"\leftarrow") == theorem.statement.count(r"\right")


def test_the_module_cites_its_source(theorem: Theorem) -> None:
    doc = inspect.getmodule(type(theorem)).__doc__ or ""
    year = "".join(filter(str.isdigit, theorem.name))[:4]
    assert year in doc
    assert year in theorem.cite
    assert theorem.name[: theorem.name.index(year)] in theorem.cite.lower().replace("-", "").replace("é", "e")
    assert "math::" in doc


def test_the_shares_of_delta_sum_to_one(theorem: Theorem) -> None:
    assert all(share > 0.0 for share in theorem.shares.values())
    assert math.fsum(theorem.shares.values()) == pytest.approx(1.0, abs=1e-15)
    assert math.fsum(theorem.shares.values()) <= 1.0


def test_it_names_sections_of_the_evidence_and_symbols_of_its_formula(theorem: Theorem) -> None:
    assert theorem.reads
    assert set(theorem.reads) <= set(SECTIONS)
    parameters = inspect.signature(theorem.formula).parameters.values()
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is inspect.Parameter.empty for p in parameters)
    assert set(theorem.moves) <= {p.name for p in parameters}
    assert theorem.moves["delta"] == -1
    assert set(theorem.moves.values()) <= {-1, 0, 1}
    text = inspect.getdoc(type(theorem).formula) or ""
    assert all(f"{p.name}:" in text or f"{p.name}," in text for p in parameters)


# The formula -------------------------------------------------------------------------------------------------------------------


def test_the_reference_value(theorem: Theorem, block: dict[str, Any]) -> None:
    reference = block["reference"]
    value = theorem.formula(**reference["symbols"]).value
    digits = len(f"{reference['value']!r}".split("e")[0].replace(".", "").lstrip("0"))
    exact = reference.get("exact", False)  # a short decimal that is the value itself
    assert exact or digits >= 8, "a reference value needs its digits"
    # The reference is rounded to the digits that are written: half a unit of the last of them is its own error.
    assert value >= reference["value"] * (1.0 if exact else 1.0 - 10.0 ** (1 - digits))
    assert value <= reference["value"] * (1.0 + reference["rel"])


def test_terms_are_not_negative_and_sum_to_the_value(theorem: Theorem, block: dict[str, Any]) -> None:
    bound = theorem.formula(**block["reference"]["symbols"])
    assert bound.terms
    assert all(term >= 0.0 for term in bound.terms.values())
    total = math.fsum(bound.terms.values())
    assert total <= bound.value <= total * (1.0 + 2.0**-51)


def test_the_formula_is_deterministic_and_leaves_its_symbols_alone(theorem: Theorem, block: dict[str, Any]) -> None:
    symbols = block["reference"]["symbols"]
    before = json.dumps(symbols)
    assert theorem.formula(**symbols) == theorem.formula(**symbols)
    assert json.dumps(symbols) == before


def test_more_confidence_costs_more(theorem: Theorem, block: dict[str, Any]) -> None:
    symbols = block["reference"]["symbols"]
    bounds = [theorem.formula(**{**symbols, "delta": delta}) for delta in (0.5, 0.1, 0.05, 0.049, 1e-3, 1e-9)]
    assert all(never_larger(easy, hard) for easy, hard in itertools.pairwise(bounds))
    assert bounds[-1].value > bounds[0].value or log10_of(bounds[-1]) > log10_of(bounds[0]) or bounds[0].value >= 1.0


def larger(value: Any) -> Iterator[Any]:
    """A few values above: one step or a factor for a number, one entry or all of them for a list."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield from (value + 1, value + 7, value * 2)
    elif isinstance(value, float):
        yield from (value * (1.0 + 1e-3), value * 1.5, value + 0.01)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from ({**value, key: more} for more in larger(entry))
    elif isinstance(value, list):
        for i, entry in list(enumerate(value))[:6]:
            yield from ([*value[:i], more, *value[i + 1 :]] for more in larger(entry))
        if value and all(isinstance(entry, (int, float)) for entry in value):
            yield [entry + 1 for entry in value]


@pytest.mark.parametrize("name", NAMES)
def test_it_moves_as_it_says(name: str, reviewed: dict[str, Any]) -> None:
    theorem, symbols = CATALOGUE[name], reviewed[name]["reference"]["symbols"]
    base = theorem.formula(**symbols)
    for symbol, direction in theorem.moves.items():
        tried = 0
        for value in larger(symbols[symbol]):
            try:
                moved = theorem.formula(**{**symbols, symbol: value})
            except (ValueError, NotApplicable):
                continue  # outside of the symbol's range; some step has to be inside
            tried += 1
            assert direction <= 0 or never_larger(base, moved), (symbol, value)
            assert direction >= 0 or never_larger(moved, base), (symbol, value)
        assert tried, f"no value above {symbols[symbol]!r} is in the range of {symbol}"


# The answer on evidence --------------------------------------------------------------------------------------------------------


def test_the_sample_evidence_fills_every_section(evidence: Evidence) -> None:
    assert [section for section in SECTIONS if evidence.lacks(section)] == []


def test_hypotheses_are_those_of_the_reviewer(theorem: Theorem, block: dict[str, Any], evidence: Evidence) -> None:
    found = theorem.hypotheses(evidence)
    assert len(block["hypotheses"]) == len(block["states"]) == len(found)
    assert [h.state.value for h in found] == block["states"]
    assert all(h.says for h in found)
    assert State.VIOLATED not in {h.state for h in found}


def test_it_answers_on_the_sample_or_says_why_not(theorem: Theorem, evidence: Evidence) -> None:
    certificate = theorem(evidence, 0.05)
    assert (certificate.name, certificate.family, certificate.about) == (theorem.name, theorem.family, theorem.about)
    assert math.fsum(certificate.shares.values()) == pytest.approx(0.05, rel=1e-12)
    if certificate.status is Status.NOT_APPLICABLE:
        assert certificate.why
        assert certificate.value is None
        return
    assert certificate.why is None
    assert certificate.terms
    assert certificate.value is not None or certificate.log10_value is not None
    if certificate.value is not None:
        assert (certificate.status is Status.VACUOUS) == (certificate.value >= certificate.vacuous_at)


def test_every_section_that_it_reads_is_needed(theorem: Theorem, evidence: Evidence) -> None:
    for section in theorem.reads:
        without = dataclasses.replace(evidence, **{section: None}, absent={section: f"{section} was left out"})
        if section in ("problem", "errors"):
            continue  # always there
        certificate = theorem(without, 0.05)
        assert certificate.status is Status.NOT_APPLICABLE
        assert certificate.value is None
        assert certificate.why == f"{section} was left out"


def test_a_reason_that_another_repeats_is_said_once(theorem: Theorem, evidence: Evidence) -> None:
    needed = [section for section in theorem.reads if section not in ("problem", "errors")]
    reasons = {section: "it is a tree" if i else "no margins: it is a tree" for i, section in enumerate(needed)}
    bare = dataclasses.replace(evidence, **dict.fromkeys(needed), absent=reasons)
    assert theorem(bare, 0.05).why == (reasons[needed[0]] if needed else None)


def test_it_reads_no_section_that_it_does_not_name(theorem: Theorem, evidence: Evidence) -> None:
    others = [s for s in SECTIONS if s not in theorem.reads and s not in ("problem", "errors")]
    bare = dataclasses.replace(evidence, **dict.fromkeys(others))
    assert without_time(theorem(bare, 0.05)) == without_time(theorem(evidence, 0.05))


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_delta_outside_of_its_range_is_refused(theorem: Theorem, evidence: Evidence, delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        theorem(evidence, delta)


def test_the_same_evidence_gives_the_same_certificate(theorem: Theorem, evidence: Evidence) -> None:
    assert without_time(theorem(evidence, 0.05)) == without_time(theorem(evidence, 0.05))


def test_less_delta_never_gives_a_smaller_certificate(theorem: Theorem, evidence: Evidence) -> None:
    usual, strict = theorem(evidence, 0.05), theorem(evidence, 1e-6)
    assert usual.status is Status.NON_VACUOUS or strict.status is not Status.NON_VACUOUS
    if usual.value is not None and strict.value is not None:
        assert usual.value <= strict.value * (1.0 + EXCESS)


def test_the_certificate_goes_through_json(theorem: Theorem, evidence: Evidence) -> None:
    fields = dataclasses.asdict(theorem(evidence, 0.05))
    assert json.loads(json.dumps(fields, allow_nan=False)) == {**fields, "hypotheses": list(fields["hypotheses"])}


def without_time(certificate: Any) -> Any:
    return dataclasses.replace(certificate, seconds=0.0)
