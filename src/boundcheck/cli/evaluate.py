"""``boundcheck evaluate``: every applicable bound beside the measured error."""

from __future__ import annotations

from typing import Annotated

import typer

from boundcheck.cli.options import DataDir, Delta, JsonFile, Seed, json_object, numbers
from boundcheck.cli.outputs import check_outputs, deliver
from boundcheck.cli.screen import progress_bar
from boundcheck.errors import InputError


def evaluate(
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", metavar="FILE", help="A boundcheck checkpoint, a compressed network or a state dict."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="package.module:factory, for files of other programs.")] = None,
    model_kwargs: Annotated[str | None, typer.Option("--model-kwargs", metavar="JSON", help="Arguments of the factory.")] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="FILE", help="Initial weights; else references are zero.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Data trained on, where the checkpoint doesn't say or it has moved.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="Law of the training labels, for files of other programs.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="Training examples used, for files of other programs.")] = None,
    mean: Annotated[
        str | None, typer.Option("--mean", help="Fixed constants subtracted from the inputs, e.g. 0.5 or 0.4,0.5,0.4.")
    ] = None,
    std: Annotated[str | None, typer.Option("--std", help="Fixed constants they are divided by then.")] = None,
    delta: Delta = 0.05,
    joint: Annotated[bool, typer.Option("--joint", help="Divide delta so that all rows hold together.")] = False,
    bounds: Annotated[
        str | None, typer.Option("--bounds", metavar="NAME,…", help="Only these; 'boundcheck bounds' lists them.")
    ] = None,
    effort: Annotated[str, typer.Option("--effort", help="quick or full: how hard posteriors and codes are searched.")] = "quick",
    seconds: Annotated[
        float | None, typer.Option("--time", metavar="SECONDS", help="Budget of the searches for a posterior and a code.")
    ] = None,
    draws: Annotated[
        int | None, typer.Option("--draws", help="Networks drawn from a certificate's posterior; else as many as the effort has.")
    ] = None,
    json_file: JsonFile = None,
    latex: Annotated[str | None, typer.Option("--latex", metavar="FILE", help="Write a LaTeX table.")] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")] = None,
    plot: Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Draw a figure (.png, .svg, .pdf).")] = None,
    evidence: Annotated[str | None, typer.Option("--evidence", metavar="FILE", help="Save what was measured.")] = None,
    from_evidence: Annotated[
        str | None, typer.Option("--from-evidence", metavar="FILE", help="Use what was measured; needs no network.")
    ] = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
) -> int:
    """Lay every applicable bound of a trained network beside its measured error.

    Each bound is a theorem with its hypotheses checked and its delta paid; what can't be said is said to be not applicable, with
    the reason.

    Example:  boundcheck evaluate --checkpoint run.pt --json report.json --html report.html
    """
    from boundcheck.evaluation import ask, check_delta, check_effort, chosen_theorems

    check_delta(delta)
    check_effort(effort)
    names = chosen_theorems(bounds)
    outputs = {"--json": json_file, "--latex": latex, "--html": html, "--plot": plot, "--evidence": evidence}
    check_outputs(outputs, inputs=(checkpoint, reference, from_evidence, data))
    with progress_bar() as tell:
        if from_evidence is not None:
            _refuse_beside_evidence(
                checkpoint=checkpoint, model=model, model_kwargs=model_kwargs, reference=reference, data=data, labels=labels, n=n,
                mean=mean, std=std,
            )  # fmt: skip
            from boundcheck.evidence.serialize import read_evidence

            found = read_evidence(from_evidence)
        else:
            if checkpoint is None:
                raise InputError(
                    "--checkpoint FILE or --from-evidence FILE", "neither", "make one with 'boundcheck train --out run.pt'"
                )
            from boundcheck.evaluation import measure
            from boundcheck.runs.loading import load_run

            tell("loading", 0.0)
            run = load_run(
                checkpoint, model=model, model_kwargs=json_object("--model-kwargs", model_kwargs), reference=reference, data=data,
                data_dir=data_dir, labels=labels, n=n, seed=seed, mean=numbers("--mean", mean), std=numbers("--std", std),
            )  # fmt: skip
            found = measure(run, delta=delta, bounds=names, effort=effort, seed=seed, progress=tell, draws=draws, seconds=seconds)
        report = ask(found, delta=delta, bounds=names, joint=joint, progress=tell)
    deliver(outputs, report, found)
    return 0


def _refuse_beside_evidence(**given: str | int | None) -> None:
    extra = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if extra:
        raise InputError("--from-evidence alone, which has everything in it", f"also {', '.join(extra)}", "leave one of them out")
