"""``boundcheck demo``: the whole story on embedded data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from boundcheck.cli.options import Delta, JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from boundcheck.progress import Progress
    from boundcheck.report.report import Report

LABELS = ("true", "random")
STORY = (
    "langford2005testset",
    "vapnik1998growth",
    "blum2003hypergeometric",
    "blumer1987bits",
    "golowich2018size",
    "golowich2018chevet",
    "gonon2024peeling",
    "bartlett2017spectral",
    "bartlett2017covering",
    "neyshabur2018spectral",
    "neyshabur2018relative",
    "maurer2004kl",
    "rivasplata2020disintegrated",
    "viallard2024disintegrated",
    "zhou2019compression",
)
"""The theorems that the demo asks: some of every family that speaks of networks, few enough for one screen."""
# Without biases every theorem of the first line has its hypotheses; wide enough to fit random labels in seconds.
_MODEL = {"widths": (128,), "bias": False}
_EPOCHS = 2000


def demo(
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Folder for checkpoints, page and figure.")
    ] = "boundcheck-demo",
    delta: Delta = 0.05,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Train one network on true and one on random labels, evaluate both, and show the bounds beside each other.

    Both networks fit their sample. On random labels nothing can be learnt, so every bound has to be vacuous there; a bound that
    is vacuous on true labels too says nothing about why the first network generalizes.

    Example:  boundcheck demo --out story
    """
    from boundcheck.evaluation import check_delta
    from boundcheck.files import check_writable, write_whole
    from boundcheck.report.comparison import Comparison

    check_delta(delta)
    check_writable([json_file] if json_file not in (None, "-") else [])
    folder = _folder(out)
    names = [f"{labels}.{suffix}" for labels in LABELS for suffix in ("pt", "json")]
    check_writable(
        [
            *(folder / name for name in (*names, "report.html", "figure.png")),
            *([json_file] if json_file not in (None, "-") else []),
        ]
    )
    screen = console(json_file)
    reports: dict[str, Report] = {}
    with progress_bar() as tell:
        for i, labels in enumerate(LABELS):
            reports[labels] = _story(labels, folder, delta, seed, _part(tell, i))
    for labels, report in reports.items():
        report.to_json(folder / f"{labels}.json")
    comparison = Comparison(reports["true"], reports["random"], ("true labels", "random labels"))
    comparison.plot(folder / "figure.png")
    write_whole(folder / "report.html", comparison.to_html())
    screen.print(comparison)
    screen.print(f"wrote {folder}/report.html, figure.png, and the checkpoints true.pt and random.pt")
    screen.print(f"next: boundcheck evaluate --checkpoint {folder}/true.pt   (every theorem; 'boundcheck bounds' lists them)")
    if json_file is not None:
        both = {"format": "boundcheck-demo/1", **{labels: json.loads(report.to_json()) for labels, report in reports.items()}}
        deliver_json(json_file, json.dumps(both, allow_nan=False) + "\n")
    return 0


def _part(tell: Progress, i: int) -> Progress:
    """Progress of one of the stories, told as progress of all."""

    def told(what: str, fraction: float) -> None:
        tell(f"{LABELS[i]} labels: {what}", (i + fraction) / len(LABELS))

    return told


def _folder(out: str) -> Path:
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder in --out", f"a file, {out}", "choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("a folder that can be made in --out", f"{out} ({error.strerror})", "choose another place") from None
    return folder


def _story(labels: str, folder: Path, delta: float, seed: int, tell: Progress) -> Report:
    """Train on one kind of labels, write the checkpoint, and evaluate what was written."""
    from boundcheck.evaluation import evaluate
    from boundcheck.runs.job import TrainingJob, prepare
    from boundcheck.runs.loading import load_run
    from boundcheck.runs.training import Settings

    job = TrainingJob("digits", "mlp", _MODEL, labels, None, Settings(epochs=_EPOCHS, seed=seed))
    prepared = prepare(job)
    trained = prepared.run(lambda e, _: tell(f"epoch {e.epoch}, {e.errors} wrong", 0.5 * min(e.epoch / 400, 1.0)))
    path = folder / f"{labels}.pt"
    prepared.checkpoint(trained, finished=True).save(path)
    return evaluate(
        load_run(path), delta=delta, bounds=STORY, seed=seed, progress=lambda what, fraction: tell(what, 0.5 + 0.5 * fraction)
    )
