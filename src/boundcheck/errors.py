"""The one exception for input that can't be used."""

from __future__ import annotations


class InputError(ValueError):
    """Input that can't be used, told in one line: what was expected, what came, what to do.

    The command line prints this line on standard error and ends with exit code 2; from Python it is a
    ``ValueError`` like any other.

    Args:
        expected: What would have been accepted, e.g. ``"a checkpoint file"``.
        got: What came instead, e.g. ``"a directory, runs/"``.
        advice: What to do about it, e.g. ``"name the .pt file inside it"``.
    """

    def __init__(self, expected: str, got: str, advice: str) -> None:
        self.expected, self.got, self.advice = (" ".join(part.split()) for part in (expected, got, advice))
        super().__init__(f"expected {self.expected}; got {self.got}; {self.advice}")


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Advice that names the known word nearest to a mistyped one.

    Args:
        name: What was typed.
        known: The words that would have been accepted.

    Returns:
        ``"did you mean 'mnist'?"`` or, where nothing is near, the list of known words.
    """
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known)
