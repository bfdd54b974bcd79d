"""Why a section of the evidence can't be measured."""

from __future__ import annotations


class Unavailable(Exception):  # noqa: N818 (a reason, not an error)
    """Raised by a measurement that has nothing to say of this network; carries the reason, which the record keeps.

    Args:
        reason: One sentence, e.g. ``"the running statistics of bn1 were learned from the data"``.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
