"""Docstrings to Markdown that GitHub renders: formulas, references between theorems, everything else as plain text.

Formulas are written as fenced ``math`` blocks and with backticks inside dollars, since Markdown would otherwise take the
backslash of a brace or of a thin space for its own.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import boundcheck

SOURCE = Path(boundcheck.__file__).parent
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
_INLINE = re.compile(r":math:`([^`]+)`|:mod:`([^`]+)`|``([^`]+)``|:\w+:`([^`]+)`", re.DOTALL)
_MARK = r"(?:[*-]|\d+[.)]) "
_LIST = re.compile(_MARK)


def plain(text: str) -> str:
    """Text in which no character has a meaning for Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def display(latex: str) -> str:
    """A formula on lines of its own."""
    return f"```math\n{latex.strip()}\n```"


class Links:
    """Where references in docstrings lead; modules that hold proofs of several theorems become pages themselves.

    Args:
        theorems: Names of the catalogue.
    """

    def __init__(self, theorems: frozenset[str]) -> None:
        self._theorems = theorems
        self._lemmas: dict[str, Path] = {}

    def of(self, name: str, up: str) -> str:
        """A name in a docstring as Markdown.

        Args:
            name: What stands between the backticks.
            up: Path from the page to docs/theorems, empty or ending with a slash.
        """
        if name in self._theorems:
            return f"[`{name}`]({up}{name}.md)"
        dotted = name.removeprefix("boundcheck.").removesuffix(".py").replace("/", ".")
        room, _, last = dotted.rpartition(".")
        for above in (SOURCE / "bounds", SOURCE):
            path = above.joinpath(*room.split("."), f"{last}.py")
            if room and path.exists():
                self._lemmas[last] = path
                return f"[`{name}`]({up}lemmas/{last}.md)"
        return f"`{name}`"

    def lemma_pages(self) -> dict[Path, str]:
        """The modules that pages refer to, and those that these refer to, as pages below docs/theorems."""
        found: dict[Path, str] = {}
        while len(found) < len(self._lemmas):
            for name, path in sorted(self._lemmas.items()):
                if Path("lemmas") / f"{name}.md" not in found:
                    found[Path("lemmas") / f"{name}.md"] = self._lemma(name, path)
        return found

    def _lemma(self, name: str, path: Path) -> str:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        head, _, body = (ast.get_docstring(tree) or "").partition("\n")
        module = path.relative_to(SOURCE.parent).as_posix()
        title = plain(head.strip().rstrip("."))
        parts = [f"# {title}", f"`{module}`; several theorems refer to it.", markdown(body, self, "../")]
        for node in tree.body:
            told = re.split(r"\n+(?:Args|Returns|Raises):\n", _docstring(node))[0]
            if "\n\n" in told:  # more than what it returns: an argument
                parts += [f"## `{getattr(node, 'name', '')}`", markdown(told, self, "../")]
        return "\n\n".join(part for part in parts if part) + "\n"


def _docstring(node: ast.stmt) -> str:
    """The docstring of a public function, empty for anything else."""
    public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    return (ast.get_docstring(node) or "") if public and isinstance(node, ast.FunctionDef) else ""


def markdown(text: str, links: Links, up: str = "") -> str:
    """The body of a docstring as Markdown.

    Args:
        text: Paragraphs, ``.. math::`` blocks and lists.
        links: Where references lead.
        up: Path from the page to docs/theorems.
    """
    parts = []
    for block in re.split(r"\n\s*\n", textwrap.dedent(text).strip("\n")):
        lines = block.split("\n")
        if lines[0].lstrip().startswith(".. math::"):
            formula, rest = _formula(lines)
            parts += [formula, *([_paragraph(rest, links, up)] if rest else [])]
        elif _LIST.match(lines[0]):
            items = re.split(rf"\n(?={_MARK})", block)
            parts.append("\n".join(f"{_mark(item)} {_paragraph(_LIST.sub('', item, count=1), links, up)}" for item in items))
        elif block.strip():
            parts.append(_paragraph(block, links, up))
    return "\n\n".join(parts)


def _formula(lines: list[str]) -> tuple[str, str]:
    """A block of the form ``.. math:: latex``, and whatever text follows it without an empty line."""
    first = lines[0].partition("::")[2].strip()
    length = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith(" ")), len(lines))
    return display("\n".join([first, *(line.strip() for line in lines[1:length])])), "\n".join(lines[length:])


def _paragraph(text: str, links: Links, up: str) -> str:
    """Plain text with formulas and references in it, on one line."""
    found, end = [], 0
    for match in _INLINE.finditer(text):
        found.append(plain_keeping_ends(text[end : match.start()]))
        math, module, code, other = match.groups()
        if math is not None:
            found.append(f"$`{' '.join(math.split())}`$")
        elif other is not None:
            found.append(f"`{other}`")
        else:
            found.append(links.of(module or code, up))
        end = match.end()
    found.append(plain_keeping_ends(text[end:]))
    return "".join(found).strip()


def _mark(item: str) -> str:
    """What stands before an item of a list: its number, or a dash."""
    number = re.match(r"\d+", item)
    return "-" if number is None else f"{number.group()}."


def plain_keeping_ends(text: str) -> str:
    """Plain text that keeps a space before and after it."""
    inner = plain(text)
    return (" " if text[:1].isspace() else "") + inner + (" " if inner and text[-1:].isspace() else "")
