"""What ``boundcheck randomize`` prints: errors of each kind, and what the bounds say of it, each in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from boundcheck.studies.randomization import Interval, Line, Training


def tables(lines: Sequence[Line], training: Training) -> list[Table]:
    """A table of errors, and where bounds were asked one of these.

    Args:
        lines: One for each kind.
        training: What they have in common.
    """
    title = f"{training.model} on {training.data}" + "".join(f", {word}" for word in training.regularize)
    errors = _empty(title, ("fitted", "time", "train", "test", "interval", "clean"))
    errors.caption = (
        "fitted: runs without a training error at the end; time: steps to that, relative to true labels; test: error on the law "
        "of the training sample; interval: 95 %, over seeds where there are several; clean: error on true labels"
    )
    for line in lines:
        errors.add_row(*_errors(line))
    if not any(line.applicable is not None for line in lines):
        return [errors]
    bounds = _empty("bounds", ("apply", "vacuous", "best"))
    bounds.add_column("by", overflow="fold")
    bounds.caption = (
        f"best: smallest bound from the training sample, all together at delta {training.delta:g}, mean over seeds, by the "
        "theorem that has it most often; vacuous: how many of those that apply say nothing"
    )
    for line in lines:
        bounds.add_row(*_bounds(line))
    return [errors, bounds]


def _empty(title: str, heads: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("kind", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _errors(line: Line) -> list[str]:
    low, high = line.test_interval or (0.0, 1.0)
    return [
        line.kind,
        f"{line.fitted}/{line.seeds}",
        _shown(line.ratio, ".2f"),
        _shown(line.train_error, ".3f"),
        _shown(line.test_error, ".3f"),
        "" if line.test_interval is None else f"{max(low, 0.0):.3f}-{min(high, 1.0):.3f}",
        _shown(line.clean_error, ".3f"),
    ]


def _bounds(line: Line) -> list[str]:
    counts = ["", ""] if line.applicable is None else [f"{line.applicable:.3g}", f"{line.vacuous:.3g}"]
    return [line.kind, *counts, *(["", ""] if line.best is None else [f"{line.best[1]:.3f}", line.best[0]])]


def _shown(interval: Interval | None, form: str) -> str:
    return "" if interval is None else format(interval.mean, form)
