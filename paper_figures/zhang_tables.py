"""Tables 1 and 4 of Zhang et al. (2017) in the reduced setting beside the paper's values, as Markdown with the rows."""

from __future__ import annotations

from collections.abc import Sequence

from style import EXPERIMENTS, finished

from boundcheck.files import write_whole
from boundcheck.studies.engine import Row

TABLE = EXPERIMENTS / "randomization" / "tables.md"
# Training and test accuracy in percent, as the paper prints them: Table 1 (CIFAR-10); Table 4 has training accuracy alone.
PAPER = {
    ("AlexNet", ("augment", "weight-decay"), "true"): (99.90, 81.22),
    ("AlexNet", ("augment",), "true"): (99.82, 79.66),
    ("AlexNet", ("weight-decay",), "true"): (100.0, 77.36),
    ("MLP 3x512", ("weight-decay",), "true"): (100.0, 53.35),
    ("MLP 3x512", (), "true"): (100.0, 52.39),
    ("MLP 3x512", (), "random"): (100.0, 10.48),
    ("MLP 3x512", ("weight-decay",), "random"): (100.0, None),
}
_WORDS = {"augment": "crops", "dropout": "dropout", "weight-decay": "weight decay"}


def network_of(row: Row) -> str:
    """What the paper calls the network of a row."""
    kwargs = row.config["model_kwargs"]
    return "AlexNet" if row.config["model"] == "alexnet" else f"MLP {len(kwargs['widths'])}x{kwargs['widths'][0]}"


def measured(rows: Sequence[Row]) -> dict[tuple[str, tuple[str, ...], str], Row]:
    """The rows by network, regularizers and labels."""
    return {(network_of(row), tuple(row.config["regularize"]), (row.result or {})["labels"]): row for row in rows}


def cells(row: Row | None) -> str:
    """Training and test accuracy in percent, epochs, and whether all was fitted."""
    if row is None or row.result is None:
        return "- | - | -"
    result = row.result
    ends = "" if result["fitted"] else "+"
    return (
        f"{100 * (1 - result['train']['error']):.1f} | {100 * (1 - result['test']['clean_error']):.1f} | {result['epochs']}{ends}"
    )


def shown(words: Sequence[str]) -> str:
    """Regularizers in the words of the table."""
    return ", ".join(_WORDS[word] for word in words) or "none"


def printed(value: float | None) -> str:
    """A value of the paper; - where it gives none."""
    return "-" if value is None else f"{value:.2f}"


def page(rows: Sequence[Row]) -> str:
    """The table as Markdown."""
    found = measured(rows)
    lines = [
        "# Regularizers, in the reduced setting and in the paper",
        "",
        "Accuracy in percent, on all held-out images with true labels; a + after the epochs says that training errors were left",
        "at their end. Written by `python paper_figures/zhang_tables.py` from the rows beside it.",
        "",
        "## Tables 1 and 4: CIFAR-10 (ours: 500 images, small networks)",
        "| network | regularizers | labels | train | test | epochs | paper: train | paper: test |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for (network, words, labels), (train, test) in PAPER.items():
        ours = cells(found.get((network, words, labels)))
        lines.append(f"| {network} | {shown(words)} | {labels} | {ours} | {printed(train)} | {printed(test)} |")
    lines += ["", "The paper's Table 4, random labels with regularizers, has no test accuracy."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    write_whole(TABLE, page(finished("randomization/regularizers")))
    print(TABLE.relative_to(EXPERIMENTS.parent))


if __name__ == "__main__":
    main()
