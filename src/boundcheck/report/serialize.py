"""A report as strict JSON, and back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from boundcheck.errors import InputError
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Problem, Provenance
from boundcheck.report.ledger import grids_of
from boundcheck.report.report import Report
from boundcheck.theorem import Certificate, Hypothesis, State, Status

FORMAT = "boundcheck-report/1"


def to_json(report: Report) -> str:
    """The report as strict JSON: no NaN, no infinity."""
    return json.dumps(as_dict(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """The report as plain values, the fields of the format in their order."""
    run = asdict(report.provenance)
    order = ("checkpoint", "sha256", "model", "parameters", "data", "labels")
    return {
        "format": FORMAT,
        "boundcheck": report.version,
        "delta": report.delta,
        "joint": report.joint,
        "run": {name: run.pop(name) for name in order} | run,
        "problem": asdict(report.problem),
        "train": {
            "n": report.errors.n,
            "errors": report.errors.errors,
            "error": report.errors.train_error,
            "invalid": report.errors.invalid,
        },
        "test": _test(report),
        "certificates": [_certificate(c) for c in report],
        "measures": [
            *({"name": name, "value": value} for name, value in report.measures),
            *({"name": name, "value": None, "why": why} for name, why in report.unmeasured),
        ],
        "layers": [_layer(name, norms) for name, norms in report.layers.items()],
        "ledger": [_spent(c) for c in report] if report.joint else [],
    }


def _spent(c: Certificate) -> dict[str, Any]:
    """What a certificate spends of the budget, on what, and what it chose on grids that it paid for inside."""
    return {"name": c.name, "delta": c.delta, "shares": dict(c.shares), "grids": list(grids_of(c))}


def _test(report: Report) -> dict[str, Any] | None:
    held, errors = report.held_out, report.errors
    if held is None:
        return None
    return {
        "n": held.n,
        "errors": held.errors,
        "error": held.error,
        "interval": list(held.interval),
        "clean_error": held.clean_error,
        "clean_errors": errors.test_errors,
        "invalid": errors.test_invalid,
        "overlap": errors.overlap,
    }


def _certificate(c: Certificate) -> dict[str, Any]:
    return {
        "name": c.name,
        "family": c.family,
        "cite": c.cite,
        "about": c.about,
        "status": str(c.status),
        "value": c.value,
        "log10_value": c.log10_value,
        "delta": c.delta,
        "vacuous_at": c.vacuous_at,
        "test_error": c.test_error,
        "terms": {name: _number(term) for name, term in c.terms.items()},
        "choices": {name: _choice(choice) for name, choice in c.choices.items()},
        "shares": dict(c.shares),
        "hypotheses": [{"says": h.says, "state": str(h.state), "because": h.because} for h in c.hypotheses],
        "why": c.why,
        "seconds": c.seconds,
    }


def _layer(name: str, norms: LayerNorms) -> dict[str, Any]:
    """The norms of a layer; one that no float holds is ``null``."""
    return {"name": name} | {key: _number(v) if isinstance(v, float) else v for key, v in asdict(norms).items()}


def _number(value: float) -> float | None:
    """A number that JSON has; a term too large for a float is ``null``."""
    return float(value) if math.isfinite(value) else None


def _choice(choice: Any) -> Any:
    """A choice as JSON has it; numpy scalars are numbers, infinity is a word."""
    if isinstance(choice, bool | str):
        return choice
    if isinstance(choice, int) or hasattr(choice, "__index__"):
        return int(choice)
    number = float(choice)
    return number if math.isfinite(number) else str(number)


def from_json(source: str | os.PathLike[str]) -> Report:
    """Read a report from its text or from a file.

    Args:
        source: The text, which starts with a brace, or a path.

    Raises:
        InputError: It is no report in this format.
    """
    is_text = isinstance(source, str) and source.lstrip().startswith("{")
    name = "the text" if is_text else f"'{os.fspath(source)}'"
    try:
        text = os.fspath(source) if is_text else Path(source).read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=_refuse_constant)
    except OSError as problem:
        raise InputError("a report", f"{name} ({problem.strerror})", "name a file that evaluate --json wrote") from problem
    except ValueError as problem:
        raise InputError("a report as strict JSON", f"{name}: {problem}", "name a file that evaluate --json wrote") from problem
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise InputError(f"a report in format {FORMAT}", f"format {found!r} in {name}", "write it again with this version")
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        got = f"{name} with something amiss: {type(problem).__name__} {problem}"
        raise InputError(f"the fields of {FORMAT}", got, "write it again with this version") from problem


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _read(document: Mapping[str, Any]) -> Report:
    run, train, test = document["run"], document["train"], document["test"] or {}
    pairs = {
        "modules": tuple((str(a), str(b), str(c)) for a, b, c in run["modules"]),
        "notes": tuple(map(str, run["notes"])),
    }
    errors = Errors(
        n=train["n"],
        errors=train["errors"],
        invalid=train["invalid"],
        test_n=test.get("n", 0),
        test_errors=test.get("clean_errors", 0),
        test_invalid=test.get("invalid", 0),
        test_error=test.get("error"),
        overlap=test.get("overlap", 0),
    )
    return Report(
        provenance=Provenance(**{**run, **pairs}),
        problem=Problem(**document["problem"]),
        errors=errors,
        certificates=tuple(_read_certificate(c) for c in document["certificates"]),
        delta=document["delta"],
        joint=document["joint"],
        measures=tuple((m["name"], float(m["value"])) for m in document["measures"] if m["value"] is not None),
        unmeasured=tuple((m["name"], str(m["why"])) for m in document["measures"] if m["value"] is None),
        layers={layer["name"]: _read_layer(layer) for layer in document.get("layers", [])},
        version=document["boundcheck"],
    )


def _read_certificate(fields: Mapping[str, Any]) -> Certificate:
    return Certificate(
        **{
            **fields,
            "status": Status(fields["status"]),
            "terms": {name: _read_number(term) for name, term in fields["terms"].items()},
            "hypotheses": tuple(Hypothesis(h["says"], State(h["state"]), h.get("because", "")) for h in fields["hypotheses"]),
        }
    )


def _read_layer(record: Mapping[str, Any]) -> LayerNorms:
    norms: dict[str, Any] = {key: math.inf if value is None else value for key, value in record.items() if key != "name"}
    return LayerNorms(**norms)


def _read_number(value: float | None) -> float:
    return math.inf if value is None else float(value)
