"""The pages are what the code says: nothing drifts, every link leads somewhere, every formula is whole."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from boundcheck.bounds import CATALOGUE
from boundcheck.cli.bounds import hypotheses
from boundcheck.cli.main import app
from boundcheck.measures import MEASURES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ADVICE = "run 'python docs/generate.py' and commit what it writes"


def load(name: str) -> ModuleType:
    if str(DOCS) not in sys.path:
        sys.path.insert(0, str(DOCS))
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text() -> ModuleType:
    return load("restructured")


PAGES = sorted((DOCS / "theorems").rglob("*.md"))


def test_nothing_has_drifted() -> None:
    changed = [str(path.relative_to(ROOT)) for path in load("generate").drifted()]
    assert changed == [], ADVICE


def test_every_theorem_has_a_page_and_a_line_in_the_table_of_the_front_page() -> None:
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in CATALOGUE:
        assert (DOCS / "theorems" / f"{name}.md").exists(), ADVICE
        assert f"(docs/theorems/{name}.md)" in front, ADVICE


@pytest.mark.parametrize("path", [*PAGES, DOCS / "measures.md", ROOT / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere_and_formulas_are_whole(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", content):
        assert (path.parent / target).exists(), target
    formulas = re.findall(r"```math\n(.*?)\n```", content, re.DOTALL) + re.findall(r"\$`(.*?)`\$", content)
    for formula in formulas:
        bare = formula.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}"), formula
        assert "\n\n" not in formula
    assert content.count("```") % 2 == 0
    assert ":math:" not in content
    assert ".. math" not in content


@pytest.mark.parametrize("name", tuple(CATALOGUE))
def test_a_page_says_what_the_theorem_says(name: str, text: ModuleType) -> None:
    content = (DOCS / "theorems" / f"{name}.md").read_text(encoding="utf-8")
    theorem = CATALOGUE[name]
    assert theorem.statement in content
    for says, state in hypotheses(theorem):
        assert f"- *{state}*: {text.plain(says)}" in content
    assert "`delta`" in content
    assert "## A worked value" in content


def test_every_measure_is_on_its_page() -> None:
    content = (DOCS / "measures.md").read_text(encoding="utf-8")
    for name, measure in MEASURES.items():
        assert f"### `{name}`" in content
        assert measure.formula in content


def test_plain_text_stays_plain(text: ModuleType) -> None:
    links = text.Links(frozenset({"maurer2004kl"}))
    assert text.markdown("sum_i |x_i| <= *b*", links) == r"sum\_i \|x\_i\| \<= \*b\*"
    assert text.markdown("so\n- 1 is\nleft", links) == r"so - 1 is left"
    assert text.markdown("1. a_1\n   b\n2. c", links) == "1. a\\_1 b\n2. c"
    assert text.markdown("* a\n  b\n* c", links) == "- a b\n- c"
    assert text.markdown(r"with :math:`\{a\,b\}` it", links) == r"with $`\{a\,b\}`$ it"
    assert text.markdown(".. math:: a\n          + b,", links) == "```math\na\n+ b,\n```"
    assert text.markdown(".. math:: a\n  b\nwhere a_1", links) == "```math\na\nb\n```\n\nwhere a\\_1"
    assert text.markdown("see ``maurer2004kl``", links, "../") == "see [`maurer2004kl`](../maurer2004kl.md)"
    assert text.markdown("the ``formula``", links) == "the `formula`"


def test_a_reference_to_a_lemma_makes_its_page(text: ModuleType) -> None:
    links = text.Links(frozenset())
    assert text.markdown("by ``lemmas/kl_terms``", links) == "by [`lemmas/kl_terms`](lemmas/kl_terms.md)"
    pages = links.lemma_pages()
    assert Path("lemmas/kl_terms.md") in pages
    assert "src" not in str(next(iter(pages)))


def test_the_command_names_the_page() -> None:
    runner = CliRunner()
    assert "docs/theorems/maurer2004kl.md" in runner.invoke(app, ["bounds", "maurer2004kl"]).output
    record = json.loads(runner.invoke(app, ["bounds", "maurer2004kl", "--json", "-"]).output)
    assert record["bounds"][0]["page"] == "docs/theorems/maurer2004kl.md"
