"""``boundcheck uniform``: problems on which no two-sided uniform-convergence bound can say much, run and checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

import boundcheck
from boundcheck.cli.options import JsonFile, Seed, whole_numbers
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT = "boundcheck-uniform/1"
_EXAMPLES = ("linear", "spheres")


def uniform(
    example: Annotated[str, typer.Option("--example", help="linear or spheres.")] = "linear",
    m: Annotated[int | None, typer.Option("--m", help="Training examples: 100 (linear), 10000 (spheres).")] = None,
    d: Annotated[int | None, typer.Option("--d", help="Dimensions: 20000 of noise (linear), 300 (spheres).")] = None,
    delta: Annotated[float, typer.Option("--delta", help="Each statement holds with probability 1 - delta.")] = 0.05,
    runs: Annotated[int | None, typer.Option("--runs", help="Independent runs: 1 (linear), 5 (spheres).")] = None,
    widths: Annotated[str | None, typer.Option("--widths", help="Spheres: hidden widths of the ReLU network.")] = None,
    lr: Annotated[float, typer.Option("--lr", help="Spheres: learning rate.")] = 0.1,
    epochs: Annotated[int, typer.Option("--epochs", help="Spheres: at most this many.")] = 100,
    stop: Annotated[str, typer.Option("--stop", help="Spheres: the rule that ends training, as for train.")] = "loss:0.01",
    test: Annotated[int, typer.Option("--test", help="Spheres: fresh examples a run.")] = 20000,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Spheres: keep finished runs here and go on from them.")
    ] = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Problems on which no two-sided uniform-convergence bound can say much, though what is learned generalizes.

    linear: the construction of Nagarajan and Kolter (2019), with explicit conditions; a sample of the same law is misclassified
    altogether by what was learned, so a bound on |R - training error| that is uniform over what the algorithm finds is nearly 1.

    spheres: a ReLU network learns to tell two concentric spheres apart and errs on the training sample moved to the other
    sphere, which has the same law; the bound follows with a confidence over independent runs.

    Exit code 1: the conditions do not hold, or the runs support no bound.

    Example:  boundcheck uniform --example linear --m 100 --d 20000

    Example:  boundcheck uniform --example spheres --m 2000 --d 100 --runs 5
    """
    from boundcheck.evaluation import check_delta
    from boundcheck.files import check_writable

    check_delta(delta)
    if example not in _EXAMPLES:
        raise InputError("an example", repr(example), nearest(example, _EXAMPLES))
    if runs is not None and runs < 1:
        raise InputError("at least one of --runs", str(runs), "try 5")
    check_writable([json_file] if json_file not in (None, "-") else [])
    if example == "linear":
        if out is not None or widths is not None:
            raise InputError("--example linear without --out and --widths", "one of them", "they belong to --example spheres")
        content = _linear(100 if m is None else m, 20_000 if d is None else d, delta, runs or 1, seed, json_file)
    else:
        plan = {
            "m": 10_000 if m is None else m,
            "d": 300 if d is None else d,
            "widths": list(whole_numbers("--widths", widths) or (500,)),
            "lr": lr,
            "momentum": 0.9,
            "batch_size": 50,
            "epochs": epochs,
            "stop": stop,
            "test": test,
        }
        jobs = [plan | {"seed": seed + number} for number in range(runs or 5)]
        content = _spheres(jobs, delta, out, json_file)
    if json_file is not None:
        head = {"format": _FORMAT, "boundcheck": boundcheck.__version__, "example": example}
        deliver_json(json_file, json.dumps(head | content, allow_nan=False) + "\n")
    return 0 if content["lower_bound"] > 0.0 else 1


def _linear(m: int, d: int, delta: float, runs: int, seed: int, json_file: str | None) -> dict[str, Any]:
    from boundcheck.report.display import closest, downward, upward
    from boundcheck.studies.nagarajan2019linear import conditions, least_dimension, run

    promised = conditions(m, d, delta)
    with progress_bar() as tell:
        outcomes = []
        for number in range(runs):
            tell(f"run {number + 1} of {runs}", number / runs)
            outcomes.append(run(m, d, seed + number))
    screen = console(json_file)
    screen.print(f"{m} examples, {d:,} noise dimensions, delta {delta:g}")
    least, cross = downward(promised.least_square), upward(promised.cross)
    holds = "holds" if promised.holds else f"does not hold; it does from {least_dimension(m, delta):,} dimensions"
    screen.print(f"condition  a - 4 > sqrt(v a): a = {least}, sqrt(v a) = {cross}: {holds}")
    for number, found in enumerate(outcomes):
        screen.print(
            f"run {number}: {found.train_errors} of {m} training errors, {found.flipped_errors} of {m} on the flipped sample, "
            f"error {closest(found.error)} ({found.fresh_errors} of {found.fresh} fresh examples)"
        )
    if promised.holds:
        screen.print(
            f"error at most {upward(promised.test_error)} and every flipped example wrong, with probability {1 - delta:g}"
        )
    _verdict(screen, promised.lower_bound, promised.failure, "")
    return {
        "m": m,
        "d": d,
        "delta": delta,
        "seed": seed,
        "conditions": vars(promised),
        "runs": [found.row() for found in outcomes],
        "lower_bound": promised.lower_bound,
        "failure": promised.failure,
    }


def _spheres(jobs: Sequence[dict[str, Any]], delta: float, out: str | None, json_file: str | None) -> dict[str, Any]:
    from boundcheck.studies.engine import run_jobs
    from boundcheck.studies.nagarajan2019spheres import conclude, one_run

    rows: list[dict[str, Any]] = []
    with progress_bar() as tell:
        if out is not None:
            for kept in run_jobs(one_run, jobs, out, progress=tell):
                if kept.result is None:
                    raise InputError("runs that end", f"one that failed ({kept.failed})", "see the rows, and change --lr or --m")
                rows.append(dict(kept.result))
        else:
            for number, job in enumerate(jobs):
                tell(f"run {number + 1} of {len(jobs)}", number / len(jobs))
                rows.extend(one_run(job))
    m, test = jobs[0]["m"], jobs[0]["test"]
    screen = console(json_file)
    screen.print(f"{m:,} points on spheres of radius 1 and 1.1 in {jobs[0]['d']} dimensions")
    for number, row in enumerate(rows):
        screen.print(
            f"run {number}: {row['train_errors']:,} of {m:,} training errors, {row['flipped_errors']:,} on the flipped sample, "
            f"{row['test_errors']:,} of {test:,} fresh examples wrong"
        )
    found = conclude(rows, delta)
    _verdict(screen, found.lower_bound, found.failure, f", with confidence {found.confidence:g} over {found.runs} runs")
    return {"plan": jobs[0], "delta": delta, "runs": rows, "lower_bound": found.lower_bound, "failure": found.failure}


def _verdict(screen: Any, lower: float, failure: float, confidence: str) -> None:
    from boundcheck.report.display import downward

    if lower <= 0.0 or failure <= 0.0:
        screen.print("so nothing follows for uniform convergence")
        return
    screen.print(
        "so every two-sided bound that is uniform over what the algorithm finds and fails with probability below "
        f"{downward(failure)} is at least {downward(lower, 6)}{confidence}"
    )
