"""Arrows point one way: the imports of the source, at the top of a file or inside a function, are read and held to the design."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import boundcheck

SOURCE = Path(boundcheck.__file__).parent
_PARTS = "record flatness geometry growth_layer hidden_units kernel_predictor layer_norms patches magnitude path_norm step vote"
_CERTIFIED = "counted posterior code prior_network recursive picked"
RECORDS = tuple(f"evidence.{name}" for name in (*_PARTS.split(), *_CERTIFIED.split()))
CORE = {f"boundcheck.{name}" for name in ("theorem", "errors")}
PURE = {f"boundcheck.{name}" for name in RECORDS}
HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "typer", "rich", "jinja2", "sklearn", "pooch", "safetensors"}
TORCH_FREE = ("theorem", "errors", "numerics", "bounds", "measures", *RECORDS, "report", "data")
ROOMS_WITH_TORCH = {
    f"boundcheck.{room}"
    for room in (
        *("networks", "runs", "pac_bayes", "compression", "constructions", "studies"),
        *("cli", "evaluation", "evidence.collect"),
    )
}

ALLOWED_INSIDE = {
    "theorem": set(),
    "errors": set(),
    "numerics": {"boundcheck.numerics", *CORE},
    "bounds": {"boundcheck.bounds", "boundcheck.numerics", *CORE, *PURE},
    "measures": {"boundcheck.measures", *CORE, *PURE},
    **{record: {*CORE, *PURE} for record in RECORDS},
}
"""For a room, the parts of boundcheck that it may import."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), ast.parse(path.read_text(encoding="utf-8"))


MODULES = dict(modules())


def imports(tree: ast.Module, package: str) -> set[str]:
    """Full names that a file imports; ``from a import b`` gives ``a`` and ``a.b``; constant ``import_module`` calls too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def imports_of(module: str) -> set[str]:
    full = f"boundcheck.{module}" if module else "boundcheck"
    is_package = (SOURCE / Path(*module.split("."))).is_dir() if module else True
    return imports(MODULES[module], full if is_package else full.rpartition(".")[0])


def in_room(room: str) -> list[str]:
    return [module for module in MODULES if within(module, room)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import torch.nn as nn", "torch.nn"),
        ("def f():\n    from torch import nn", "torch"),
        ("from boundcheck import cli", "boundcheck.cli"),
        ("from ..cli import main", "boundcheck.cli.main"),
        ("from importlib import import_module\nimport_module('torch')", "torch"),
    ],
)
def test_the_reader_of_imports_sees_them(text: str, name: str) -> None:
    assert name in imports(ast.parse(text), "boundcheck.bounds")


def test_the_rooms_are_there() -> None:
    for room in ("theorem", "numerics", "bounds", "evidence.record"):
        assert in_room(room), room


@pytest.mark.parametrize("room", TORCH_FREE)
def test_no_torch_where_mathematics_and_reports_live(room: str) -> None:
    for module in in_room(room):
        assert {name for name in imports_of(module) if within(name, "torch")} == set(), module


@pytest.mark.parametrize("room", sorted(ALLOWED_INSIDE))
def test_mathematics_knows_no_files_and_no_screens(room: str) -> None:
    for module in in_room(room):
        assert {name for name in imports_of(module) if name.split(".")[0] in HEAVY} == set(), module


@pytest.mark.parametrize("room", sorted(ALLOWED_INSIDE))
def test_arrows_point_one_way(room: str) -> None:
    for module in in_room(room):
        inside = {name for name in imports_of(module) if within(name, "boundcheck")}
        assert {name for name in inside if not any(within(name, ok) for ok in ALLOWED_INSIDE[room])} == set(), module


def test_the_core_uses_the_standard_library_alone() -> None:
    outside = {name.split(".")[0] for name in imports_of("theorem")} - {"__future__"}
    assert outside <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nobody_knows_the_command_line(module: str) -> None:
    if within(module, "cli") or module == "__main__":
        return
    assert {name for name in imports_of(module) if within(name, "boundcheck.cli")} == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_report_draws(module: str) -> None:
    if within(module, "report"):
        return
    assert {name for name in imports_of(module) if within(name, "matplotlib")} == set()


def test_reports_know_certificates_not_networks() -> None:
    for module in in_room("report"):
        found = {name for name in imports_of(module) if any(within(name, room) for room in ROOMS_WITH_TORCH)}
        assert found == set(), module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_user_input_meets_no_assert(module: str) -> None:
    assert not [node.lineno for node in ast.walk(MODULES[module]) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import boundcheck", ("numpy", "scipy", "torch", "pandas", "matplotlib")),
        ("from boundcheck.bounds import CATALOGUE; list(CATALOGUE)", ("scipy", "torch", "pandas", "matplotlib")),
        ("from boundcheck.bounds import CATALOGUE; list(CATALOGUE.values())", ("torch", "pandas", "matplotlib")),
    ],
)
def test_what_is_not_used_is_not_loaded(statement: str, absent: tuple[str, ...]) -> None:
    code = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
