"""Finished draws of signs in a file, so that what was interrupted goes on where it stood."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boundcheck.errors import InputError
from boundcheck.files import write_whole
from boundcheck.studies.sign_fits import Draw

FORMAT = "boundcheck-draws/1"


@dataclass(frozen=True)
class DrawFile:
    """JSON lines: a head that says what was drawn for, then one draw a line.

    Attributes:
        path: The file; ``None`` keeps nothing.
        head: What has to be the same for draws to belong together.
    """

    path: str | None
    head: Mapping[str, Any]

    def read(self) -> list[Draw]:
        """The draws that are finished; none where there is no file.

        Raises:
            InputError: The file holds something else, or draws of another plan; it is left as it is.
        """
        if self.path is None or not Path(self.path).exists():
            return []
        advice = "give another file, or move this one away"
        try:
            head, *rows = [json.loads(line) for line in Path(self.path).read_text(encoding="utf-8").splitlines()]
            draws = [Draw(**row) for row in rows]
        except (OSError, ValueError, TypeError) as error:
            raise InputError("a file of finished draws", f"'{self.path}' ({type(error).__name__})", advice) from None
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise InputError("a file of finished draws", f"'{self.path}', which is another file", advice)
        asked = json.loads(json.dumps(self.head))
        differs = [key for key in asked if head.get(key) != asked[key]]
        if differs:
            raise InputError("finished draws of the same plan", f"'{self.path}' with another {differs[0]}", advice)
        return draws

    def write(self, draws: Sequence[Draw]) -> None:
        """All finished draws, whole or not at all."""
        if self.path is not None:
            lines = [{"format": FORMAT, **self.head}, *(draw.row() for draw in draws)]
            write_whole(self.path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
