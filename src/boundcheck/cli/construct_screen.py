"""What ``boundcheck construct`` says: its report as plain values, and as sentences."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import boundcheck

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from boundcheck.constructions.memorized import Memorized
    from boundcheck.progress import Progress
    from boundcheck.runs.constructed import LabelledData

Report = dict[str, Any]


def built(found: Memorized, sample: LabelledData | None, seed: int) -> Report:
    """The network, its weights and its answers as it runs."""
    from boundcheck.runs.constructed import error_mask

    n, d = found.points.shape
    wrong = found.mistakes
    run: Report = {"wrong": int(wrong.sum()), "largest_error": found.max_error, "holds": not wrong.any()}
    if sample is not None:
        test = error_mask(found.network, sample.test.x, sample.test.y)
        run["test"] = {"n": len(test), "errors": int(test.sum()), "error": float(test.mean())}
    parameters = {name: p.numel() for name, p in found.network.named_parameters()}
    return _head(sample, seed) | {
        "n": n,
        "d": d,
        "distinct": found.distinct,
        "merged": found.merged,
        "conflicts": found.conflicts.tolist(),
        "weights": {"total": found.n_weights, "parameters": parameters},
        "knots": found.knots,
        "direction": {"tried": found.line.tried, "smallest_gap": found.line.smallest_gap, "exact": found.line.exact},
        "seconds": dict(found.seconds),
        "run": run,
    }


def checked(found: Memorized, how: str, seed: int) -> Report:
    """The answer to ``--verify``."""
    if how == "float":
        from boundcheck.constructions.floats import check_in_floats

        floats = check_in_floats(found, seed=seed)
        return {"how": how, "holds": floats.holds and not len(found.conflicts), **asdict(floats)}
    from boundcheck.constructions.exact import check_exactly

    exact = check_exactly(found.network, found.points, found.values)
    margin = exact.smallest_margin
    return {
        "how": how,
        "holds": exact.holds,
        "n": exact.n,
        "wrong": exact.wrong,
        "equal": exact.equal,
        "largest_error": float(exact.largest_error),
        "row": exact.row,
        "smallest_margin": None if margin is None else float(margin),
        "margin_is_one": margin == 1,
    }


def written(found: Memorized, sample: LabelledData, out: str, knots: str, candidates: int) -> Report:
    """Write the checkpoint."""
    from boundcheck.runs.checkpoint import file_sha256
    from boundcheck.runs.constructed import checkpoint_of

    settings = {"construction": "zhang2017depth2", "knots": found.knots, "candidates": candidates, "asked": knots}
    checkpoint_of(found.network, sample, settings).save(out)
    return {"path": out, "sha256": file_sha256(out)}


def compared(found: Memorized, progress: Progress) -> list[Report]:
    """The answer to ``--compare``."""
    from boundcheck.constructions.comparison import compare

    return [asdict(shape) for shape in compare(found, progress=progress)]


def shattered(x: Any, sample: LabelledData | None, seed: int, progress: Progress) -> Report:
    """The answer to ``--shatter``."""
    from boundcheck.constructions.shattering import shatter

    found = shatter(x.reshape(len(x), -1), seed=seed, progress=progress)
    return _head(sample, seed) | {"shatter": asdict(found) | {"holds": found.holds}}


def prove(n: int, json_file: str | None) -> int:
    """Print the answer to ``--proof``; the exit code."""
    from boundcheck.cli.screen import deliver_json
    from boundcheck.constructions.proof import prove as proved

    found = proved(n)
    if json_file != "-":
        print(found.latex, end="")
    if json_file is not None:
        content = {"format": "boundcheck-construct/1", "boundcheck": boundcheck.__version__, "proof": asdict(found)}
        deliver_json(json_file, as_json(content))
    return 0 if found.holds else 1


def holds(report: Report) -> bool:
    """Whether what was asked to be checked holds; that every label is right as the network runs, where nothing was."""
    found: bool = (report.get("shatter") or report.get("verify") or report["run"])["holds"]
    return found


def _head(sample: LabelledData | None, seed: int) -> Report:
    data = None if sample is None else {"name": sample.dataset.name, "labels": sample.labels}
    return {"format": "boundcheck-construct/1", "boundcheck": boundcheck.__version__, "data": data, "seed": seed}


def as_json(report: Report) -> str:
    """One object; what is too large for a float is null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(report), allow_nan=False) + "\n"


def show(report: Report, screen: Console) -> None:
    """Print the report: sentences, and the table of ``--compare``."""
    if "shatter" in report:
        screen.print(_both_ends(report["shatter"]), soft_wrap=True)
        return
    screen.print(said(report), soft_wrap=True)
    if "shapes" in report:
        screen.print(_table(report["shapes"]))


def said(report: Report) -> str:
    """The report of one network in sentences, one a line."""
    lines = [_network(report), _line(report), _answers(report)]
    if report["merged"]:
        lines.append(_merged(report))
    if "verify" in report:
        lines.extend(_exact(report["verify"]) if report["verify"]["how"] == "exact" else _floats(report["verify"]))
    seconds = report["seconds"]
    lines.append(f"direction {seconds['direction']:.2f} s, solve {seconds['solve']:.3f} s")
    if "checkpoint" in report:
        path = report["checkpoint"]["path"]
        lines.append(f"wrote {path}; next: boundcheck evaluate --checkpoint {path}")
    return "\n".join(lines)


def _network(report: Report) -> str:
    p = report["weights"]["parameters"]
    core = p["direction"] + p["biases"] + p["weights"]
    points = f"n = {report['n']:,}" if not report["merged"] else f"n = {report['distinct']:,} distinct points"
    return (
        f"depth 2, {core:,} weights = 2n + d for {points} in dimension d = {report['d']:,}: {p['direction']:,} of the direction, "
        f"{p['biases']:,} biases, {p['weights']:,} output weights; {p['gains'] + p['offsets']} more make {p['gains']} logits of "
        "their sum"
    )


def _line(report: Report) -> str:
    direction = report["direction"]
    rule = {
        "data": "knots at the points, weights by second differences",
        "between": "knots between the points, output weights of one size in turn up and down: nothing is rounded",
    }[report["knots"]]
    return f"{rule}; smallest gap {direction['smallest_gap']:.2g} of the range, best of {direction['tried']} directions"


def _answers(report: Report) -> str:
    run, n = report["run"], report["n"]
    right = f"all {n:,} labels right" if run["holds"] else f"{run['wrong']:,} of {n:,} labels WRONG"
    text = f"as it runs, in float64 by sorted prefixes: {right}, largest error {run['largest_error']:.2g}"
    if "test" in run:
        test = run["test"]
        text += f"; on held-out data {test['errors']:,} of {test['n']:,} wrong ({test['error']:.2%})"
    return text


def _merged(report: Report) -> str:
    text = f"{report['merged']:,} points equal earlier ones and share their weights"
    if report["conflicts"]:
        text += f"; {len(report['conflicts']):,} of them have another label, which no function can give them"
    return text


def _exact(check: Report) -> list[str]:
    right = f"all {check['n']:,} labels right" if check["holds"] else f"{check['wrong']:,} of {check['n']:,} labels WRONG"
    if check["equal"] == check["n"]:
        text = "f(x) = y at every point, without any error"
    else:
        text = f"largest error {check['largest_error']:.3g} (row {check['row']:,})"
    margin = "exactly 1" if check["margin_is_one"] else f"{check['smallest_margin']:.12g}"
    return [f"in rational arithmetic on the stored float64 weights: {right}; {text}; smallest margin {margin}"]


def _floats(check: Report) -> list[str]:
    bits = math.log2(check["range"] / check["smallest_gap"]) if check["range"] > 0.0 else 0.0
    lines = [
        f"telling all projections apart takes {bits:.0f} bits: float64 has 53, float32 has 24",
        f"gaps down to {check['smallest_gap']:.2g} in a range of {check['range']:.2g}, output weights up to "
        f"{check['largest_weight']:.2g}; the triangular system: smallest eigenvalue {check['smallest_eigenvalue']:.2g}, "
        f"condition number at most 1e{check['log10_condition']:.1f}",
    ]
    for dense in check["dense"]:
        lines.append(
            f"a dense {dense['format']} forward pass gets {dense['rows'] - dense['wrong']:,} of {dense['rows']:,} sampled points "
            f"right (largest error {dense['largest_error']:.2g}); the format tells {dense['distinct_biases']:,} biases apart"
        )
    return lines


def _both_ends(found: Report) -> str:
    tried = f"{found['realized']:,} of {found['labellings']:,} labellings of {found['n']} points realized and checked exactly"
    low = f"{found['n']} <= " if found["holds"] else ""
    high = f"{found['upper']} (growth function; {found['upper_closed']} in closed form)"
    return f"{low}VC dimension <= {high}, for {found['n']} hinges on one direction, W = {found['weights']}; {tried}"


def _table(shapes: list[Report]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("network", "layers", "width", "units", "weights", "bits", "error", "f64", "f32"):
        table.add_column(heading, justify="left" if heading == "network" else "right", no_wrap=True)
    for s in shapes:
        counts = [f"{s[name]:,}" for name in ("hidden_layers", "width", "units", "weights", "bits")]
        errors = [f"{s['exact_error']:.1g}", f"{s['float64_error']:.1g}", f"{s['float32_wrong']:,}"]
        table.add_row(s["name"], *counts, *errors)
    table.caption = (
        "layers: hidden ones; weights: numbers that are not zero; error: the largest of the stored network in rational "
        "arithmetic; f64: the largest as dense float64 layers; f32: wrong labels as dense float32 layers"
    )
    return table
