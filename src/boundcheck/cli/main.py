"""The entry point: commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.main

import boundcheck
from boundcheck.cli.audit import audit
from boundcheck.cli.bounds import bounds
from boundcheck.cli.certify import certify
from boundcheck.cli.construct import construct
from boundcheck.cli.demo import demo
from boundcheck.cli.evaluate import evaluate
from boundcheck.cli.kernel import kernel
from boundcheck.cli.rademacher import rademacher
from boundcheck.cli.randomize import randomize
from boundcheck.cli.rank import rank
from boundcheck.cli.sweep import sweep
from boundcheck.cli.train import train
from boundcheck.cli.uniform import uniform
from boundcheck.errors import InputError

_INTERRUPTED = 130

app = typer.Typer(
    name="boundcheck",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Check theorems about generalization against trained networks.",
    epilog="Start with:  boundcheck demo",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"boundcheck {boundcheck.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Check theorems about generalization against trained networks."""


def _paragraphs(docstring: str) -> str:
    """A docstring whose lines are as wide as the reader's terminal: only empty lines break, and brackets are no markup."""
    return "\n\n".join(" ".join(part.split()) for part in docstring.split("\n\n")).replace("[", r"\[")


_COMMANDS = (demo, train, certify, evaluate, randomize, rademacher, uniform, construct, kernel, audit, sweep, rank, bounds)

for _command in _COMMANDS:
    app.command(help=_paragraphs(_command.__doc__ or ""))(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; those of the process when ``None``.

    Returns:
        0 done; 1 done, but something the user asked to be checked does not hold; 2 the input can't be used, said in one line
        on standard error; 130 interrupted.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(list(sys.argv[1:] if arguments is None else arguments), prog_name="boundcheck", standalone_mode=False)
    except InputError as error:
        return _refuse(str(error))
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except typer.TyperException as error:
        return _refuse(_usage(error))
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        # The reader of our output has gone; what is still buffered would raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if code == _INTERRUPTED:  # what typer makes of Ctrl-C
        return _interrupted()
    return code if isinstance(code, int) else 0


def _interrupted() -> int:
    print("boundcheck: interrupted", file=sys.stderr)
    return _INTERRUPTED


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the words that were typed, and where the right ones are listed."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    path = "boundcheck" if context is None else context.command_path
    return f"{message}; '{path} --help' shows what is expected"


def _refuse(message: str) -> int:
    print(f"boundcheck: {message}", file=sys.stderr)
    return 2
