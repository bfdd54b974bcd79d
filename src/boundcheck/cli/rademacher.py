"""``boundcheck rademacher``: empirical Rademacher complexity, exact where it is closed, an interval for networks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

import boundcheck
from boundcheck.cli.options import DataDir, Delta, JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from boundcheck.rademacher.by_name import Shape
    from boundcheck.studies.random_signs import Capacity

_FORMAT = "boundcheck-rademacher/1"


def rademacher(
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", metavar="FILE", help="A checkpoint: the classes its network lies in.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="package.module:factory, where the checkpoint names one.")] = None,
    kind: Annotated[
        str | None, typer.Option("--class", help="Without a checkpoint: linear, l1, linf, group, kernel or finite.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Data of --class, or where that of the checkpoint is now.")] = None,
    values: Annotated[
        str | None, typer.Option("--values", metavar="FILE.npy", help="Class finite: one function a row, (N, n).")
    ] = None,
    radius: Annotated[float, typer.Option("--radius", help="Norm that bounds the class.")] = 1.0,
    group_size: Annotated[int | None, typer.Option("--group-size", help="Class group: coordinates of a group.")] = None,
    kernel: Annotated[str, typer.Option("--kernel", help="Class kernel: gaussian.")] = "gaussian",
    bandwidth: Annotated[float | None, typer.Option("--bandwidth", help="Of exp(-|x - x'|^2 / (2 bandwidth^2)).")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Examples of --class, chosen under the seed.")] = None,
    draws: Annotated[
        int | None, typer.Option("--draws", help="Draws of signs, fixed before looking: 200, or 3 networks.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Of each fit; else as the checkpoint was trained.")] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="FILE", help="Finished draws, to go on from; else beside --json.")
    ] = None,
    delta: Delta = 0.05,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Empirical Rademacher complexity: exact where the supremum is closed, an interval for networks.

    With --class, of a ball of linear functions, of a kernel or of a finite class on a sample: all signs are enumerated for at
    most 20 examples, drawn above that, and what is known without signs stands beside.

    With --checkpoint, of the classes that its network lies in: from below by training the architecture on random signs, from
    above by the theorems that speak of the same class; and what follows, a number that no two-sided uniform-convergence bound of
    the class can be below. An interrupt keeps the draws that are finished; the same command goes on from there.

    Example:  boundcheck rademacher --checkpoint run.pt --draws 3 --epochs 300 --json complexity.json

    Example:  boundcheck rademacher --class l1 --data digits --n 16
    """
    from boundcheck.evaluation import check_delta
    from boundcheck.files import check_writable
    from boundcheck.rademacher.by_name import Shape

    check_delta(delta)
    if draws is not None and draws < 1:
        raise InputError("at least one of --draws", str(draws), "try 3 with a checkpoint and 200 without")
    if (checkpoint is None) == (kind is None):
        got = "neither" if kind is None else "both"
        raise InputError("--checkpoint FILE or --class NAME", got, "'boundcheck rademacher --help' has an example of each")
    beside = keep or (f"{json_file}.draws" if json_file not in (None, "-") and checkpoint is not None else None)
    check_writable([path for path in (json_file, beside) if path not in (None, "-")])
    if kind is not None:
        _refuse_beside({"--model": model, "--epochs": epochs, "--keep": keep}, "--class")
        shape = Shape(radius, group_size, kernel, bandwidth)
        content = _closed(kind, shape, data, data_dir, values, n, draws or 200, delta, seed, json_file)
    else:
        given = {"--values": values, "--group-size": group_size, "--bandwidth": bandwidth, "--n": n}
        _refuse_beside(given, "--checkpoint")
        content = _network(str(checkpoint), model, data, data_dir, draws or 3, epochs, beside, delta, seed, json_file)
    if json_file is not None:
        deliver_json(json_file, json.dumps({"format": _FORMAT, "boundcheck": boundcheck.__version__} | content) + "\n")
    return 0


def _refuse_beside(given: dict[str, Any], what: str) -> None:
    extra = [option for option, value in given.items() if value is not None]
    if extra:
        raise InputError(f"{what} without {' and '.join(extra)}", "both", "leave one out")


def _closed(
    name: str, shape: Shape, data: str | None, data_dir: str | None, values: str | None, n: int | None, draws: int,
    delta: float, seed: int, json_file: str | None,
) -> dict[str, Any]:  # fmt: skip
    from boundcheck.rademacher import analytic_bracket, closed_class, complexity
    from boundcheck.report.display import downward, upward

    sample, where = _sample(name, data, data_dir, values, n, seed)
    with progress_bar() as tell:
        tell("summing over signs", 0.0)
        of = closed_class(name, sample, shape)
        low, high = analytic_bracket(of)
        found = complexity(of, draws=draws, delta=delta, seed=seed)
    screen = console(json_file)
    how = f"all {2**of.n:,} signs" if found.exact else f"{found.draws} draws, with probability {1.0 - delta:g}"
    screen.print(f"class {name} of radius {shape.radius:g} on {of.n:,} examples of {where}")
    screen.print(f"Rademacher complexity   [{downward(found.lower, 6)}, {upward(found.upper, 6)}]   {how}")
    screen.print(f"known without signs     [{downward(low, 6)}, {upward(high, 6)}]")
    return {
        "class": name,
        **vars(shape),
        "data": where,
        "n": of.n,
        "seed": seed,
        "lower": found.lower,
        "upper": found.upper,
        "exact": found.exact,
        "draws": found.draws,
        "delta": found.delta,
        "analytic": [low, high],
    }


def _sample(name: str, data: str | None, data_dir: str | None, values: str | None, n: int | None, seed: int) -> tuple[Any, str]:
    """Inputs of the named data, flat, or the values of a finite class."""
    if name == "finite":
        _refuse_beside({"--data": data, "--n": n}, "--class finite")
        if values is None:
            raise InputError("--values FILE.npy with --class finite", "none", "save one function a row with numpy.save")
        from boundcheck.data import read_matrix

        return read_matrix(values), values
    if values is not None:
        raise InputError(f"--class {name} without --values", "both", "--values belongs to --class finite")
    from boundcheck.data import load_dataset
    from boundcheck.data.corruption import parse_labels
    from boundcheck.runs.samples import make_samples

    train, _ = make_samples(load_dataset(data or "digits", data_dir=data_dir), parse_labels("true"), seed, n)
    return train.x.reshape(len(train), -1).astype("float64"), data or "digits"


def _network(
    checkpoint: str, model: str | None, data: str | None, data_dir: str | None, draws: int, epochs: int | None,
    beside: str | None, delta: float, seed: int, json_file: str | None,
) -> dict[str, Any]:  # fmt: skip
    from boundcheck.runs.loading import load_run
    from boundcheck.studies.random_signs import Plan, study

    with progress_bar() as tell:
        tell("loading", 0.0)
        run = load_run(checkpoint, model=model, data=data, data_dir=data_dir)
        found = study(run, Plan.of(checkpoint, draws, epochs, delta, seed), keep=beside, progress=tell)
    screen = console(json_file)
    _say(found, run.model, run.data, screen)
    return {"checkpoint": checkpoint, "sha256": run.sha256, "model": run.model, "data": run.data, "n": found.n} | found.content()


def _say(found: Capacity, model: str, data: str, screen: Any) -> None:
    from rich.table import Table

    from boundcheck.report.display import downward, upward

    done = found.draws
    shares = ", ".join(f"{draw.program / found.n:.3f}" for draw in done)
    screen.print(f"{model} on {found.n:,} examples of {data}: {len(done)} fits of random signs, shares fitted {shares}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class of losses", overflow="fold")
    table.add_column("complexity", no_wrap=True)
    table.add_column("from above by", overflow="fold")
    for row in found.rows:
        by = row.by + (f" ({upward(row.stated)})" if row.stated > row.upper else "")
        table.add_row(row.says, f"\\[{downward(row.lower, 4)}, {upward(row.upper, 4)}]", by)
    screen.print(table)
    for row in found.rows:
        if row.gap is not None:
            promised = ", ".join(f"{name} {upward(value, 3)}" for name, value in row.promised.items())
            screen.print(f"no two-sided bound for {row.says} promises a gap below {downward(row.gap, 4)} on this sample")
            screen.print(f"  what the bounds for this class add to the training error: {promised or 'none applies'}")
    for name, why in found.absent.items():
        screen.print(f"not compared: {name}, {why}")
    screen.print(f"each line holds with probability {1.0 - found.delta:g}; complexity of losses in \\[0, 1] is at most 0.5")
    screen.print(f"assumed: {'; '.join(found.assumes)}")
