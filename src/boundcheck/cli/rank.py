"""``boundcheck rank``: which measures and bounds order networks as their generalization gaps do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import boundcheck
from boundcheck.cli.options import JsonFile, Seed
from boundcheck.cli.screen import console, deliver_json, progress_bar
from boundcheck.errors import InputError

if TYPE_CHECKING:
    from boundcheck.ranking import Networks, Ranking


def rank(
    source: Annotated[str, typer.Argument(metavar="DIR|FILE.csv", help="The folder of a sweep, or anyone's table.")],
    hyperparameters: Annotated[
        str | None, typer.Option("--hyperparameters", metavar="NAME,…", help="Columns set before training, seeds left out.")
    ] = None,
    gap: Annotated[str | None, typer.Option("--gap", metavar="NAME", help="Column of the generalization gap.")] = None,
    test_error: Annotated[
        str | None, typer.Option("--test-error", metavar="NAME", help="Without --gap: column of the held-out error.")
    ] = None,
    train_error: Annotated[
        str | None, typer.Option("--train-error", metavar="NAME", help="Without --gap: column of the training error.")
    ] = None,
    test_accuracy: Annotated[
        str | None, typer.Option("--test-accuracy", metavar="NAME", help="In place of --test-error: column of its complement.")
    ] = None,
    train_accuracy: Annotated[
        str | None, typer.Option("--train-accuracy", metavar="NAME", help="In place of --train-error: column of its complement.")
    ] = None,
    measures: Annotated[
        str | None, typer.Option("--measures", metavar="NAME,…", help="Only these; else every other column of numbers.")
    ] = None,
    ignore: Annotated[
        str | None, typer.Option("--ignore", metavar="NAME,…", help="Without --measures: columns that are none, such as seeds.")
    ] = None,
    fitted: Annotated[
        str | None, typer.Option("--fitted", metavar="NAME", help="Column that says whether training reached its stopping rule.")
    ] = None,
    test_size: Annotated[
        str | None, typer.Option("--test-size", metavar="INT|NAME", help="Held-out examples, a number or a column.")
    ] = None,
    effective_size: Annotated[
        float, typer.Option("--effective-size", help="Leave out environments with a smaller effective size.")
    ] = 12.0,
    threshold: Annotated[float, typer.Option("--threshold", help="Hoeffding weights up to this count as 0.")] = 0.5,
    bootstrap: Annotated[int, typer.Option("--bootstrap", metavar="INT", help="Replicates of intervals over networks.")] = 100,
    json_file: JsonFile = None,
    csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write every statistic, one line a measure.")] = None,
    latex: Annotated[str | None, typer.Option("--latex", metavar="FILE", help="Write a LaTeX table.")] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw the sign errors by environment (.png, .svg, .pdf).")
    ] = None,
    heatmap: Annotated[
        str | None, typer.Option("--heatmap", metavar="FILE", help="Draw Kendall's coefficient by hyper-parameter.")
    ] = None,
    seed: Seed = 0,
) -> int:
    """Judge measures and bounds by how they order networks: sign errors, Kendall's coefficients, conditional information.

    An environment is a change of one hyper-parameter with all others fixed; a measure is robust when it errs in none of them.
    Rows that missed the stopping rule and missing values are counted and said; nothing is dropped silently.

    Example:  boundcheck rank sweep/ --plot sign-errors.pdf

    Example:  boundcheck rank table.csv --hyperparameters lr,width --gap gap --ignore seed --test-size 10000
    """
    from boundcheck.files import check_writable
    from boundcheck.ranking import Settings
    from boundcheck.ranking import rank as judge
    from boundcheck.ranking.rows import bounds_among

    settings = Settings(threshold, effective_size, bootstrap, seed)
    outputs = [path for path in (json_file, csv, latex, plot, heatmap) if path not in (None, "-")]
    check_writable([str(path) for path in outputs])
    if plot is not None or heatmap is not None:
        from boundcheck.report.plot import picture_format

        for path in filter(None, (plot, heatmap)):
            picture_format(path)
    named = {"--hyperparameters": hyperparameters, "--gap": gap, "--test-error": test_error, "--train-error": train_error}
    named |= {"--test-accuracy": test_accuracy, "--train-accuracy": train_accuracy, "--ignore": ignore}
    named |= {"--fitted": fitted, "--test-size": test_size}
    networks = _networks(source, named, _names("--measures", measures))
    with progress_bar() as tell:
        found = judge(networks, settings, bounds=bounds_among(networks), progress=tell)
    _deliver(found, source, json_file=json_file, csv=csv, latex=latex, plot=plot, heatmap=heatmap)
    return 0


def _networks(source: str, named: dict[str, str | None], measures: tuple[str, ...] | None) -> Networks:
    from boundcheck.ranking.rows import from_csv, from_results

    if Path(source).is_dir():
        given = [option for option, value in named.items() if value is not None]
        if given:
            raise InputError("a CSV file where columns are named", f"a folder and {', '.join(given)}", "leave them out")
        from boundcheck.studies.engine import read_rows

        rows = read_rows(source)
        failed = sum(row.failed is not None for row in rows)
        return from_results(
            [row.result for row in rows if row.result is not None], failed=failed, measures=measures, source=source
        )
    hyperparameters = _names("--hyperparameters", named["--hyperparameters"])
    if hyperparameters is None:
        raise InputError("--hyperparameters NAME,… for a CSV file", "none", "name the columns that were set before training")
    if measures is not None and named["--ignore"] is not None:
        raise InputError("--measures or --ignore", "both", "leave one of them out")
    size = named["--test-size"]
    return from_csv(
        source,
        hyperparameters=hyperparameters,
        gap=_gap(named),
        measures=measures,
        ignored=_names("--ignore", named["--ignore"]) or (),
        fitted=named["--fitted"],
        test_size=int(size) if size is not None and size.isdecimal() else size,
    )


def _gap(named: dict[str, str | None]) -> str | tuple[str, str]:
    """The column of the gap, or the two whose difference it is: held-out minus training error, or the accuracies reversed."""
    ways = (("--gap",), ("--test-error", "--train-error"), ("--train-accuracy", "--test-accuracy"))
    given = [option for way in ways for option in way if named[option] is not None]
    for way in ways:
        if given == list(way):
            columns = [str(named[option]) for option in way]
            return columns[0] if len(columns) == 1 else (columns[0], columns[1])
    expected = "--gap NAME, or --test-error and --train-error, or --test-accuracy and --train-accuracy"
    raise InputError(expected, " and ".join(given) or "none of them", "name the columns of one of these ways")


def _names(option: str, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(f"names joined by commas in {option}", repr(text), f"write for example {option} width,depth")
    return names


def _deliver(
    found: Ranking,
    source: str,
    *,
    json_file: str | None,
    csv: str | None,
    latex: str | None,
    plot: str | None,
    heatmap: str | None,
) -> None:
    from boundcheck.files import write_whole
    from boundcheck.report import ranking

    screen = console(json_file)
    screen.print(ranking.table(found))
    for note in ranking.notes(found):
        screen.print(f"Note: {note}.")
    if csv is not None:
        write_whole(csv, ranking.frame(found).to_csv(index=False))
    if latex is not None:
        write_whole(latex, ranking.to_latex(found))
    if plot is not None or heatmap is not None:
        from boundcheck.report.plot import save
        from boundcheck.report.plot_ranking import draw_granulated, draw_sign_errors

        if plot is not None:
            save(draw_sign_errors(found), plot)
        if heatmap is not None:
            save(draw_granulated(found), heatmap)
    if json_file is not None:
        deliver_json(json_file, ranking.to_json(found, boundcheck=boundcheck.__version__, source=source))
