"""``boundcheck kernel``: the interpolant of smallest norm, its residual, norm and test error, and its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from boundcheck.cli.options import DataDir, Delta, JsonFile, Seed
from boundcheck.cli.outputs import check_outputs, deliver
from boundcheck.cli.screen import console, progress_bar
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from boundcheck.kernels.study import PreparedKernel


def kernel(
    data: Annotated[
        str, typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, synthetic:NAME or FILE.npz.")
    ] = "digits",
    kernel: Annotated[
        str,
        typer.Option("--kernel", help="gaussian, laplacian, polynomial, linear, arc-cosine, first-layer, nngp or ntk."),
    ] = "gaussian",
    bandwidth: Annotated[
        float, typer.Option("--bandwidth", help="b in exp(-|x-x'|^2/(2 b^2)) and exp(-|x-x'|/b), pixels from 0 to 1.")
    ] = 5.0,
    degree: Annotated[int, typer.Option("--degree", help="Degree of the polynomial.")] = 3,
    offset: Annotated[float, typer.Option("--offset", help="Offset of the polynomial.")] = 1.0,
    depth: Annotated[int, typer.Option("--depth", help="Hidden layers of ntk and nngp.")] = 1,
    n: Annotated[int | None, typer.Option("--n", help="Train on this many examples, chosen under the seed.")] = None,
    labels: Annotated[str, typer.Option("--labels", help="true, random or corrupt:P.")] = "true",
    features: Annotated[
        str | None, typer.Option("--features", help="gabor or patches:M: a fixed map of the images, chosen without data.")
    ] = None,
    ridge: Annotated[
        float, typer.Option("--ridge", help="Weight of the squared norm beside the average squared error; 0 interpolates.")
    ] = 0.0,
    factor: Annotated[
        str | None, typer.Option("--factor", metavar="DIR", help="Keep the factor here; an interrupted fit goes on from it.")
    ] = None,
    memory: Annotated[float | None, typer.Option("--memory", metavar="GB", help="Take at most this; else what is free.")] = None,
    leave_one_out: Annotated[
        bool | None,
        typer.Option("--loo/--no-loo", help="Leave-one-out error; by default up to n = 10,000, certified (ridge) to 4,000."),
    ] = None,
    delta: Delta = 0.05,
    joint: Annotated[bool, typer.Option("--joint", help="Divide delta so that all rows hold together.")] = False,
    bounds: Annotated[
        str | None, typer.Option("--bounds", metavar="NAME,…", help="Only these; 'boundcheck bounds' lists them.")
    ] = None,
    effort: Annotated[
        str, typer.Option("--effort", help="quick or full: up to which n the smallest eigenvalue is certified.")
    ] = "quick",
    json_file: JsonFile = None,
    latex: Annotated[str | None, typer.Option("--latex", metavar="FILE", help="Write a LaTeX table.")] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")] = None,
    plot: Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Draw a figure (.png, .svg, .pdf).")] = None,
    evidence: Annotated[str | None, typer.Option("--evidence", metavar="FILE", help="Save what was measured.")] = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
) -> int:
    """Fit the interpolant of smallest norm, exactly, and lay its bounds beside its test error.

    The relative residual is certified below 1e-6, rounding included, or the fit is refused with the reason. The report says the
    norm, the ends of the spectrum, the duality gap, the leave-one-out error and what theorems promise. Memory and time are
    estimated before the work starts.

    Example:  boundcheck kernel --data mnist --bandwidth 5 --n 10000 --json kernel.json
    """
    from boundcheck.evaluation import check_delta, check_effort
    from boundcheck.kernels.study import KernelJob, kernel_theorems, prepare, run

    check_delta(delta)
    check_effort(effort)
    names = kernel_theorems(bounds)
    outputs = {"--json": json_file, "--latex": latex, "--html": html, "--plot": plot, "--evidence": evidence}
    check_outputs(outputs, inputs=(data,))
    if kernel == "precomputed":
        raise InputError("a kernel of inputs", "'precomputed'", "use boundcheck.kernels.MinNormInterpolant from Python")
    parameters = {"bandwidth": bandwidth, "degree": degree, "offset": offset, "depth": depth}
    job = KernelJob(data, labels, n, features, kernel, parameters, ridge, seed)
    room = None if memory is None else memory * 1e9
    with progress_bar() as tell:
        tell("loading", 0.0)
        prepared = prepare(job, data_dir=data_dir, memory=room)
        console(json_file).print(_foretold(prepared))
        result = run(
            prepared, delta=delta, joint=joint, bounds=names, effort=effort, leave_one_out=leave_one_out, factor=factor,
            memory=room, progress=tell,
        )  # fmt: skip
    deliver(outputs, result.report, result.evidence, result.to_json())
    return 0


def _foretold(prepared: PreparedKernel) -> str:
    """Memory and time, before the work starts."""
    plan = prepared.plan
    return (
        f"{plan.n:,} training points in {prepared.sample.x.shape[1]:,} coordinates: about {plan.bytes / 1e9:.2f} GB of "
        f"{plan.available / 1e9:.1f} GB that are free, and {_time(prepared.estimated_seconds)} on an idle machine"
    )


def _time(seconds: float) -> str:
    if seconds < 90.0:
        return f"{max(seconds, 0.1):.2g} s"
    return f"{seconds / 60.0:.0f} minutes"
