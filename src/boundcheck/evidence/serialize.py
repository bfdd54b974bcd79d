"""Evidence to JSON and back; no torch.

Minus infinity (a row that counts as an error whatever the margin) is written as ``"-Infinity"``, so that the file is strict JSON.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import boundcheck
from boundcheck.errors import InputError
from boundcheck.evidence.record import Evidence
from boundcheck.evidence.sanity import contradiction

FORMAT = "boundcheck-evidence/1"


@cache
def _adapter() -> TypeAdapter[Evidence]:
    return TypeAdapter(Evidence)


def to_json(evidence: Evidence) -> str:
    """The record as strict JSON, with a format and the version that wrote it."""
    body: dict[str, Any] = json.loads(_adapter().dump_json(evidence))
    return json.dumps({"format": FORMAT, "boundcheck": boundcheck.__version__, "evidence": body}, allow_nan=False)


def from_json(text: str | bytes, source: str | Path) -> Evidence:
    """The record in a JSON text.

    Args:
        text: What :func:`to_json` wrote.
        source: Where it came from, for the message.

    Raises:
        InputError: It is not JSON, of another format, or lacks or misnames something.
    """
    advice = "write it with 'boundcheck evaluate --evidence FILE'"
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("a JSON file of evidence", f"{source}, which is not JSON ({error})", advice) from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise InputError(f"evidence of format {FORMAT}", f"{source} of format {found}", advice)
    try:
        evidence = _adapter().validate_python(content.get("evidence"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "evidence"
        raise InputError(f"whole evidence in {source}", f"at {place}: {first['msg']}", advice) from None
    stranger = _unknown(content["evidence"], json.loads(_adapter().dump_json(evidence)), "evidence")
    amiss = contradiction(evidence) if stranger is None else f"an unknown field, {stranger}"
    if amiss is not None:
        raise InputError(f"whole evidence in {source}", amiss, advice)
    return evidence


def _unknown(given: Any, kept: Any, path: str) -> str | None:
    """The first field of a document that reading dropped: pydantic does so inside nested dataclasses without a word."""
    if isinstance(given, dict) and isinstance(kept, dict):
        pairs = [(f"{path}.{key}", value, kept.get(key)) for key, value in given.items()]
        dropped = next((f"{path}.{key}" for key in given if key not in kept), None)
    elif isinstance(given, list) and isinstance(kept, list):
        pairs, dropped = [(f"{path}.{i}", *both) for i, both in enumerate(zip(given, kept, strict=True))], None
    else:
        return None
    return dropped or next((found for name, a, b in pairs if (found := _unknown(a, b, name)) is not None), None)


def read_evidence(path: str | Path) -> Evidence:
    """Read evidence from a file.

    Raises:
        InputError: The file can't be read or is not evidence.
    """
    advice = "write one with 'boundcheck evaluate --evidence FILE'"
    try:
        text = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError("a JSON file of evidence", f"nothing at {path}", advice) from None
    except IsADirectoryError:
        raise InputError("a JSON file of evidence", f"a directory, {path}", advice) from None
    except (OSError, ValueError) as error:  # behind a closed door, or no name that a file can have
        raise InputError("a readable file of evidence", f"{str(path)!r} ({error})", advice) from None
    return from_json(text, path)
