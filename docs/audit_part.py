"""The part of the front page that stands between the marks of the audit."""

from __future__ import annotations

from pathlib import Path

from boundcheck.bounds import CATALOGUE
from boundcheck.studies.audit_table import by_family, opening, read_rows, whole_page

OPEN, CLOSE = "<!-- audit -->", "<!-- /audit -->"
ROWS = Path("experiments") / "audit" / "rows.jsonl"


def with_audit(text: str, root: Path) -> str:
    """The page with its table of the audit renewed; unchanged where it has no place for one.

    Args:
        text: The page.
        root: Folder of the repository.
    """
    if OPEN not in text or CLOSE not in text:
        return text
    rows = read_rows(root / ROWS)
    head, _, rest = text.partition(OPEN)
    _, _, tail = rest.partition(CLOSE)
    table = by_family(rows, {name: theorem.family for name, theorem in CATALOGUE.items()})
    note = "Interval: of the probability of a miss there, exact. Ratio: the smallest of a number to the true risk without a miss."
    return f"{head}{OPEN}\n{opening(rows, CATALOGUE)}\n\n{table}\n{note}\n{CLOSE}{tail}"


def audit_pages(root: Path) -> dict[Path, str]:
    """The tables beside the rows, by path.

    Args:
        root: Folder of the repository.
    """
    return {root / ROWS.with_name("table.md"): whole_page(read_rows(root / ROWS), CATALOGUE)}
