"""One page for each theorem, the index, and the table of README.md."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from restructured import Links, display, markdown, plain

from boundcheck.cli.bounds import hypotheses
from boundcheck.report.rows import PREDICTORS
from boundcheck.theorem import FAMILIES, Theorem

OPEN, CLOSE = "<!-- catalogue -->", "<!-- /catalogue -->"
_GENERATED = "<!-- Written by docs/generate.py from the code; edit the docstrings there. -->"
_WORDS = {1: "the bound grows with it", -1: "the bound falls with it"}


def theorem_page(theorem: Theorem, reviewed: Mapping[str, Any], links: Links) -> str:
    """The page of one theorem.

    Args:
        theorem: An entry of the catalogue.
        reviewed: Its block in the reviewer's list, empty where there is none yet.
        links: Where references in docstrings lead.
    """
    docstring = inspect.getdoc(inspect.getmodule(type(theorem))) or ""
    about = PREDICTORS.get(theorem.about, theorem.about)
    parts = [
        _GENERATED,
        f"# {plain(theorem.title)}",
        f"`{theorem.name}` · family {theorem.family} · bounds the error of {about} · [all theorems](README.md)",
        f"**Source.** {plain(theorem.cite)}.",
        "## Statement",
        "With probability at least 1 − δ over the sample; logarithms are natural, R is the probability of an error.",
        display(theorem.statement),
        "## Hypotheses, as the program treats them",
        "\n".join(f"- *{state}*: {plain(says)}" for says, state in hypotheses(theorem)),
        "## Where δ goes",
        "\n".join(f"- {share:g} δ: {plain(purpose)}" for purpose, share in theorem.shares.items()),
        "## Symbols",
        "\n".join(_symbols(theorem)),
        "## The paper, what differs, and the proof",
        markdown(docstring.partition("\n")[2], links),
        *_reference(reviewed),
        f"Evidence that it reads: {', '.join(f'`{section}`' for section in theorem.reads)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _symbols(theorem: Theorem) -> list[str]:
    """The arguments of the formula as its docstring explains them, and which way the bound moves."""
    text = inspect.getdoc(type(theorem).formula) or ""
    _, _, section = text.partition("Args:\n")
    section = re.split(r"\n(?=\S)", section)[0]
    lines = []
    for entry in re.split(r"\n(?= {4}\S)", section):
        names, colon, meaning = entry.strip().partition(":")
        if not colon:
            continue
        moves = {_WORDS[move] for name in names.split(",") if (move := theorem.moves.get(name.strip(), 0))}
        shown = ", ".join(f"`{name.strip()}`" for name in names.split(","))
        meaning = plain(meaning.replace("``", "")).rstrip(".")
        lines.append(f"- {shown}: {meaning}{f' ({moves.pop()})' if len(moves) == 1 else ''}.")
    return lines


def _reference(reviewed: Mapping[str, Any]) -> list[str]:
    """The value that a test holds the formula to."""
    reference = reviewed.get("reference")
    if reference is None:
        return []
    symbols = ", ".join(f"{name} = {json.dumps(value)}" for name, value in reference["symbols"].items())
    return [
        "## A worked value",
        f"```\n{symbols}\nvalue {reference['value']!r}\n```",
        f"{plain(reviewed['source'])}. A test holds the program to it: never below, and above by at most {reference['rel']:g} "
        "of it.",
    ]


def by_family(theorems: Sequence[Theorem]) -> dict[str, list[Theorem]]:
    """The theorems by family, families in the order of a report."""
    found = {family: [t for t in theorems if t.family == family] for family in FAMILIES}
    return {family: members for family, members in found.items() if members}


def catalogue_table(theorems: Sequence[Theorem], folder: str) -> str:
    """The catalogue as a table.

    Args:
        theorems: Its entries.
        folder: Path to the pages, ending with a slash.
    """
    lines = ["| family | theorem | what people call it | bounds the error of |", "|---|---|---|---|"]
    for family, members in by_family(theorems).items():
        for i, t in enumerate(members):
            lines.append(f"| {family if i == 0 else ''} | [`{t.name}`]({folder}{t.name}.md) | {plain(t.title)} | {t.about} |")
    return "\n".join(lines) + "\n"


def index_page(theorems: Sequence[Theorem]) -> str:
    """The index of the pages."""
    parts = [
        _GENERATED,
        "# The theorems",
        f"{len(theorems)} theorems, each with its statement, its hypotheses as the program treats them, what differs from the "
        "paper, the proof of that, and a worked value. `boundcheck bounds NAME` prints one in a terminal.",
        "A bound speaks of the network as given, of a network drawn afresh for each input (`gibbs`), of one network drawn once "
        "(`sample`), or of the network decoded from its compressed form (`compressed`). Quantities without constants are "
        "[measures](../measures.md), never bounds.",
    ]
    for family, members in by_family(theorems).items():
        parts.append(f"## {family}")
        parts.append("\n".join(f"- [`{t.name}`]({t.name}.md): {plain(t.title)}. {plain(t.cite)}." for t in members))
    return "\n\n".join(parts) + "\n"
