"""``boundcheck certify``: a predictor trained together with its certificate, and the checkpoint that ``evaluate`` reads."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

import boundcheck
from boundcheck.cli.options import DataDir, Delta, JsonFile, Seed, json_object, model_settings
from boundcheck.cli.screen import console, deliver_json, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from boundcheck.report.report import Report
    from boundcheck.runs.certifying import CertifyJob
    from boundcheck.runs.checkpoint import Checkpoint

_LEAST_SHARE = 0.05  # of a time budget is kept for measuring, whatever training took


def certify(
    data: Annotated[
        str,
        typer.Option(
            "--data", help="digits, mnist, fashion-mnist, cifar10, synthetic:NAME or FILE.npz; mnist:0-4/5-9 joins classes."
        ),
    ] = "digits",
    model: Annotated[
        str, typer.Option("--model", help="oriented, linear, mlp, conv, residual, subspace or package.module:factory.")
    ] = "mlp",
    method: Annotated[str, typer.Option("--method", help="pac-bayes, compression or pick-to-learn.")] = "pac-bayes",
    labels: Annotated[str, typer.Option("--labels", help="true, random or corrupt:P.")] = "true",
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The checkpoint with the certificate.")] = "cert.pt",
    bytes_file: Annotated[
        str | None, typer.Option("--bytes", metavar="FILE", help="The compressed network as a file of its own.")
    ] = None,
    widths: Annotated[str | None, typer.Option("--widths", help="Hidden widths of the mlp, e.g. 512,512.")] = None,
    channels: Annotated[str | None, typer.Option("--channels", help="Channels of conv and residual, e.g. 16,32.")] = None,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Layers without biases.")] = False,
    batchnorm: Annotated[bool, typer.Option("--batchnorm", help="Batch normalization (with --prior split only).")] = False,
    model_kwargs: Annotated[
        str | None, typer.Option("--model-kwargs", metavar="JSON", help="Further arguments of the model.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="Train on this many examples, chosen under the seed.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the sample; else the method's.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Examples a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Largest learning rate.")] = None,
    seconds: Annotated[float | None, typer.Option("--time", metavar="SECONDS", help="Budget for training and measuring.")] = None,
    prior: Annotated[str | None, typer.Option("--prior", help="zero, initial, split:0.5 or recursive:4.")] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help="kl, mcallester, catoni, lambda, quadratic or bernstein.")
    ] = None,
    posterior: Annotated[str | None, typer.Option("--posterior", help="gaussian or laplace.")] = None,
    prior_scale: Annotated[
        float | None, typer.Option("--prior-scale", help="Scale of the prior; else one a layer, on a grid that is paid for.")
    ] = None,
    basis: Annotated[
        str | None, typer.Option("--basis", help="Noise independent along weights or inputs of the first layer; else auto.")
    ] = None,
    kl_factor: Annotated[float | None, typer.Option("--kl-factor", help="Weight of the divergence in training.")] = None,
    settings: Annotated[str | None, typer.Option("--settings", metavar="JSON", help="Further settings of the method.")] = None,
    configurations: Annotated[
        int, typer.Option("--configurations", help="Runs among which results chose this one; the certificate pays for them.")
    ] = 1,
    delta: Delta = 0.05,
    effort: Annotated[str, typer.Option("--effort", help="quick or full: how many networks are drawn.")] = "quick",
    draws: Annotated[
        int | None, typer.Option("--draws", help="Networks drawn to measure the certificate; else as many as the effort has.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint at --out, which an interrupt left.")
    ] = False,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Train a predictor together with a certificate of its error, every choice paid for.

    The certificate is written as a checkpoint; 'boundcheck evaluate' measures it again from the file alone. An interrupt (Ctrl-C)
    loses at most a minute; --resume goes on from there.

    Example:  boundcheck certify --data mnist --model conv --channels 8,16 --time 300 --out cert.pt
    """
    from boundcheck.compression.stored import stored_bytes
    from boundcheck.errors import InputError
    from boundcheck.evaluation import check_effort
    from boundcheck.files import check_writable, write_whole
    from boundcheck.runs.certifying import CertifyJob, run_certify

    check_effort(effort)
    check_writable([path for path in (out, json_file, bytes_file) if path not in (None, "-")])
    if bytes_file is not None and method != "compression":
        raise InputError(
            "--bytes with --method compression", f"--method {method}", "leave it out: there is no compressed network"
        )
    named = {
        "epochs": epochs, "batch_size": batch_size, "lr": lr, "prior": prior, "objective": objective, "posterior": posterior,
        "prior_scale": prior_scale, "kl_factor": kl_factor, "basis": basis,
    }  # fmt: skip
    job = CertifyJob(
        method=method,
        data=data,
        model=model,
        model_kwargs=model_settings(widths, channels, not no_bias, batchnorm, json_object("--model-kwargs", model_kwargs)),
        labels=labels,
        n=n,
        seed=seed,
        delta=delta,
        configurations=configurations,
        seconds=seconds,
        settings={name: value for name, value in named.items() if value is not None} | json_object("--settings", settings),
    )
    screen, start = console(json_file), time.perf_counter()
    screen.print(f"certifying {model} on {data}, labels {labels}, by {method}")
    kept = []
    with progress_bar() as tell:

        def keep(checkpoint: Checkpoint) -> None:
            checkpoint.save(out)
            kept.append(out)

        try:
            checkpoint = run_certify(job, data_dir=data_dir, resume_from=out if resume else None, save=keep, progress=tell)
        except KeyboardInterrupt:
            if kept:
                screen.print(f"interrupted; what was done is in {out}, and --resume goes on from there")
            raise
        checkpoint.save(out)
        if bytes_file is not None and checkpoint.certificate is not None:
            write_whole(bytes_file, stored_bytes(checkpoint.certificate))
        left = None if seconds is None else max(seconds - (time.perf_counter() - start), _LEAST_SHARE * seconds)
        least, report = _measured(job, out, effort, draws, left, data_dir, tell)
    _say(screen, job, least, report, out, time.perf_counter() - start)
    if json_file is not None:
        deliver_json(json_file, _summary(job, checkpoint, least, report, out, time.perf_counter() - start))
    return 0


def _measured(
    job: CertifyJob, out: str, effort: str, draws: int | None, seconds: float | None, data_dir: str | None, tell: Any
) -> tuple[Report, Report]:
    """The certificate as it is read from the file: theorems that share delta, and what stands beside it, each alone."""
    from boundcheck.evaluation import ask, measure
    from boundcheck.runs.certifying import METHODS
    from boundcheck.runs.loading import load_run

    method = METHODS[job.method]
    run = load_run(out, model=job.model if ":" in job.model else None, data_dir=data_dir)
    names = method.headline + method.beside
    evidence = measure(
        run, delta=job.delta, bounds=names, effort=effort, seed=job.seed, progress=tell, draws=draws, seconds=seconds
    )
    return ask(evidence, delta=job.delta, bounds=method.headline, joint=True), ask(evidence, delta=job.delta, bounds=names)


def _say(screen: Console, job: CertifyJob, least: Report, report: Report, out: str, seconds: float) -> None:
    from boundcheck.report.certificate import headline

    screen.print(report)
    screen.print()
    for line in headline(least):
        screen.print(line)
    screen.print(f"wrote {out} ({seconds:.0f} s); next: boundcheck evaluate --checkpoint {out}")


def _summary(job: CertifyJob, checkpoint: Checkpoint, least: Report, report: Report, out: str, seconds: float) -> str:
    from boundcheck.report.certificate import smallest
    from boundcheck.runs.checkpoint import file_sha256

    best = smallest(least)
    content = {
        "format": "boundcheck-certify/1",
        "boundcheck": boundcheck.__version__,
        "checkpoint": out,
        "sha256": file_sha256(out),
        "method": job.method,
        "delta": job.delta,
        "configurations": job.configurations,
        "certificate": None if best is None else {"value": best.value, "about": best.about, "name": best.name},
        "training": dict(checkpoint.training),
        "history": list(checkpoint.history),
        "seconds": seconds,
        "report": json.loads(report.to_json()),
    }
    return json.dumps(content, allow_nan=False) + "\n"
