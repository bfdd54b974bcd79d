"""``boundcheck audit``: every theorem on problems whose risk is known, misses against delta."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

import boundcheck
from boundcheck.cli.options import Delta, JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from boundcheck.studies.audit import Audit, Row


def audit(
    theorems: Annotated[
        str | None, typer.Option("--theorems", metavar="NAME,…", help="Only these; 'boundcheck bounds' lists them.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, metavar="INT", help="Independent samples of each setting.")] = 200,
    delta: Delta = 0.05,
    joint: Annotated[bool, typer.Option("--joint", help="Divide delta, and count trials where any theorem misses.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="INT", help="Processes; 0 for one a core.")] = 0,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Count how often each theorem's number lies below the true risk, and hold that against delta.

    The predictor is chosen after seeing the sample, by an adversary who knows the truth. A theorem fails when its misses exceed
    delta beyond an exact binomial limit, at a level of 0.001 shared by all cells of the table; then the exit code is 1. Ctrl-C
    keeps the trials that are finished.

    Example:  boundcheck audit --theorems langford2005testset,maurer2004kl --trials 500
    """
    from boundcheck.bounds import CATALOGUE
    from boundcheck.evaluation import check_delta, chosen_theorems
    from boundcheck.files import check_writable
    from boundcheck.studies.audit import Audit, Plan
    from boundcheck.studies.machine import cores
    from boundcheck.studies.settings import settings

    check_delta(delta)
    check_writable([json_file] if json_file not in (None, "-") else [])
    names = chosen_theorems(theorems)
    plan = Plan({name: CATALOGUE[name] for name in names}, settings, trials, delta, joint, seed)
    if not plan.settings:
        raise InputError("a theorem that some setting can hold to the truth", ", ".join(names), "leave --theorems out")
    work, interrupted = Audit(plan), False
    with progress_bar() as tell:
        try:
            for done in work.run(workers or cores()):
                tell(f"{done} of {work.total} trials", done / work.total)
        except KeyboardInterrupt:
            interrupted = True
    return _deliver(work, json_file, interrupted)


def _deliver(work: Audit, json_file: str | None, interrupted: bool) -> int:
    from boundcheck.studies.audit import LEVEL

    rows, plan, screen = work.rows(), work.plan, console(json_file)
    holds = all(row.holds for row in rows)
    screen.print(_table(work, rows))
    if plan.uncovered:
        screen.print(f"Not audited, since no setting knows what they speak of: {', '.join(plan.uncovered)}.")
    if interrupted:
        screen.print(f"Interrupted: {work.done} of {work.total} trials are finished and counted above.")
    failed = sorted({row.theorem for row in rows if not row.holds})
    screen.print(f"Misses exceed delta: {', '.join(failed)}." if failed else "No theorem misses more often than delta allows.")
    if json_file is not None:
        content = {
            "format": "boundcheck-audit/1",
            "boundcheck": boundcheck.__version__,
            "seed": plan.seed,
            "delta": plan.delta,
            "joint": plan.joint,
            "trials": plan.trials,
            "level": LEVEL,
            "interrupted": interrupted,
            "holds": holds,
            "settings": {name: setting.says for name, setting in plan.settings.items()},
            "not_audited": list(plan.uncovered),
            "rows": [asdict(row) for row in rows],
        }
        deliver_json(json_file, json.dumps(content, allow_nan=False) + "\n")
    return 130 if interrupted else int(not holds)


def _table(work: Audit, rows: list[Row]) -> RenderableType:
    """One line for each theorem: the setting in which it misses most often, or comes closest to a miss."""
    from rich import box
    from rich.table import Table

    plan = work.plan
    title = f"Misses on problems with known risk: {plan.trials} trials a setting, delta {plan.delta:g}"
    title += f" ({plan.share:.2g} for each theorem)" if plan.joint else ""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("theorem", overflow="fold", min_width=22)
    table.add_column("setting", no_wrap=True)
    for head in ("applies", "misses", "interval", "verdict", "ratio"):
        table.add_column(head, justify="right", no_wrap=True)
    for name in dict.fromkeys(row.theorem for row in rows):
        row = max((row for row in rows if row.theorem == name), key=_closeness)
        table.add_row(
            name,
            row.setting,
            str(row.applicable),
            f"{row.misses}/{row.trials}",
            f"{row.interval[0]:.3f}-{row.interval[1]:.3f}",
            "holds" if row.holds else "FAILS",
            "" if row.tightest is None else f"{row.tightest:.2f}",
        )
    table.caption = "setting: where it misses most; interval: of the rate; ratio: of bound to risk"
    table.caption_justify = "left"
    return table


def _closeness(row: Row) -> tuple[float, int, float]:
    return row.rate, row.applicable > 0, -(row.tightest if row.tightest is not None else float("inf"))
