"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer

from boundcheck.errors import InputError

DataDir = Annotated[
    str | None, typer.Option("--data-dir", help="Folder with mnist/, fashion-mnist/, cifar10/ ($BOUNDCHECK_DATA).")
]
JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write JSON; '-' for standard output, and nothing else there.")
]


def _seed(value: int) -> int:
    """Refuse a seed that a random generator can't take; done here so that the help need not show 2**63."""
    if not 0 <= value < 2**63:
        raise InputError("a --seed from 0 to 2**63 - 1", str(value), "choose another")
    return value


Seed = Annotated[int, typer.Option("--seed", callback=_seed, help="Seed of everything random.")]
Delta = Annotated[float, typer.Option("--delta", help="A bound holds with probability 1 - delta.")]


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Numbers joined by commas.

    Raises:
        InputError: Something between the commas is not a number.
    """
    if text is None:
        return None
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise InputError(
            f"numbers joined by commas in {option}", repr(text), f"write for example {option} 0.5 or {option} 0.4,0.5"
        )
    return values


def whole_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Positive whole numbers joined by commas.

    Raises:
        InputError: Something between the commas is not one.
    """
    if text is None:
        return None
    try:
        values = tuple(int(word) for word in text.split(","))
    except ValueError:
        values = (0,)
    if min(values) < 1:
        raise InputError(
            f"positive whole numbers joined by commas in {option}", repr(text), f"write for example {option} 512,512"
        )
    return values


def json_object(option: str, text: str | None) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: It is not JSON, or not an object.
    """
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"a JSON object in {option}", f"{text!r} ({error})", f"write for example {option} '{{\"width\": 100}}'"
        ) from None
    if not isinstance(value, dict):
        raise InputError(f"a JSON object in {option}", repr(text), f"write for example {option} '{{\"width\": 100}}'")
    return value


def model_settings(
    widths: str | None, channels: str | None, bias: bool, batchnorm: bool, further: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of the model's builder: only what was asked for, so that defaults stay the builder's own.

    Raises:
        InputError: A list that is none of positive whole numbers.
    """
    asked: dict[str, Any] = {}
    if (values := whole_numbers("--widths", widths)) is not None:
        asked["widths"] = values
    if (values := whole_numbers("--channels", channels)) is not None:
        asked["channels"] = values
    if not bias:
        asked["bias"] = False
    if batchnorm:
        asked["batchnorm"] = True
    return asked | further
