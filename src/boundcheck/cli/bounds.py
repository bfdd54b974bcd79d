"""``boundcheck bounds``: the catalogue, or one theorem whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

import boundcheck
from boundcheck.cli.options import JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json
from boundcheck.errors import InputError, nearest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from boundcheck.theorem import Theorem


def bounds(
    name: Annotated[str | None, typer.Argument(help="A theorem; all of them when left out.")] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX instead.")] = False,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """List the catalogue, or show one theorem with its statement, hypotheses, citation and delta shares.

    A hypothesis is either checked by the program or assumed by whoever uses the number. Nothing here is random: --seed changes
    nothing.

    Example:  boundcheck bounds bartlett2017spectral
    """
    from boundcheck.bounds import CATALOGUE
    from boundcheck.files import check_writable

    check_writable([json_file] if json_file not in (None, "-") else [])
    known = tuple(CATALOGUE)
    if name is not None and name not in known:
        raise InputError("the name of a bound", repr(name), nearest(name, known))
    theorems = list(CATALOGUE.values()) if name is None else [CATALOGUE[name]]
    if json_file != "-":
        if latex:
            print(_latex(theorems, whole=name is not None))
        else:
            console(json_file).print(_table(theorems) if name is None else _page(theorems[0]))
    if json_file is not None:
        content = {
            "format": "boundcheck-catalogue/1",
            "boundcheck": boundcheck.__version__,
            "bounds": [_record(t) for t in theorems],
        }
        deliver_json(json_file, json.dumps(content, allow_nan=False) + "\n")
    return 0


def hypotheses(theorem: Theorem) -> list[tuple[str, str]]:
    """Each hypothesis as the code checks it: its words, and ``checked`` or ``assumed``."""
    from boundcheck.evidence.example import example_evidence
    from boundcheck.theorem import State

    found = theorem.hypotheses(example_evidence())
    return [(h.says, "assumed" if h.state is State.ASSUMED else "checked") for h in found]


def _record(theorem: Theorem) -> dict[str, Any]:
    return {
        "name": theorem.name,
        "title": theorem.title,
        "family": theorem.family,
        "about": theorem.about,
        "cite": theorem.cite,
        "statement": theorem.statement,
        "hypotheses": [{"says": says, "state": state} for says, state in hypotheses(theorem)],
        "shares": dict(theorem.shares),
        "reads": list(theorem.reads),
        "page": page(theorem),
    }


def page(theorem: Theorem) -> str:
    """Where the documentation of a theorem stands in the project."""
    return f"docs/theorems/{theorem.name}.md"


def _table(theorems: list[Theorem]) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table("theorem", "about", "what people call it", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    family = ""
    for theorem in theorems:
        if theorem.family != family:
            family = theorem.family
            table.add_row(Text(family, style="bold"), "", "")
        table.add_row(Text(f"  {theorem.name}", no_wrap=True), theorem.about, theorem.title)
    return Group(table, Text(), Text(f"{len(theorems)} theorems; 'boundcheck bounds NAME' shows one of them whole"))


def _page(theorem: Theorem) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    def indented(text: str) -> Padding:
        return Padding(Text(text), (0, 0, 0, 2))

    parts: list[RenderableType] = [
        Text(f"{theorem.name}: {theorem.title}", style="bold"),
        indented(f"{theorem.cite}. Family {theorem.family}; bounds the population 0-1 error of: {theorem.about}."),
        Text("Statement (with probability at least 1 - delta; logarithms are natural)", style="bold"),
        indented(theorem.statement),
        Text("Hypotheses", style="bold"),
        *(indented(f"[{state}] {says}") for says, state in hypotheses(theorem)),
        Text("Shares of delta", style="bold"),
        *(indented(f"{share:g}  {purpose}") for purpose, share in theorem.shares.items()),
        Text("Evidence that it reads", style="bold"),
        indented(", ".join(theorem.reads)),
        Text("Proof, symbols and a worked value", style="bold"),
        indented(page(theorem)),
    ]
    return Group(*parts)


def _latex(theorems: list[Theorem], *, whole: bool) -> str:
    if whole:
        theorem = theorems[0]
        items = "\n".join(rf"  \item {_escaped(says)} (\emph{{{state}}})" for says, state in hypotheses(theorem))
        return (
            f"% {theorem.name}: {theorem.cite}\n\\begin{{theorem}}[{_escaped(theorem.title)}]\n"
            f"With probability at least $1-\\delta$,\n"
            f"\\[ {theorem.statement} \\]\nunder the hypotheses\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}\n\\end{{theorem}}"
        )
    rows = "\n".join(rf"  \texttt{{{t.name}}} & {_escaped(t.title)} & ${t.statement}$ \\" for t in theorems)
    head = "\\begin{tabular}{lll}\n  \\toprule\n  name & theorem & statement \\\\\n  \\midrule"
    return f"{head}\n{rows}\n  \\bottomrule\n\\end{{tabular}}"


def _escaped(text: str) -> str:
    from boundcheck.report.latex import escape

    return escape(text)
