"""Writes docs/theorems, docs/measures.md and the tables of README.md and of the audit, from code and rows, or checks them.

python docs/generate.py           writes what has changed and removes pages of theorems that are gone
python docs/generate.py --check   names what has drifted and exits with 1
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from audit_part import audit_pages, with_audit  # noqa: E402
from catalogue_pages import CLOSE, OPEN, catalogue_table, index_page, theorem_page  # noqa: E402
from certificates_part import certificates_pages, with_certificates  # noqa: E402
from front_page import filled  # noqa: E402
from measure_page import measure_page  # noqa: E402
from restructured import Links  # noqa: E402

from boundcheck.bounds import CATALOGUE  # noqa: E402


def pages() -> dict[Path, str]:
    """Every generated page by its path below docs."""
    reviewed: Mapping[str, Any] = tomllib.loads((ROOT / "tests" / "theorems.toml").read_text(encoding="utf-8"))
    theorems = list(CATALOGUE.values())
    links = Links(frozenset(CATALOGUE))
    found = {Path("theorems") / f"{t.name}.md": theorem_page(t, reviewed.get(t.name, {}), links) for t in theorems}
    found[Path("theorems") / "README.md"] = index_page(theorems)
    found[Path("measures.md")] = measure_page()
    for path, text in links.lemma_pages().items():
        found[Path("theorems") / path] = text
    return found


def readme(text: str) -> str:
    """README.md with the parts that are made from code and rows renewed; unchanged where it has no place for them."""
    text = with_certificates(with_audit(filled(text, ROOT), ROOT), ROOT)
    if OPEN not in text or CLOSE not in text:
        return text
    head, _, rest = text.partition(OPEN)
    _, _, tail = rest.partition(CLOSE)
    return f"{head}{OPEN}\n{catalogue_table(list(CATALOGUE.values()), 'docs/theorems/')}{CLOSE}{tail}"


def drifted() -> dict[Path, str | None]:
    """What differs from the code: the path and the text that it should have, ``None`` for a page that should not be there."""
    wanted: dict[Path, str | None] = {HERE / path: text for path, text in pages().items()}
    front = ROOT / "README.md"
    wanted[front] = readme(front.read_text(encoding="utf-8"))
    wanted |= audit_pages(ROOT) | certificates_pages(ROOT)
    wanted |= {path: None for path in (HERE / "theorems").rglob("*.md") if path not in wanted}
    return {path: text for path, text in wanted.items() if text != (path.read_text(encoding="utf-8") if path.exists() else None)}


def main(arguments: list[str]) -> int:
    """Write or check."""
    changes = drifted()
    for path, text in changes.items():
        print(f"{'drifted' if arguments == ['--check'] else 'wrote' if text is not None else 'removed'} {path.relative_to(ROOT)}")
        if arguments == ["--check"]:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if changes and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
