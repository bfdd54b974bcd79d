"""The report as a LaTeX table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from boundcheck.report import rows
from boundcheck.report.display import closest, downward, upward

if TYPE_CHECKING:
    from boundcheck.report.report import Report

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char`\"{}",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "‖": r"$\|$",
    "→": r"$\to$",
    "−": r"$-$",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
)
_SPECIAL |= {chr(0x3B1 + i): f"$\\{name}$" for i, name in enumerate(_GREEK.split()) if name != "omicron"}
_SCIENTIFIC = re.compile(r"^([\d.]+)e([+-]\d+)$")


def escape(text: str) -> str:
    """Text for LaTeX: what is special in LaTeX or unknown to its fonts is written as a command."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def number(text: str) -> str:
    """A number as mathematics: ``3.10e+09`` becomes a power of ten."""
    if text == "-":
        return "--"
    if text.startswith("10^"):
        return f"$10^{{{number(text[3:]).strip('$')}}}$"
    match = _SCIENTIFIC.match(text)
    return rf"${match.group(1)} \times 10^{{{int(match.group(2))}}}$" if match else f"${text}$"


def to_latex(report: Report) -> str:
    """A ``table`` with the bounds, the measured errors in its caption and the reasons below; needs ``booktabs``."""
    shown = rows.rows(report.certificates, applicable=True)
    absent = rows.rows(report.certificates, applicable=False)
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_caption(report)}}}",
        r"\label{tab:boundcheck}",
        r"\begin{tabular}{lllrrl}",
        r"\toprule",
        r"Bound & Family & Predictor & Value & Measured & Verdict \\",
        r"\midrule",
        *(_line(row) for row in shown),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if absent:
        reasons = "; ".join(rf"\texttt{{{escape(r.certificate.name)}}} ({escape(r.certificate.why or '')})" for r in absent)
        lines += [r"\par\medskip", rf"{{\footnotesize Not applicable: {reasons}.\par}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _line(row: rows.Row) -> str:
    c = row.certificate
    name = rf"\texttt{{{escape(c.name)}}}"
    return rf"{name} & {c.family} & {c.about} & {number(row.value)} & {number(row.measured)} & {row.verdict} \\"


def _caption(report: Report) -> str:
    p, e, held = report.provenance, report.errors, report.held_out
    parts = [
        f"{escape(p.model)} ({p.parameters} parameters) on {escape(p.data)}, labels {escape(p.labels)}",
        f"training error {number(closest(e.train_error))} ($n = {e.n}$)",
    ]
    if held is not None:
        low, high = (number(text).strip("$") for text in (downward(held.interval[0], 4), upward(held.interval[1], 4)))
        parts.append(f"test error {number(closest(held.error))}, interval $[{low}, {high}]$ from {held.n} examples")
        if report.problem.corruption > 0.0:
            parts.append(f"{number(closest(held.clean_error))} on clean labels")
    sentences = ["; ".join(parts) + ".", escape(rows.confidence(report)), escape(rows.thresholds(report).capitalize()) + "."]
    return " ".join(sentences)
