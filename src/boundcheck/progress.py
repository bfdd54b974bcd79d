"""How long work tells how far it is: one callable, so that nothing below the command line knows a screen."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction of it that is done, in [0, 1]."""


def silent(what: str, fraction: float) -> None:
    """Tell nobody."""
