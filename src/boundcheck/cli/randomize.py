"""``boundcheck randomize``: the same network on true and corrupted labels and on inputs that have lost their meaning."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

import boundcheck
from boundcheck.cli.options import DataDir, Delta, JsonFile, Seed, json_object, model_settings, numbers
from boundcheck.cli.screen import console, deliver_json, progress_bar

if TYPE_CHECKING:
    from boundcheck.studies.engine import Row
    from boundcheck.studies.randomization import Training


def randomize(
    data: Annotated[
        str, typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, synthetic:NAME or FILE.npz.")
    ] = "digits",
    model: Annotated[
        str, typer.Option("--model", help="linear, mlp, conv, residual, alexnet, inception or package.module:factory.")
    ] = "mlp",
    kinds: Annotated[
        str | None,
        typer.Option("--kinds", help="Some of true, corrupted, random, shuffled-pixels, random-pixels, gaussian; else all."),
    ] = None,
    fractions: Annotated[
        str, typer.Option("--fractions", help="Of labels replaced by uniform ones, for the kind corrupted.")
    ] = "0,0.25,0.5,0.75,1",
    seeds: Annotated[int, typer.Option("--seeds", min=1, metavar="INT", help="Runs of each kind: --seed and the next ones.")] = 3,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder of the plan and its rows.")] = "boundcheck-randomize",
    n: Annotated[int | None, typer.Option("--n", help="Train on this many examples, chosen under the seed.")] = None,
    crop: Annotated[int | None, typer.Option("--crop", metavar="PIXELS", help="Cut images to a square in their middle.")] = None,
    standardize: Annotated[bool, typer.Option("--standardize", help="Bring each input to mean 0 and deviation 1.")] = False,
    widths: Annotated[str | None, typer.Option("--widths", help="Hidden widths of the mlp, e.g. 512,512.")] = None,
    channels: Annotated[str | None, typer.Option("--channels", help="Channels of conv, residual, alexnet.")] = None,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Layers without biases.")] = False,
    batchnorm: Annotated[bool, typer.Option("--batchnorm", help="Batch normalization (mlp, conv, residual).")] = False,
    model_kwargs: Annotated[
        str | None, typer.Option("--model-kwargs", metavar="JSON", help="Further arguments of the model.")
    ] = None,
    regularize: Annotated[
        str | None, typer.Option("--regularize", help="Switch on some of weight-decay, dropout, augment.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", help="At most this many; stops at zero training error.")] = 200,
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd or adam.")] = "sgd",
    lr: Annotated[float, typer.Option("--lr", help="Learning rate; for adam 0.001 is usual.")] = 0.05,
    lr_decay: Annotated[float, typer.Option("--lr-decay", help="Factor of the learning rate per epoch.")] = 1.0,
    momentum: Annotated[float, typer.Option("--momentum", help="Momentum of sgd.")] = 0.9,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Examples a step.")] = 128,
    bounds: Annotated[
        str | None, typer.Option("--bounds", metavar="NAME,…", help="Only these, or none; 'boundcheck bounds' lists them.")
    ] = None,
    delta: Delta = 0.05,
    workers: Annotated[
        int, typer.Option("--workers", min=0, metavar="INT", help="Processes of one thread each; 0 for one a core.")
    ] = 0,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="Scheduler tcp://HOST:PORT or local:N; needs the extra dask.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Do jobs again that failed.")] = False,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Run the randomization tests of Zhang et al. (2017), with every bound attached.

    The same network is trained on true labels, on labels of which a fraction is replaced, on images whose pixels are shuffled,
    and on noise. It fits them all; the time to fit, the errors and the bounds tell them apart. Rows go to --out one job at a
    time: a test that was interrupted or killed goes on where it was when the command is repeated. Exit code 1 says that some job
    failed.

    Example:  boundcheck randomize --data mnist --n 2000 --widths 512 --seeds 2 --out mnist-512
    """
    from boundcheck.evaluation import chosen_theorems
    from boundcheck.files import check_writable
    from boundcheck.runs.training import Settings
    from boundcheck.studies.engine import check_address, check_folder, run_jobs
    from boundcheck.studies.machine import cores
    from boundcheck.studies.randomization import KINDS, Training, choose_kinds, make_jobs
    from boundcheck.studies.randomization.job import run_job

    check_writable([json_file] if json_file not in (None, "-") else [])
    training = Training(
        data=data,
        model=model,
        model_kwargs=model_settings(widths, channels, not no_bias, batchnorm, json_object("--model-kwargs", model_kwargs)),
        n=n,
        crop=crop,
        standardize=standardize,
        settings=Settings(optimizer, lr, lr_decay, momentum, 0.0, batch_size, epochs),
        regularize=tuple(sorted(set(regularize.split(",")))) if regularize is not None else (),
        bounds=() if bounds == "none" else chosen_theorems(bounds),
        delta=delta,
    )
    chosen = choose_kinds(KINDS if kinds is None else kinds.split(","), numbers("--fractions", fractions) or ())
    jobs = make_jobs(training, chosen, range(seed, seed + seeds), data_dir)
    if data_dir is not None:
        os.environ["BOUNDCHECK_DATA"] = os.path.abspath(data_dir)  # workers look there; the plan must not depend on the place
    if dask is not None:
        check_address(dask)
    check_folder(run_job, jobs, out)
    screen = console(json_file)
    screen.print(f"{len(chosen)} kinds with {seeds} seeds each, {len(jobs)} jobs; rows in {out}")
    with progress_bar() as tell:
        try:
            rows = run_jobs(
                run_job, jobs, out, workers=workers or cores(), dask=dask, retry_failed=retry_failed, progress=tell
            )  # fmt: skip
        except KeyboardInterrupt:
            screen.print(f"interrupted; what is finished is in {out}, and the same command goes on from there")
            raise
    return _deliver(rows, training, out, json_file)


def _deliver(rows: list[Row], training: Training, out: str, json_file: str | None) -> int:
    from boundcheck.cli.randomize_screen import tables
    from boundcheck.studies.engine.ledger import read_plan
    from boundcheck.studies.randomization import summarize

    lines, failed, screen = summarize(rows), [row for row in rows if row.failed is not None], console(json_file)
    if lines:
        for table in tables(lines, training):
            screen.print(table)
    for row in failed:
        what = f"{row.config['inputs']} inputs, {', '.join(row.config['labels'])} labels"
        screen.print(f"failed: {what}, seed {row.config['settings']['seed']}: {row.failed}", soft_wrap=True)
    if json_file is not None:
        content = {
            "format": "boundcheck-randomize/1",
            "boundcheck": boundcheck.__version__,
            "plan": read_plan(out).sha256,
            "out": out,
            "delta": training.delta,
            "summary": [asdict(line) for line in lines],
            "rows": [vars(row) for row in rows],
        }
        deliver_json(json_file, json.dumps(content, allow_nan=False) + "\n")
    return int(bool(failed))
