"""A ranking of measures as a table in the terminal, a data frame, JSON and LaTeX."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from boundcheck.report.latex import escape

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from boundcheck.ranking.statistics import Judged, Ranking, SignErrorSummary

FORMAT = "boundcheck-ranking/1"


def frame(ranking: Ranking) -> pd.DataFrame:
    """One row for each measure, a column for each statistic; sign errors and psi by hyper-parameter too."""
    import pandas as pd

    return pd.DataFrame([_flat(line) for line in ranking.judged])


def to_json(ranking: Ranking, **head: Any) -> str:
    """The ranking as a JSON object of format :data:`FORMAT`.

    Args:
        ranking: The ranking.
        head: Further fields, such as the version and the source.
    """
    content = {
        "format": FORMAT,
        **head,
        "networks": len(ranking.networks),
        "hyperparameters": {name: list(values) for name, values in ranking.networks.values.items()},
        "notes": notes(ranking),
        "pairs": len(ranking.pairs.first),
        "environments": len(ranking.pairs.starts),
        "largest_effective_size": ranking.largest_effective,
        **asdict(ranking.settings),
        "measures": [_nested(line) for line in ranking.judged],
    }
    return json.dumps(content, allow_nan=False) + "\n"


def notes(ranking: Ranking) -> list[str]:
    """What a reader has to know: what was left out, and why."""
    networks, settings = ranking.networks, ranking.settings
    found = list(networks.notes)
    missing, total = networks.missing, len(networks)
    nowhere = [name for name, count in missing.items() if count == total]
    if nowhere:
        found.append(f"without a value for any network: {', '.join(nowhere)}")
    some = [name for name in missing if name not in nowhere]
    found += [f"{name} has no value for {missing[name]} networks, which take no part in its line" for name in some]
    same = [name for name in networks.constant if name not in nowhere]
    if same:
        found.append(f"the same for all networks, so that they order nothing: {', '.join(same)}")
    counted = max((line.sign_error.environments for line in ranking.judged), default=0)
    if counted < len(ranking.pairs.starts):
        found.append(
            f"sign errors: {counted} of {len(ranking.pairs.starts)} environments are counted, those with a pair whose order is "
            f"more than chance and an effective size of at least {settings.effective_size:g}; the largest has "
            f"{ranking.largest_effective:.1f}"
        )
    if not networks.test_size.any():
        found.append("held-out sizes are not known: every pair has weight 1, also those whose order is noise")
    return found


def table(ranking: Ranking) -> Table:
    """For the terminal."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left", caption_justify="left")
    shown.title = f"{len(ranking.networks)} networks, hyper-parameters {', '.join(ranking.networks.settings)}"
    shown.caption = (
        "error: mean sign error over environments, with its 90th percentile and maximum: 0 orders every pair as the gap does, "
        "1/2 is chance, 1 the reverse; psi: mean granulated Kendall coefficient; info: share of the entropy of the order that "
        "the measure explains, given any two hyper-parameters"
    )
    shown.add_column("measure", overflow="fold", min_width=30)
    for head in ("error", "p90", "max", "tau", "psi", "info"):
        shown.add_column(head, justify="right", no_wrap=True)
    kind = None
    for line in ranking.judged:
        if kind is not None and line.kind == "baseline" != kind:
            shown.add_section()
        kind = line.kind
        shown.add_row(line.name, *_cells(line))
    return shown


def to_latex(ranking: Ranking) -> str:
    """A tabular with booktabs rules; psi by hyper-parameter is among its columns."""
    names = list(ranking.networks.settings)
    heads = ["sign error", "90th pct.", "max.", r"$\tau$", *(rf"$\psi$ {escape(n)}" for n in names), r"$\Psi$", r"$\mathcal K$"]
    lines = [rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule", " & ".join(["measure", *heads]) + r" \\", r"\midrule"]
    kind = None
    for line in ranking.judged:
        if kind is not None and line.kind == "baseline" != kind:
            lines.append(r"\midrule")
        kind = line.kind
        cells = _cells(line)
        psi = [_text(line.psi[name]) for name in names]
        row = [escape(line.name), *cells[:4], *psi, *cells[4:]]
        lines.append(" & ".join(cell.replace("-", "$-$") if index else cell for index, cell in enumerate(row)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _cells(line: Judged) -> tuple[str, ...]:
    if line.constant:
        return ("constant", *[""] * 5)
    error = line.sign_error
    numbers = (error.mean, error.p90, error.largest, line.tau, line.mean_psi, line.information)
    return tuple(_text(number) for number in numbers)


def _text(number: float | None) -> str:
    """Three decimals; a dash where there is no number; no negative zero."""
    return "-" if number is None else f"{round(number, 3) + 0.0:.3f}"


def _nested(line: Judged) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name != "errors"}


def _flat(line: Judged) -> dict[str, Any]:
    def ends(name: str, interval: tuple[float, float] | None) -> dict[str, float | None]:
        low, high = interval or (None, None)
        return {f"{name}_low": low, f"{name}_high": high}

    def errors(suffix: str, summary: SignErrorSummary) -> dict[str, float | int | None]:
        return {f"sign_error_{field}{suffix}": value for field, value in asdict(summary).items()}

    found: dict[str, Any] = {"name": line.name, "kind": line.kind, "networks": line.networks, "missing": line.missing}
    found |= {"constant": line.constant, "tau": line.tau, **ends("tau", line.tau_interval)}
    found |= {"mean_psi": line.mean_psi} | {f"psi_{name}": value for name, value in line.psi.items()}
    found |= {"information": line.information, "given": line.given, **errors("", line.sign_error)}
    found |= ends("sign_error_mean", line.mean_interval)
    for name, summary in line.sign_error_by.items():
        found |= errors(f"_{name}", summary)
    return found
