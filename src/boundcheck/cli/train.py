"""``boundcheck train``: a checkpoint with the initial weights, the data description and the history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

import boundcheck
from boundcheck.cli.options import DataDir, JsonFile, Seed, json_object, model_settings
from boundcheck.cli.screen import console, deliver_json, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from boundcheck.progress import Progress
    from boundcheck.runs.checkpoint import Checkpoint
    from boundcheck.runs.training import Epoch, Settings, Trained


def train(
    data: Annotated[
        str, typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, synthetic:NAME or FILE.npz.")
    ] = "digits",
    model: Annotated[
        str, typer.Option("--model", help="linear, mlp, conv, residual, alexnet, inception or package.module:factory.")
    ] = "mlp",
    labels: Annotated[str, typer.Option("--labels", help="true, random or corrupt:P.")] = "true",
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The checkpoint.")] = "run.pt",
    widths: Annotated[str | None, typer.Option("--widths", help="Hidden widths of the mlp, e.g. 512,512.")] = None,
    channels: Annotated[str | None, typer.Option("--channels", help="Channels of conv and residual, e.g. 16,32.")] = None,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Layers without biases.")] = False,
    batchnorm: Annotated[bool, typer.Option("--batchnorm", help="Batch normalization (mlp, conv, residual).")] = False,
    model_kwargs: Annotated[
        str | None, typer.Option("--model-kwargs", metavar="JSON", help="Further arguments of the model.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="Train on this many examples, chosen under the seed.")] = None,
    epochs: Annotated[int, typer.Option("--epochs", help="At most this many; --stop ends earlier.")] = 200,
    stop: Annotated[
        str, typer.Option("--stop", help="errors (none left), margin:GAMMA:SHARE of the examples, or loss:NATS.")
    ] = "errors",
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd or adam.")] = "sgd",
    lr: Annotated[float, typer.Option("--lr", help="Learning rate; for adam 0.001 is usual.")] = 0.05,
    lr_decay: Annotated[float, typer.Option("--lr-decay", help="Factor of the learning rate per epoch.")] = 1.0,
    momentum: Annotated[float, typer.Option("--momentum", help="Momentum of sgd.")] = 0.9,
    weight_decay: Annotated[float, typer.Option("--weight-decay", help="Coefficient of the squared norm.")] = 0.0,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Examples a step.")] = 128,
    augment: Annotated[int, typer.Option("--augment", metavar="PIXELS", help="Move images by up to this while training.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint at --out, which an interrupt left.")
    ] = False,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Train a network to zero training error, a margin or a loss, and write a checkpoint.

    The checkpoint holds the weights, the weights training started from, how to rebuild the network, which sample it was trained
    on (with its hash), and one record an epoch. The same seed gives the same checkpoint. An interrupt (Ctrl-C) keeps what was
    done; --resume goes on from there and ends where an uninterrupted training would have ended.

    Example:  boundcheck train --data mnist --model mlp --widths 512,512 --labels random --out random.pt
    """
    from boundcheck.files import check_writable
    from boundcheck.runs.job import TrainingJob, prepare
    from boundcheck.runs.training import Settings

    check_writable([path for path in (out, json_file) if path not in (None, "-")])
    kwargs = model_settings(widths, channels, not no_bias, batchnorm, json_object("--model-kwargs", model_kwargs))
    settings = Settings(optimizer, lr, lr_decay, momentum, weight_decay, batch_size, epochs, seed, stop, augment)
    job = TrainingJob(data, model, kwargs, labels, n, settings)
    prepared = prepare(job, data_dir, resume_from=out if resume else None)
    screen = console(json_file)
    screen.print(
        f"{model} with {prepared.parameters:,} parameters on {len(prepared.train):,} examples of {data}, labels {labels}"
    )
    latest: dict[str, Trained] = {}
    start = time.perf_counter()
    with progress_bar() as tell:
        try:
            trained = prepared.run(_teller(tell, settings, len(prepared.train), latest))
        except KeyboardInterrupt:
            if latest:
                prepared.checkpoint(latest["epoch"], finished=False).save(out)
                screen.print(f"interrupted; what was done is in {out}, and --resume goes on from there")
            raise
    checkpoint = prepared.checkpoint(trained, finished=True)
    checkpoint.save(out)
    seconds = time.perf_counter() - start
    _say(screen, trained, settings, len(prepared.train), model, out, seconds)
    if json_file is not None:
        deliver_json(json_file, _summary(checkpoint, trained, out, seconds))
    return 0


def _teller(tell: Progress, settings: Settings, n: int, latest: dict[str, Trained]) -> Callable[[Epoch, Trained], None]:
    def on_epoch(epoch: Epoch, stand: Trained) -> None:
        latest["epoch"] = stand
        tell(f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, {epoch.errors:,} of {n:,} wrong", epoch.epoch / settings.epochs)

    return on_epoch


def _say(screen: Console, trained: Trained, settings: Settings, n: int, model: str, out: str, seconds: float) -> None:
    last = trained.history[-1]
    wrong = "no training error" if trained.fitted else f"{last['errors']:,} of {n:,} training examples wrong"
    if trained.stopped:
        verdict = f"{wrong} after {last['epoch']} epochs" + ("" if settings.stop == "errors" else f", {settings.stop} reached")
    elif settings.stop != "errors":
        level = f"{last['level']:.4g}"
        verdict = f"{wrong} and {settings.stop} not reached (at {level}) after {last['epoch']} epochs; --epochs gives more"
    else:
        verdict = f"{last['errors']:,} of {n:,} training examples still wrong after {last['epoch']} epochs; --epochs gives more"
    screen.print(f"{verdict} ({seconds:.1f} s, loss {last['loss']:.2g} nats)")
    again = f" --model {model}" if ":" in model else ""  # code of the user's own is run only when it is named
    screen.print(f"wrote {out}; next: boundcheck evaluate --checkpoint {out}{again}")


def _summary(checkpoint: Checkpoint, trained: Trained, out: str, seconds: float) -> str:
    from boundcheck.runs.checkpoint import file_sha256

    content = {
        "format": "boundcheck-train/1",
        "boundcheck": boundcheck.__version__,
        "checkpoint": out,
        "sha256": file_sha256(out),
        "model": dict(checkpoint.model),
        "data": vars(checkpoint.data),
        "training": dict(checkpoint.training),
        "fitted": trained.fitted,
        "stopped": trained.stopped,
        "seconds": seconds,
        "history": list(trained.history),
    }
    return json.dumps(content, allow_nan=False) + "\n"
