"""Two reports side by side, bound by bound: what is left of each bound when the labels are random."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boundcheck.files import check_writable, write_whole
from boundcheck.report import rows
from boundcheck.report.report import Report
from boundcheck.theorem import Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType


@dataclass(frozen=True)
class Pair:
    """One theorem on both sides; ``None`` where a side has no certificate of it."""

    name: str
    left: rows.Row | None
    right: rows.Row | None

    @property
    def sides(self) -> tuple[rows.Row | None, rows.Row | None]:
        """Left, then right."""
        return self.left, self.right

    @property
    def has_value(self) -> bool:
        """Whether the theorem is applicable on some side."""
        return any(r is not None and r.certificate.status is not Status.NOT_APPLICABLE for r in self.sides)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two reports side by side.

    Attributes:
        left: One report, usually on true labels.
        right: The other, usually on random labels.
        titles: What the two are called in sentences, e.g. ``("true labels", "random labels")``.
    """

    left: Report
    right: Report
    titles: tuple[str, str] = ("true labels", "random labels")

    @property
    def reports(self) -> tuple[Report, Report]:
        """Left, then right."""
        return self.left, self.right

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every theorem of either side: the order of the left, then what only the right has."""
        names = dict.fromkeys(c.name for report in self.reports for c in report)
        return tuple(Pair(name, _row(self.left, name), _row(self.right, name)) for name in names)

    @property
    def verdict(self) -> str:
        """One sentence: how many bounds are vacuous on each side."""
        clauses = [f"on {title} {_count(report)}" for title, report in zip(self.titles, self.reports, strict=True)]
        sentence = "; ".join(clauses)
        return sentence[0].upper() + sentence[1:] + "."

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """One page that needs nothing but itself, with the comparison and both reports; written to ``path`` if given.

        Raises:
            InputError: ``path`` can't be written.
        """
        from markupsafe import Markup

        from boundcheck.report.html import context, environment
        from boundcheck.report.plot import inline_svg
        from boundcheck.report.plot_pairs import draw_pairs

        if path is not None:
            check_writable([path])
        title = f"{self.titles[0]} and {self.titles[1]}"
        sides = [context(report, prefix=side) for report, side in zip(self.reports, ("left-", "right-"), strict=True)]
        figure = Markup(inline_svg(draw_pairs(self), "pairs-", f"Bounds on {title}"))
        page = environment().get_template("comparison.html.jinja")
        text = page.render(title=f"boundcheck: {title}", comparison=self, sides=sides, figure=figure, report=self.left)
        if path is not None:
            write_whole(path, text)
        return text

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Both reports in one figure, written to ``path`` (.png, .svg, .pdf) if given.

        Raises:
            InputError: ``path`` can't be written or has another suffix.
        """
        from boundcheck.report.plot import picture_format, save
        from boundcheck.report.plot_pairs import draw_pairs

        if path is not None:
            picture_format(path)
            check_writable([path])
        figure = draw_pairs(self)
        if path is not None:
            save(figure, path)
        return figure

    def __rich__(self) -> RenderableType:
        from boundcheck.report.table import comparison_table

        return comparison_table(self)

    def __str__(self) -> str:
        from boundcheck.report.table import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)


def _row(report: Report, name: str) -> rows.Row | None:
    return next((rows.row(c) for c in report if c.name == name), None)


def _count(report: Report) -> str:
    """``"5 of 9 bounds are vacuous"``, of those that are applicable."""
    applicable = [c for c in report if c.status is not Status.NOT_APPLICABLE]
    vacuous, total = sum(c.status is Status.VACUOUS for c in applicable), len(applicable)
    if not total:
        return "no bound is applicable"
    if total == 1:
        return f"the one applicable bound is {'' if vacuous else 'not '}vacuous"
    if vacuous == total:
        return f"all {total} bounds are vacuous"
    return f"{vacuous or 'none'} of {total} bounds {'is' if vacuous <= 1 else 'are'} vacuous"
