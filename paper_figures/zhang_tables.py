"""Tables 1, 2 and 4 of Zhang et al. (2017) and its section 5 in the reduced setting beside the paper's values, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from style import EXPERIMENTS, finished, network_of

from boundcheck.files import write_whole
from boundcheck.studies.engine import Row

TABLE = EXPERIMENTS / "randomization" / "tables.md"
KINDS = ("kinds-cifar10", "kinds", "kinds-mnist")
Cell = tuple[str, tuple[str, ...], str]
ALL = ("augment", "dropout", "weight-decay")
# Training and test accuracy in percent, as the paper prints them: Table 1 (CIFAR-10); Table 4 has training accuracy alone.
PAPER: Mapping[Cell, tuple[float | None, float | None]] = {
    ("Inception", ("weight-decay",), "true"): (100.0, 86.03),
    ("Inception", (), "true"): (100.0, 85.75),
    ("Inception", (), "random"): (100.0, 9.78),
    ("Inception", ("weight-decay",), "random"): (100.0, None),
    ("Inception without BatchNorm", (), "true"): (100.0, 82.00),
    ("Inception without BatchNorm", (), "random"): (100.0, 10.12),
    ("AlexNet", ("augment", "weight-decay"), "true"): (99.90, 81.22),
    ("AlexNet", ("augment",), "true"): (99.82, 79.66),
    ("AlexNet", ("weight-decay",), "true"): (100.0, 77.36),
    ("AlexNet", (), "true"): (100.0, 76.07),
    ("AlexNet", (), "random"): (99.82, 9.86),
    ("MLP 3x512", ("weight-decay",), "true"): (100.0, 53.35),
    ("MLP 3x512", (), "true"): (100.0, 52.39),
    ("MLP 3x512", (), "random"): (100.0, 10.48),
    ("MLP 3x512", ("weight-decay",), "random"): (100.0, None),
    ("MLP 1x512", ("weight-decay",), "true"): (99.80, 50.39),
    ("MLP 1x512", (), "true"): (100.0, 50.51),
    ("MLP 1x512", (), "random"): (99.34, 10.61),
    ("MLP 1x512", ("weight-decay",), "random"): (99.21, None),
}
# Table 2: top-1 accuracy in percent of Inception V3 on ImageNet; our rows are those of an MLP on CIFAR-10.
PAPER_2: Mapping[Cell, tuple[float | None, float | None]] = {
    ("MLP 3x512", ALL, "true"): (92.18, 77.84),
    ("MLP 3x512", ("augment",), "true"): (92.33, 72.95),
    ("MLP 3x512", ("weight-decay",), "true"): (90.60, 67.18),
    ("MLP 3x512", (), "true"): (99.53, 59.80),
    ("MLP 3x512", ("dropout", "weight-decay"), "random"): (91.18, 0.09),
    ("MLP 3x512", ("weight-decay",), "random"): (87.81, 0.12),
    ("MLP 3x512", (), "random"): (95.20, 0.11),
}
_WORDS = {"augment": "crops", "dropout": "dropout", "weight-decay": "weight decay"}
INTRODUCTION = """# Regularizers, in the reduced setting and in the paper

Accuracy in percent, on all held-out images with true labels; a + after the epochs says that training errors were left
at their end, dashes that a cell was not run. Written by `python paper_figures/zhang_tables.py` from the rows beside it."""
STOPPING = """
## Section 5: early stopping
Test error on true labels on some held-out images that are watched after each epoch: at its least on the way, and at the end. The
epoch is picked by these very images, which flatters it; the last column is on all held-out images, at the end.
"""


def measured(rows: Sequence[Row]) -> dict[Cell, Row]:
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


def beside(title: str, found: Mapping[Cell, Row], paper: Mapping[Cell, tuple[float | None, float | None]]) -> list[str]:
    """A table of accuracies beside the paper's; cells that were not run have dashes."""
    lines = [
        f"\n## {title}",
        "| network | regularizers | labels | train | test | epochs | paper: train | paper: test |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for (network, words, labels), (train, test) in paper.items():
        ours = cells(found.get((network, words, labels)))
        lines.append(f"| {network} | {shown(words)} | {labels} | {ours} | {printed(train)} | {printed(test)} |")
    return lines


def stopping(rows: Sequence[Row], setting: Callable[[Row], str]) -> list[str]:
    """Lines of the least watched error on the way and of the error at the end."""
    lines = []
    for row in rows:
        result = row.result or {}
        best, last = result["best_on_the_way"], result["curve"]["clean_test_error"][-1]
        lines.append(
            f"| {network_of(row)} | {setting(row)} | {best['epoch']} of {result['epochs']} | {best['clean_error']:.3f} "
            f"| {last:.3f} | {result['test']['clean_error']:.3f} |"
        )
    return lines


def of_kind(row: Row) -> str:
    """What a row of the kinds trained on."""
    data = {"fashion-mnist": "Fashion-MNIST", "mnist": "MNIST"}.get(row.config["data"], "CIFAR-10")
    return f"{data}, {(row.result or {})['kind']}, seed {row.config['settings']['seed']}"


def of_regularizers(row: Row) -> str:
    """What a row of the regularizers trained on."""
    return f"CIFAR-10, {(row.result or {})['labels']} labels, {shown(row.config['regularize'])}"


def stoppable(rows: Sequence[Row]) -> list[Row]:
    """Rows whose labels have something to do with the images, so that there is something to stop for."""
    return [row for row in rows if (row.result or {})["inputs"] == "as-they-are" and (row.result or {})["labels"] != "random"]


def page(kinds: Sequence[Row], regularizers: Sequence[Row]) -> str:
    """The tables as Markdown."""
    found = measured(regularizers)
    lines = [
        INTRODUCTION,
        *beside("Tables 1 and 4: CIFAR-10 (ours: 500 images, small networks)", found, PAPER),
        "\nThe paper's Table 4, random labels with regularizers, has no test accuracy.",
        *beside("Table 2: the paper's Inception V3 on ImageNet, our MLP on CIFAR-10", found, PAPER_2),
        STOPPING,
        "| network | trained on | best epoch | least error watched | at the end, watched | at the end, all |",
        "|---|---|---:|---:|---:|---:|",
        *stopping(stoppable(kinds), of_kind),
        *stopping(stoppable(regularizers), of_regularizers),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    kinds = [row for part in KINDS for row in finished(f"randomization/{part}")]
    write_whole(TABLE, page(kinds, finished("randomization/regularizers")))
    print(TABLE.relative_to(EXPERIMENTS.parent))


if __name__ == "__main__":
    main()
