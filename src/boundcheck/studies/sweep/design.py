"""The plan of a sweep as a user writes it in TOML: what varies, what is fixed, and when training ends."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from boundcheck.errors import InputError, nearest

HYPERPARAMETERS: Mapping[str, str] = {
    "data": "name or path of the data",
    "n": "training examples",
    "labels": "true, random or corrupt:P",
    "model": "a built-in architecture, or package.module:factory",
    "width": "units of each hidden layer of the mlp; channels of the first block of conv and residual, doubled in each next one",
    "depth": "hidden layers of the mlp; blocks of conv and residual",
    "bias": "whether layers have constant parts",
    "batchnorm": "whether batch normalization follows each hidden layer",
    "dropout": "probability with which a hidden unit is left out while training",
    "optimizer": "sgd or adam",
    "lr": "learning rate",
    "lr_decay": "factor of the learning rate per epoch",
    "momentum": "momentum of sgd",
    "weight_decay": "coefficient of the squared norm",
    "batch_size": "examples a step",
    "augment": "pixels by which images move while training",
}
"""What ``[fixed]`` and ``[vary]`` may name; arguments of a factory of one's own are named ``kwargs.NAME``."""
DESIGNS = ("grid", "random")
_TOP: Mapping[str, Any] = {
    "design": "grid", "networks": None, "seeds": 1, "seed": 0, "stop": "errors", "epochs": 200, "measures": "cheap",
    "bounds": "cheap", "delta": 0.05, "fixed": {}, "vary": {},
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """A sweep.

    Attributes:
        design: ``grid``: every combination; ``random``: some combinations, drawn without repetition.
        networks: Combinations of a random design.
        seeds: Networks of each combination: repeats with other weights, order and choice of examples.
        seed: The first of these seeds, and that of a random design.
        stop: The rule that ends every training.
        epochs: At most this many; networks that have not met the rule by then are marked.
        measures: ``cheap``: measures that draw no networks; ``all``.
        bounds: ``cheap``, ``all``, ``none``, or names of theorems.
        delta: Confidence parameter of each bound.
        fixed: Hyper-parameters that are the same for all.
        vary: Hyper-parameters and their values.
    """

    design: str
    networks: int | None
    seeds: int
    seed: int
    stop: str
    epochs: int
    measures: str
    bounds: str | tuple[str, ...]
    delta: float
    fixed: Mapping[str, Any]
    vary: Mapping[str, tuple[Any, ...]]

    @property
    def combinations(self) -> int:
        """How many combinations of the varied values there are."""
        return prod(len(values) for values in self.vary.values())

    @property
    def total(self) -> int:
        """Networks in all."""
        return self.seeds * (self.combinations if self.networks is None else self.networks)

    def points(self) -> Iterator[dict[str, Any]]:
        """The combinations to be trained, as values of the varied hyper-parameters."""
        if self.networks is None:
            chosen: Sequence[int] = range(self.combinations)
        else:
            rng = np.random.default_rng(self.seed)
            chosen = sorted(int(i) for i in rng.choice(self.combinations, self.networks, replace=False))
        sizes = tuple(len(values) for values in self.vary.values())
        for number in chosen:
            index = np.unravel_index(number, sizes)
            yield {name: values[int(i)] for (name, values), i in zip(self.vary.items(), index, strict=True)}

    def first_points(self, count: int) -> list[dict[str, Any]]:
        """Some of them, for a look."""
        return list(islice(self.points(), count))


def read_design(path: str | Path) -> Design:
    """The design in a TOML file.

    Raises:
        InputError: It can't be read, names something unknown, varies nothing, or a number is out of its range.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("a plan in TOML", f"{path} ({error})", "name the file") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError("a plan in TOML", f"{path}: {error}", "mend that line") from None
    return design_of(content, str(path))


def design_of(content: Mapping[str, Any], source: str) -> Design:
    """The design that a TOML file's content stands for; see :func:`read_design`."""
    for name in content:
        if name not in _TOP:
            raise InputError(f"a key of a plan in {source}", repr(name), nearest(name, tuple(_TOP)))
    found = {**_TOP, **content}
    fixed, vary = _flat(found["fixed"], "fixed", source), _flat(found["vary"], "vary", source)
    both = next((name for name in vary if name in fixed), None)
    if both is not None:
        raise InputError(f"{both} in [fixed] or in [vary] of {source}", "in both", "take one of them out")
    for name, values in vary.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"a list of values of {name} in [vary] of {source}", repr(values), f"write {name} = [first, second]")
        if len({repr(value) for value in values}) < len(values):
            raise InputError(f"different values of {name} in {source}", repr(values), "write each once")
    if not any(len(values) > 1 for values in vary.values()):
        raise InputError(
            f"a hyper-parameter with two values in [vary] of {source}", "none", f"vary one of {', '.join(HYPERPARAMETERS)}"
        )
    design = Design(
        **{name: found[name] for name in _TOP if name not in ("fixed", "vary", "bounds")},
        bounds=tuple(found["bounds"]) if isinstance(found["bounds"], list) else found["bounds"],
        fixed=fixed,
        vary={name: tuple(values) for name, values in vary.items()},
    )
    _check(design, source)
    return design


def _flat(table: Any, name: str, source: str) -> dict[str, Any]:
    """A table with ``kwargs`` flattened into names with a dot."""
    if not isinstance(table, Mapping):
        raise InputError(f"a table [{name}] in {source}", repr(table), f"write [{name}] and a line for each hyper-parameter")
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if key == "kwargs" and isinstance(value, Mapping):
            flat |= {f"kwargs.{inner}": item for inner, item in value.items()}
        elif key in HYPERPARAMETERS:
            flat[key] = value
        else:
            raise InputError(f"a hyper-parameter in [{name}] of {source}", repr(key), nearest(key, tuple(HYPERPARAMETERS)))
    return flat


def _check(design: Design, source: str) -> None:
    if design.design not in DESIGNS:
        raise InputError(f"a design in {source}", repr(design.design), nearest(str(design.design), DESIGNS))
    if (design.design == "random") != (design.networks is not None):
        raise InputError(
            "networks = N with design = 'random', and only there", f"design = {design.design!r}, networks = {design.networks}",
            "say how many combinations to draw, or leave networks out of a grid",
        )  # fmt: skip
    ranges = {
        "seeds": _whole(design.seeds, 1),
        "seed": _whole(design.seed, 0),
        "epochs": _whole(design.epochs, 1),
        "networks": design.networks is None or _whole(design.networks, 1),
        "measures": design.measures in ("cheap", "all"),
        "bounds": isinstance(design.bounds, tuple) or design.bounds in ("cheap", "all", "none"),
        "delta": isinstance(design.delta, (int, float)) and 0.0 < design.delta < 1.0,
        "stop": isinstance(design.stop, str),
    }
    for name, fits in ranges.items():
        if not fits:
            raise InputError(f"a usable {name} in {source}", repr(getattr(design, name)), "see 'boundcheck sweep --help'")
    if design.networks is not None and design.networks > design.combinations:
        got = f"networks = {design.networks} of {design.combinations} combinations"
        raise InputError(f"no more networks than combinations in {source}", got, "vary more, or draw fewer")


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
