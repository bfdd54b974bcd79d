"""The random-label experiment as a theorem: fits of random signs, kept as they finish, and what follows for each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from boundcheck.errors import InputError
from boundcheck.evidence.collect import collect
from boundcheck.progress import Progress, silent
from boundcheck.runs.checkpoint import is_checkpoint, parse_checkpoint
from boundcheck.runs.run import Run
from boundcheck.runs.stacked import pays
from boundcheck.runs.state import read_file
from boundcheck.runs.training import Epoch, Settings
from boundcheck.studies.capacity import SECTIONS, Interval, balls_of, intervals
from boundcheck.studies.draw_file import DrawFile
from boundcheck.studies.sign_fits import Draw, fit_draws

TOGETHER = 8
"""Draws that are fitted in one stack, where that is faster; what an interruption costs at most."""


@dataclass(frozen=True)
class Plan:
    """What is drawn and how it is fitted; fixed before the first draw.

    Attributes:
        draws: Independent draws of signs.
        delta: Confidence of each statement.
        settings: How a fit is trained; its seed is that of all draws.
    """

    draws: int
    delta: float
    settings: Settings

    @staticmethod
    def of(checkpoint: str, draws: int, epochs: int | None, delta: float, seed: int) -> Plan:
        """Trained as the checkpoint was, where it says how, until no error is left.

        Args:
            checkpoint: Path of the checkpoint.
            draws: Independent draws of signs.
            epochs: At most this many passes; ``None``: as the checkpoint was trained.
            delta: Confidence of each statement.
            seed: Seed of all draws.

        Raises:
            InputError: A setting can't be used.
        """
        content = read_file(checkpoint)
        said: Mapping[str, Any] = parse_checkpoint(content, checkpoint).training if is_checkpoint(content) else {}
        known = {field.name for field in fields(Settings)} - {"seed", "stop"}
        settings = Settings(**{name: value for name, value in said.items() if name in known}, seed=seed)
        return Plan(draws, delta, settings if epochs is None else replace(settings, epochs=epochs))


@dataclass(frozen=True)
class Capacity:
    """The classes of one network.

    Attributes:
        n: Sample size.
        delta: Confidence of each statement.
        rows: One row a class.
        draws: What each draw of signs gave.
        absent: Norms that are not compared, with the reason.
        settings: How the fits were trained.
        assumes: What the lower bounds on gaps rest on besides.
    """

    n: int
    delta: float
    rows: tuple[Interval, ...]
    draws: tuple[Draw, ...]
    absent: Mapping[str, str]
    settings: Settings
    assumes: tuple[str, ...] = (
        "the examples are independent draws from one distribution",
        "the architecture and the number of draws were fixed before the sample was looked at",
    )

    def content(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "delta": self.delta,
            "assumes": list(self.assumes),
            "settings": asdict(self.settings),
            "classes": [row.row() for row in self.rows],
            "draws": [draw.row() for draw in self.draws],
            "absent": dict(self.absent),
        }


def study(run: Run, plan: Plan, *, keep: str | None = None, progress: Progress = silent) -> Capacity:
    """Fit random signs and bound the complexity of each class on both sides.

    Args:
        run: The trained network and its sample.
        plan: What is drawn.
        keep: File of finished draws; those in it are not repeated.
        progress: Told how far the study is.

    Raises:
        InputError: The file holds draws of another plan, or a training fails.
    """
    if run.classes < 2:
        raise InputError("at least two classes", str(run.classes), "check the data")
    evidence = collect(run, SECTIONS, delta=plan.delta)
    balls, absent = balls_of(evidence, plan.delta)
    head = {"sha256": run.sha256, "settings": asdict(plan.settings), "balls": {name: vars(ball) for name, ball in balls.items()}}
    file = DrawFile(keep, head)
    draws = file.read()[: plan.draws]
    together = TOGETHER if pays(run.network, plan.settings) else 1

    def told(number: int, epoch: Epoch) -> None:
        ends = min(len(draws) + together, plan.draws)
        part = (len(draws) + (ends - len(draws)) * epoch.epoch / plan.settings.epochs) / plan.draws
        progress(f"draw {number + 1} of {plan.draws}, epoch {epoch.epoch}: {epoch.errors:,} wrong", part)

    while len(draws) < plan.draws:
        numbers = range(len(draws), min(len(draws) + together, plan.draws))
        draws += fit_draws(run, plan.settings, balls, evidence, numbers=numbers, on_epoch=told)
        file.write(draws)
    rows = intervals(evidence, balls, draws, delta=plan.delta)
    return Capacity(evidence.problem.n, plan.delta, tuple(rows), tuple(draws), absent, plan.settings)
