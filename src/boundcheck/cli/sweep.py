"""``boundcheck sweep``: many trainings by a plan, one row a network, for ``boundcheck rank``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

import boundcheck
from boundcheck.cli.options import DataDir, JsonFile
from boundcheck.cli.screen import console, deliver_json, progress_bar

if TYPE_CHECKING:
    from boundcheck.studies.engine import Row
    from boundcheck.studies.sweep import Design


def sweep(
    plan: Annotated[str, typer.Argument(metavar="PLAN.toml", help="What varies, what is fixed, and when training ends.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder of the plan and its rows.")] = "boundcheck-sweep",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many networks, how long and how much memory.")] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=0, metavar="INT", help="Processes of one thread each; 0 for one a core.")
    ] = 0,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="Scheduler tcp://HOST:PORT or local:N; needs the extra dask.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Do jobs again that failed.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, metavar="INT", help="In place of the plan's seed.")] = None,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
) -> int:
    """Train the networks of a plan to one stopping rule, and keep every measure, every bound and the errors of each.

    A plan in TOML has [vary] with a list of values for each hyper-parameter that varies and [fixed] with the others: data, n,
    labels, model, width, depth, bias, batchnorm, dropout, optimizer, lr, lr_decay, momentum, weight_decay, batch_size, augment.
    Above them: design ("grid", or "random" with networks = N), seeds, seed, stop ("errors", "margin:GAMMA:SHARE" or "loss:NATS"),
    epochs, measures ("cheap" or "all"), bounds ("cheap", "all", "none" or names), delta.

    Rows go to --out one network at a time: a sweep that was interrupted or killed goes on where it was when the command is
    repeated. Networks that miss the rule are marked. Exit code 1 says that some training failed.

    Example:  boundcheck sweep plan.toml --out sweep/ && boundcheck rank sweep/
    """
    from dataclasses import replace

    from boundcheck.files import check_writable
    from boundcheck.studies.engine import check_address, check_folder, run_jobs
    from boundcheck.studies.machine import cores
    from boundcheck.studies.sweep import make_jobs, read_design, run_job

    check_writable([json_file] if json_file not in (None, "-") else [])
    design = read_design(plan)
    design = design if seed is None else replace(design, seed=seed)
    if dask is not None:
        check_address(dask)
    screen, processes = console(json_file), workers or cores()
    jobs = make_jobs(design, data_dir)
    if data_dir is not None:
        os.environ["BOUNDCHECK_DATA"] = os.path.abspath(data_dir)  # workers look there; the plan must not depend on the place
    if dry_run:
        return _dry_run(design, jobs, processes, json_file)
    check_folder(run_job, jobs, out)
    screen.print(f"{design.total} networks, {design.total // design.seeds} combinations with {design.seeds} seeds; rows in {out}")
    with progress_bar() as tell:
        try:
            rows = run_jobs(run_job, jobs, out, workers=processes, dask=dask, retry_failed=retry_failed, progress=tell)
        except KeyboardInterrupt:
            screen.print(f"interrupted; what is finished is in {out}, and the same command goes on from there")
            raise
    return _deliver(rows, out, json_file)


def _dry_run(design: Design, jobs: list[dict[str, object]], workers: int, json_file: str | None) -> int:
    from boundcheck.studies.sweep.estimate import estimate

    with progress_bar() as tell:
        tell("a trial", 0.0)
        found = estimate(jobs)
    most = found.seconds(design.epochs, workers)
    console(json_file).print(
        f"{found.networks} networks with {workers} processes: at most {_duration(most)}, which is {design.epochs} epochs of "
        f"{found.epoch_seconds:.2g} s and {found.other_seconds:.2g} s of measuring for each; less where they meet the rule "
        f"{design.stop} earlier; about {found.memory / 2**20:.0f} MiB for each process"
    )
    if json_file is not None:
        content = {
            "format": "boundcheck-dry-run/1", "boundcheck": boundcheck.__version__, "workers": workers, "most_seconds": most,
            "epochs": design.epochs, **vars(found),
        }  # fmt: skip
        deliver_json(json_file, json.dumps(content, allow_nan=False) + "\n")
    return 0


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _deliver(rows: list[Row], out: str, json_file: str | None) -> int:
    from boundcheck.studies.engine.ledger import read_plan

    failed = [row for row in rows if row.failed is not None]
    done = [row.result for row in rows if row.result is not None]
    missed = sum(not result["fitted"] for result in done)
    screen = console(json_file)
    screen.print(
        f"{len(done)} networks are in {out}, {missed} of them missed the stopping rule; 'boundcheck rank {out}' ranks them"
    )
    for row in failed:
        screen.print(f"failed: {row.config['varied']}: {row.failed}")
    if json_file is not None:
        content = {
            "format": "boundcheck-sweep-report/1", "boundcheck": boundcheck.__version__, "plan": read_plan(out).sha256,
            "out": out, "networks": len(done), "missed": missed, "failed": len(failed), "rows": [vars(row) for row in rows],
        }  # fmt: skip
        deliver_json(json_file, json.dumps(content, allow_nan=False) + "\n")
    return int(bool(failed))
