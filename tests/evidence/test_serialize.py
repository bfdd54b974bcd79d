"""Evidence written and read back; what no measurement can have found is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import SECTIONS, Evidence
from boundcheck.evidence.sanity import contradiction
from boundcheck.evidence.serialize import from_json, read_evidence, to_json


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return example_evidence()


def test_what_is_read_back_is_what_was_written(evidence: Evidence, tmp_path: Path) -> None:
    text = to_json(evidence)
    assert from_json(text, "here") == evidence
    (tmp_path / "e.json").write_text(text)
    assert read_evidence(tmp_path / "e.json") == evidence
    json.loads(text, parse_constant=pytest.fail)  # strict JSON: no NaN, no Infinity


def test_extremes_survive(evidence: Evidence) -> None:
    extremes = (-math.inf, math.inf, 5e-324, -0.0, 1.7976931348623157e308, 0.1)
    changed = dataclasses.replace(evidence, margins=extremes + (evidence.margins or ())[len(extremes) :])
    back = from_json(to_json(changed), "here")
    assert back.margins is not None
    assert [m.hex() for m in back.margins[: len(extremes)]] == [m.hex() for m in extremes]


def test_theorems_say_the_same_of_what_was_read_back(evidence: Evidence) -> None:
    back = from_json(to_json(evidence), "here")
    for name in CATALOGUE:
        theorem = CATALOGUE[name]
        assert dataclasses.replace(theorem(back, 0.05), seconds=0.0) == dataclasses.replace(theorem(evidence, 0.05), seconds=0.0)


@pytest.mark.parametrize("section", [s for s in SECTIONS if s not in ("problem", "errors")])
def test_every_section_may_be_absent(section: str, evidence: Evidence) -> None:
    without = dataclasses.replace(evidence, absent={section: "it was too dark"}, **{section: None})
    back = from_json(to_json(without), "here")
    assert back == without
    assert back.lacks(section) == "it was too dark"


def test_unknown_fields_are_refused_at_every_depth(evidence: Evidence) -> None:
    def records(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Where records lie in records; a mapping may hold any name."""
        if dataclasses.is_dataclass(value):
            yield path
            items = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        else:
            items = list(value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple) else ())
        for key, item in items:
            yield from records(item, (*path, key))

    places = list(records(evidence))
    assert len(places) > 10
    for path in places:
        content = json.loads(to_json(evidence))
        here = content["evidence"]
        for key in path:
            here = here[key]
        here["unheard_of"] = 1.0
        with pytest.raises(InputError, match="unheard_of"):
            from_json(json.dumps(content), "here")


FLAWS: dict[str, Callable[[Evidence], Evidence]] = {
    "NaN margin": lambda e: dataclasses.replace(e, margins=(math.nan, *(e.margins or ())[1:])),
    "a margin too few": lambda e: dataclasses.replace(e, margins=(e.margins or ())[1:]),
    "a relative margin too many": lambda e: dataclasses.replace(e, relative_margins=(*(e.relative_margins or ()), 0.0)),
    "errors beyond n": lambda e: dataclasses.replace(e, errors=dataclasses.replace(e.errors, errors=e.errors.n + 1)),
    "more ties than errors": lambda e: dataclasses.replace(e, errors=dataclasses.replace(e.errors, invalid=e.errors.errors + 1)),
    "overlap beyond the sample": lambda e: dataclasses.replace(
        e, errors=dataclasses.replace(e.errors, overlap=e.errors.test_n + 1)
    ),
    "an error above one": lambda e: dataclasses.replace(e, errors=dataclasses.replace(e.errors, test_error=1.5)),
    "no inputs": lambda e: dataclasses.replace(e, problem=dataclasses.replace(e.problem, d=0)),
    "one class": lambda e: dataclasses.replace(e, problem=dataclasses.replace(e.problem, classes=1)),
    "another n": lambda e: dataclasses.replace(e, problem=dataclasses.replace(e.problem, n=e.problem.n + 1)),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_contradictions(flaw: str, evidence: Evidence) -> None:
    assert contradiction(evidence) is None
    changed = FLAWS[flaw](evidence)
    assert contradiction(changed) is not None
    with pytest.raises(InputError, match="whole evidence"):
        from_json(to_json(changed), "here")
