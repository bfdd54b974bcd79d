"""LaTeX, HTML and figures."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from boundcheck.errors import InputError
from boundcheck.report import Report
from boundcheck.report.formula import formula_svg
from boundcheck.report.latex import escape, number

VOID = {"meta", "br", "img", "hr", "link", "input"}


class _Page(HTMLParser):
    """Collects tags, checks nesting, and keeps what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data", "srcset") and v]
        self.ids += [v for k, v in attrs if k == "id" and v]
        self.loads += re.findall(r"url\(([^)]*)\)", values.get("style") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _check_self_contained(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert {load for load in page.loads if not load.startswith("#")} == set()
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    assert len(set(page.ids)) == len(page.ids)
    used = {load[1:] for load in page.loads} | set(re.findall(r"url\(#([^)]*)\)", text))
    assert used <= set(page.ids)
    return page


@pytest.mark.parametrize("name", ["report", "random_report", "joint_report", "bare_report"])
def test_the_page_needs_nothing_but_itself(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    report = request.getfixturevalue(name)
    text = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    page = _check_self_contained(text)
    assert page.tags.count("details") == len(report)
    assert page.tags.count("svg") >= (1 if len(report) else 0)
    for c in report:
        assert f">{c.name}<" in text
        assert c.cite in text


def test_the_page_escapes_what_it_shows(report: Report) -> None:
    text = report.to_html()
    assert "&lt;b&gt;layers&lt;/b&gt;" in text
    assert "<b>layers</b>" not in text
    evil = dataclasses.replace(report, provenance=dataclasses.replace(report.provenance, model='<script>"x"</script>'))
    _check_self_contained(evil.to_html())
    _check_self_contained(evil._repr_html_())


def test_the_page_shows_ledger_modules_and_notes(joint_report: Report) -> None:
    text = joint_report.to_html()
    for words in ("Ledger", "What was made of every module", "fc_2", "1-Lipschitz step", "margins were lowered"):
        assert words in text


def test_the_notebook_shows_every_certificate(report: Report) -> None:
    text = report._repr_html_()
    _check_self_contained(text)
    assert all(c.name in text for c in report)


def _check_latex(text: str) -> None:
    """Braces balance, math is closed, environments nest, and nothing special stands unescaped outside a command."""
    bare = re.sub(r"\\[\\{}$&%#_\"]", "", re.sub(r"(?m)^%.*$", "", text))
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    words = re.sub(r"\$[^$]*\$", "", bare)
    assert not set("#_^~%") & set(re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", words, flags=re.DOTALL))
    assert text.isascii()


@pytest.mark.parametrize("name", ["report", "random_report", "joint_report", "bare_report"])
def test_latex_is_well_formed(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    text = report.to_latex()
    _check_latex(text)
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    for line in body.splitlines():
        assert line.count(" & ") == 5
        assert line.endswith(r"\\")
    assert all(escape(c.name) in text for c in report)


def test_latex_escapes_every_special_character() -> None:
    assert escape("50%_a & b#$") == r"50\%\_a \& b\#\$"
    assert escape("\\{}~^<>|") == (r"\textbackslash{}\{\}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}")
    assert escape("δ ≤ √π") == r"$\delta$ $\le$ $\surd$$\pi$"
    assert escape("a\n\n b") == "a b"  # an empty line would end the paragraph inside a caption


def test_latex_numbers() -> None:
    assert number("3.10e+09") == r"$3.10 \times 10^{9}$"
    assert number("10^1.24e+12") == r"$10^{1.24 \times 10^{12}}$"
    assert number("-") == "--"
    assert number("0.05") == "$0.05$"


@pytest.mark.parametrize("suffix, magic", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")])
def test_figures_are_files_of_their_kind(report: Report, tmp_path: Path, suffix: str, magic: bytes) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    report.plot(first)
    report.plot(second)
    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()


def test_the_figure_names_every_bound(report: Report) -> None:
    figure = report.plot()
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    below = " ".join(text.get_text() for text in figure.texts)
    for c in report:
        assert c.name in (below if c.value is None and c.log10_value is None else labels)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["0.0185", "41.7", "9.13", "3.10e+09", "813", "1.73e+400", "0.154", "0.222", "0.8996"]


def test_marks_stand_where_the_bounds_are(report: Report) -> None:
    axes = report.plot().axes[0]
    by_row = {}
    for line in axes.lines:
        if line.get_marker() in ("o", "s", ">"):
            by_row[int(line.get_ydata()[0])] = (line.get_marker(), line.get_xdata()[0])
    assert by_row[0] == ("o", pytest.approx(0.01849))
    assert by_row[4] == ("s", pytest.approx(812.4))
    assert by_row[5] == (">", pytest.approx(axes.get_xlim()[1]))


def test_other_picture_formats_are_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="png"):
        report.plot(tmp_path / "figure.jpeg")


def test_figures_leave_no_global_state(report: Report) -> None:
    before = dict(mpl.rcParams)
    report.to_html()
    assert dict(mpl.rcParams) == before


def test_figures_need_no_pyplot(report: Report, tmp_path: Path) -> None:
    report.to_json(tmp_path / "r.json")
    code = (
        "import sys; from boundcheck.report import Report; r = Report.from_json(sys.argv[1]); "
        "r.plot(sys.argv[1] + '.pdf'); print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r.json")], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "latex",
    [
        r"R(f) \le \hat R_\gamma(f) + \frac{2}{\gamma\sqrt{n}}\Bigl(\sum_i \lVert A_i\rVert_\sigma^{2/3}\Bigr)^{3/2}",
        r"\sqrt\pi + \sqrt n + \sqrt{2} + \min_{a_0 > \dots > a_m} a_m",
        r"\tfrac1n \ln\tbinom{N}{k} \ge \min\big\{a,\; b\big\}, \quad \mathrm{KL}(Q\|P)",
    ],
)
def test_formulas_are_drawn(latex: str) -> None:
    svg = formula_svg(latex, "f-")
    assert svg is not None
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.attrib["aria-label"] == latex


def test_a_formula_that_can_not_be_drawn_is_left_to_its_source() -> None:
    assert formula_svg(r"\begin{cases} a \end{cases}", "f-") is None
    assert formula_svg("a $ b", "f-") is None
