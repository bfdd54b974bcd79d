"""The report as one page that needs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from boundcheck.bounds import CATALOGUE
from boundcheck.measures import MEASURES
from boundcheck.report import ledger, rows
from boundcheck.report.display import closest, downward, plain, upward
from boundcheck.theorem import Status

if TYPE_CHECKING:
    from boundcheck.report.report import Report


@dataclass(frozen=True)
class Statement:
    """A theorem in words and symbols.

    Attributes:
        title: Its name as people say it.
        latex: Its inequality.
        picture: The inequality as an inline SVG element, ``None`` where it can't be drawn.
    """

    title: str
    latex: str
    picture: Markup | None


def to_html(report: Report) -> str:
    """The whole page."""
    return environment().get_template("page.html.jinja").render(title=f"boundcheck: {heading(report)}", **context(report))


def fragment(report: Report) -> str:
    """What a notebook shows: the measured errors and the table, without a page around them."""
    return environment().get_template("fragment.html.jinja").render(**context(report, pictures=False))


@cache
def environment() -> Environment:
    """Templates escape whatever they are given and refuse names that they don't know."""
    made = Environment(
        loader=PackageLoader("boundcheck", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(closest=closest, plain=plain, upward=upward, downward=downward)
    made.globals.update(predictors=rows.PREDICTORS, verdicts=rows.VERDICTS)
    return made


def heading(report: Report) -> str:
    """What the report is about."""
    p = report.provenance
    return f"{p.model} on {p.data}, labels {p.labels}"


def context(report: Report, *, pictures: bool = True, prefix: str = "") -> dict[str, Any]:
    """What the templates read.

    Args:
        report: The report.
        pictures: Whether the figure and the formulas are drawn.
        prefix: Put before the identifiers in the page, so that two reports fit in one.
    """
    values: dict[str, Any] = {
        "report": report,
        "heading": heading(report),
        "held": report.held_out,
        "level": rows.level_text(report.delta),
        "applicable": rows.rows(report.certificates, applicable=True),
        "absent": rows.rows(report.certificates, applicable=False),
        "summary": rows.summary(report),
        "confidence": rows.confidence(report),
        "threshold": rows.thresholds(report),
        "assumptions": _assumptions(report),
        "remarks": rows.remarks(report),
        "ledger": ledger.lines(report),
        "ledger_opening": ledger.opening(),
        "purposes": ledger.purposes(report),
        "prefix": prefix,
        "measures": _measures(report),
    }
    if pictures:
        from boundcheck.report.plot import draw, inline_svg

        known = frozenset(CATALOGUE)
        values["figure"] = Markup(inline_svg(draw(report), f"{prefix}fig-", f"Bounds and measured error: {heading(report)}"))
        values["statements"] = {c.name: statement(c.name, f"{prefix}{c.name}-") for c in report if c.name in known}
    return values


def statement(name: str, prefix: str) -> Statement:
    """What the catalogue says of a theorem."""
    from boundcheck.report.formula import formula_svg

    theorem = CATALOGUE[name]
    drawn = formula_svg(theorem.statement, prefix)
    return Statement(theorem.title, theorem.statement, None if drawn is None else Markup(drawn))


@dataclass(frozen=True)
class MeasureRow:
    """One measure on the page; ``value`` is ``None`` where the network has none, and ``why`` says why."""

    name: str
    title: str
    source: str
    value: float | None
    why: str


def _measures(report: Report) -> list[MeasureRow]:
    """The measures, absent ones last; a name from another version of the program has no words."""
    found: list[tuple[str, float | None, str]] = [(name, value, "") for name, value in report.measures]
    found += [(name, None, why) for name, why in report.unmeasured]
    words = {name: (m.title, m.source) for name, m in MEASURES.items()}
    return [MeasureRow(name, *words.get(name, ("", "")), value, why) for name, value, why in found]


def _assumptions(report: Report) -> list[tuple[str, str]]:
    total = sum(c.status is not Status.NOT_APPLICABLE for c in report)
    return [(says, rows.assumed_by(names, total)) for says, names in rows.assumptions(report)]
