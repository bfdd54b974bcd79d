"""``boundcheck construct``: networks that memorize any labels, built by theorems and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from boundcheck.cli.options import DataDir, JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError, nearest

if TYPE_CHECKING:
    from boundcheck.runs.constructed import LabelledData

_CHECKS = ("exact", "float")
_DRAWN, _SHATTERED, _PROVED = 1000, 10, 4  # points where --n is left out


def construct(
    n: Annotated[int | None, typer.Option("--n", help="Number of points; with --data, that many of its examples.")] = None,
    d: Annotated[int | None, typer.Option("--d", help="Dimension of points that are drawn, by default 10.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, synthetic:NAME or FILE.npz.")
    ] = None,
    labels: Annotated[str, typer.Option("--labels", help="Labels of --data: true, random or corrupt:P.")] = "random",
    classes: Annotated[int | None, typer.Option("--classes", help="Classes of points that are drawn, by default 10.")] = None,
    inputs: Annotated[str | None, typer.Option("--inputs", help="Points that are drawn: gaussian (default) or bytes.")] = None,
    verify: Annotated[
        str | None, typer.Option("--verify", metavar="HOW", help="exact (rational arithmetic) or float (what floats lose).")
    ] = None,
    knots: Annotated[str, typer.Option("--knots", help="data (second differences), between (no rounding) or auto.")] = "auto",
    candidates: Annotated[int, typer.Option("--candidates", help="Directions that are compared at a time.")] = 8,
    conflicts: Annotated[
        str, typer.Option("--conflicts", help="Equal points with different labels: refuse, or keep the first.")
    ] = "refuse",
    compare: Annotated[
        bool, typer.Option("--compare", help="Deeper, narrower and smaller networks through the same points, in a table.")
    ] = False,
    shatter: Annotated[
        bool, typer.Option("--shatter", help="Realize all 2^n labellings of the points: both ends of the VC dimension.")
    ] = False,
    proof: Annotated[bool, typer.Option("--proof", help="Prove the theorem for --n points by algebra, in LaTeX.")] = False,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="A checkpoint for evaluate; needs --data.")] = None,
    data_dir: DataDir = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> int:
    """Build the depth-2 ReLU network with 2n + d weights through any n labelled points, and check it.

    The weights are solved for, not trained (Zhang et al. 2017, Theorem 1): n points of dimension d with any labels are fitted by
    d numbers of a direction, n biases and n output weights, and 2k numbers that turn their sum into k logits. --verify checks
    every point and ends with exit code 1 where a label is missed. --shatter and --proof are answers of their own.

    Example:  boundcheck construct --n 100000 --d 100 --verify exact
    """
    from boundcheck.constructions import memorize
    from boundcheck.files import check_writable

    if verify is not None and verify not in _CHECKS:
        raise InputError("--verify exact or --verify float", repr(verify), nearest(verify, _CHECKS))
    check_writable([path for path in (out, json_file) if path not in (None, "-")])
    from boundcheck.cli import construct_screen as screen

    others = [word for word, asked in (("--verify", verify), ("--compare", compare), ("--out", out)) if asked]
    if (shatter or proof) and (others or (shatter and proof)):
        word = "--shatter" if shatter else "--proof"
        got = " and ".join(others or ["--proof"])
        raise InputError(f"{word} alone", f"also {got}", f"leave {got} out: {word} is checked by itself")
    if proof:
        return screen.prove(_PROVED if n is None else n, json_file)
    with progress_bar() as tell:
        tell("reading or drawing points", 0.0)
        few = _SHATTERED if shatter and n is None else n
        x, y, k, sample = _points(few, d, data, labels, classes, inputs, data_dir, out, seed)
        if shatter:
            report = screen.shattered(x, sample, seed, tell)
        else:
            found = memorize(
                x, y, classes=k, knots=knots, seed=seed, candidates=candidates, conflicts=conflicts,
                progress=lambda what, f: tell(what, 0.4 * f),
            )  # fmt: skip
            tell("running the network on every point", 0.4)
            report = screen.built(found, sample, seed)
            if verify is not None:
                tell(f"checking ({verify})", 0.5)
                report["verify"] = screen.checked(found, verify, seed)
            if compare:
                report["shapes"] = screen.compared(found, lambda what, f: tell(what, 0.6 + 0.3 * f))
            if out is not None and sample is not None:
                tell("writing the checkpoint", 0.95)
                report["checkpoint"] = screen.written(found, sample, out, knots, candidates)
    screen.show(report, console(json_file))
    if json_file is not None:
        deliver_json(json_file, screen.as_json(report))
    return 0 if screen.holds(report) else 1


def _points(
    n: int | None,
    d: int | None,
    data: str | None,
    labels: str,
    classes: int | None,
    inputs: str | None,
    data_dir: str | None,
    out: str | None,
    seed: int,
) -> tuple[Any, Any, int, LabelledData | None]:
    """Points, labels and their number of classes; and the data set that they are from, if they are from one."""
    from boundcheck.constructions.points import draw_points
    from boundcheck.runs.constructed import labelled_data

    if data is None:
        if out is not None:
            raise InputError("--data with --out", "points that are drawn", "a checkpoint names the data that evaluate reads")
        k = 10 if classes is None else classes
        x, y = draw_points(_DRAWN if n is None else n, 10 if d is None else d, k, inputs or "gaussian", seed)
        return x, y, k, None
    given = [word for word, value in (("--d", d), ("--classes", classes), ("--inputs", inputs)) if value is not None]
    if given:
        raise InputError(f"--data without {' and '.join(given)}", "both", "leave it out: the data say it")
    sample = labelled_data(data, labels, n, seed, data_dir)
    return sample.train.x, sample.train.y, sample.dataset.classes, sample
