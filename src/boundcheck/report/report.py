"""The report: certificates beside the measured error."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import boundcheck
from boundcheck.errors import nearest
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence, Problem, Provenance
from boundcheck.files import check_writable, write_whole
from boundcheck.measures import Measured
from boundcheck.report import measured
from boundcheck.theorem import FAMILIES, Certificate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import RenderableType

NO_MEASURES = Measured((), ())
_ROUNDING = 2.0**-40  # m shares delta / m, each rounded, add up to delta within this for any m that fits in memory


@dataclass(frozen=True, repr=False)
class Report:
    """Certificates beside the measured error; a mapping from the names of theorems to certificates.

    Attributes:
        provenance: Where the numbers come from.
        problem: The sample.
        errors: What was counted of the network.
        certificates: One for each theorem, families in the order of :data:`boundcheck.theorem.FAMILIES`.
        delta: Miss probability of each certificate alone, or of all together when ``joint``.
        joint: Whether delta is divided among the certificates, so that all hold together.
        measures: Name and value of measures without constants.
        unmeasured: Name and reason of the measures that the network has no value of.
        layers: Norms of each layer with weights, by name in the order of evaluation; empty where none were measured.
        version: Version of boundcheck that wrote it.
    """

    provenance: Provenance
    problem: Problem
    errors: Errors
    certificates: tuple[Certificate, ...]
    delta: float
    joint: bool
    measures: tuple[tuple[str, float], ...] = ()
    unmeasured: tuple[tuple[str, str], ...] = ()
    layers: Mapping[str, LayerNorms] = field(default_factory=dict)
    version: str = boundcheck.__version__

    def __post_init__(self) -> None:
        names = [c.name for c in self.certificates]
        if len(set(names)) != len(names):
            raise ValueError(f"expected one certificate for each theorem; got {names}; drop the repeated ones")
        if not 0.0 < self.delta < 1.0:
            raise ValueError(f"expected delta in (0, 1); got {self.delta!r}; 0.05 is usual")
        shares = [c.delta for c in self.certificates]
        spent = math.fsum(shares) if self.joint else max(shares, default=0.0)
        if spent > self.delta * (1.0 + _ROUNDING):
            raise ValueError(f"expected certificates that spend at most {self.delta!r}; got {spent!r}; evaluate them again")

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        certificates: Sequence[Certificate],
        delta: float,
        joint: bool,
        measures: Measured = NO_MEASURES,
    ) -> Report:
        """The report on one record.

        Args:
            evidence: What was measured.
            certificates: What the theorems said of it.
            delta: Miss probability of each certificate alone, or of all together when ``joint``.
            joint: Whether ``delta`` was divided among the certificates.
            measures: Measures without constants, and why others are absent.

        Raises:
            ValueError: A theorem occurs twice, or the certificates spend more than ``delta``.
        """
        ordered = tuple(sorted(certificates, key=lambda c: FAMILIES.index(c.family)))
        head = (evidence.provenance, evidence.problem, evidence.errors)
        return cls(*head, ordered, delta, joint, measures.values, measures.absent, dict(evidence.layers or {}))

    def __getitem__(self, name: str) -> Certificate:
        """The certificate of a theorem.

        Raises:
            KeyError: The report has none of that name.
        """
        for certificate in self.certificates:
            if certificate.name == name:
                return certificate
        raise KeyError(f"no certificate {name!r}; {nearest(name, [c.name for c in self.certificates])}")

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self.certificates)

    def __len__(self) -> int:
        return len(self.certificates)

    def __contains__(self, name: object) -> bool:
        return any(c.name == name or c is name for c in self.certificates)

    @cached_property
    def held_out(self) -> measured.HeldOut | None:
        """The held-out error under the law of the labels, with its interval at miss probability ``delta``."""
        return measured.held_out(self.errors, self.problem, self.delta)

    @property
    def ledger(self) -> tuple[tuple[str, float], ...]:
        """What each certificate spends of ``delta`` when all hold together; they sum to ``delta``. Empty otherwise."""
        return tuple((c.name, c.delta) for c in self.certificates) if self.joint else ()

    def to_frame(self) -> pd.DataFrame:
        """One row for each certificate; ``excess`` is the bound minus the measured error of the same predictor."""
        from boundcheck.report.frame import frame

        return frame(self)

    def measures_to_frame(self) -> pd.DataFrame:
        """One row for each measure: name, value (NaN where there is none) and why there is none."""
        from boundcheck.report.frame import measures_frame

        return measures_frame(self)

    def layers_to_frame(self) -> pd.DataFrame:
        """One row for each layer with weights, its norms from above and its operator norm from below as well."""
        from boundcheck.report.frame import layers_frame

        return layers_frame(self)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as strict JSON in the format ``boundcheck-report/1``, written to ``path`` if given.

        Raises:
            InputError: ``path`` can't be written.
        """
        from boundcheck.report.serialize import to_json

        return _deliver(path, lambda: to_json(self))

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Report:
        """Read back what :meth:`to_json` wrote.

        Args:
            source: The text (it starts with a brace) or the path of a file.

        Raises:
            InputError: It is no report.
        """
        from boundcheck.report.serialize import from_json

        return from_json(source)

    def to_latex(self, path: str | os.PathLike[str] | None = None) -> str:
        """A table for a paper (needs the package ``booktabs``), written to ``path`` if given.

        Raises:
            InputError: ``path`` can't be written.
        """
        from boundcheck.report.latex import to_latex

        return _deliver(path, lambda: to_latex(self))

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """One page that needs nothing but itself, written to ``path`` if given.

        Raises:
            InputError: ``path`` can't be written.
        """
        from boundcheck.report.html import to_html

        return _deliver(path, lambda: to_html(self))

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The bounds and the measured error on a logarithmic axis, written to ``path`` (.png, .svg, .pdf) if given.

        Raises:
            InputError: ``path`` can't be written or has another suffix.
        """
        from boundcheck.report.plot import draw, picture_format, save

        if path is not None:
            picture_format(path)
            check_writable([path])
        figure = draw(self)
        if path is not None:
            save(figure, path)
        return figure

    def __rich__(self) -> RenderableType:
        from boundcheck.report.table import table

        return table(self)

    def __str__(self) -> str:
        from boundcheck.report.table import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from boundcheck.report.html import fragment

        return fragment(self)


def _deliver(path: str | os.PathLike[str] | None, make: Callable[[], str]) -> str:
    """Make a text; refuse an unwritable path before the work and write whole after it."""
    if path is not None:
        check_writable([path])
    text = make()
    if path is not None:
        write_whole(path, text)
    return text
