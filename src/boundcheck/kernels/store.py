"""A folder that keeps a factor column by column and the state of the refinement, so that an interrupted fit goes on."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError
from boundcheck.files import write_whole

FORMAT = "boundcheck-factor/1"
_MANIFEST = "factor.json"


@dataclass(frozen=True)
class Folder:
    """A factor on disk.

    Attributes:
        path: The folder.
        targets: What tells the targets of this fit from those of others that share the factor.
    """

    path: Path
    targets: str = ""

    @classmethod
    def open(cls, path: str | os.PathLike[str], identity: Mapping[str, Any], targets: str = "") -> Folder:
        """Make a folder, or take up one that an earlier run of the same fit left.

        Args:
            path: The folder.
            identity: What tells one fit from another: hash of the sample, kernel, ridge, dtype, shift, width.
            targets: Hash of the targets: fits of other labels on the same sample share the factor.

        Raises:
            InputError: It can't be made, or holds the factor of another fit.
        """
        folder = Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise InputError("a folder for the factor", f"'{folder}' ({problem.strerror})", "name another one") from problem
        wanted = {"format": FORMAT, **identity}
        manifest = folder / _MANIFEST
        if manifest.is_file():
            _check(manifest, wanted)
        elif any(folder.iterdir()):
            raise InputError("an empty folder, or one with a factor", f"'{folder}' with other files", "name another one")
        else:
            write_whole(manifest, json.dumps(wanted, indent=1) + "\n")
        return cls(folder, targets)

    def load(self, index: int, shape: tuple[int, int], dtype: str) -> NDArray[Any] | None:
        """A finished column, or ``None`` when it is not there."""
        path = self._column(index)
        if not path.is_file():
            return None
        panel = np.fromfile(path, dtype=dtype)
        if panel.size != shape[0] * shape[1]:
            raise InputError(f"{shape[0]} by {shape[1]} numbers in '{path}'", str(panel.size), "remove the folder and fit again")
        return panel.reshape(shape)

    def save(self, index: int, panel: NDArray[Any]) -> None:
        """Write a finished column beside its place, then rename it.

        Raises:
            InputError: The disk is full or can't be written.
        """
        beside = ""
        try:
            handle, beside = tempfile.mkstemp(prefix=".boundcheck-", dir=self.path)
            with os.fdopen(handle, "wb") as stream:
                panel.tofile(stream)
            os.replace(beside, self._column(index))
        except OSError as problem:
            raise InputError(
                f"room for a factor in '{self.path}'", str(problem.strerror or problem), "name a folder on another disk"
            ) from problem
        finally:
            with contextlib.suppress(OSError):
                os.unlink(beside)

    def load_state(self) -> dict[str, NDArray[np.float64]] | None:
        """The last state of the refinement, or ``None``."""
        path = self._state()
        if not path.is_file():
            return None
        with np.load(path) as found:
            return {name: found[name] for name in found.files}

    def save_state(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Keep a state in place of the last one."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **dict(state))
        write_whole(self._state(), buffer.getvalue())

    def _state(self) -> Path:
        return self.path / f"refinement-{self.targets[:16]}.npz"

    def _column(self, index: int) -> Path:
        return self.path / f"column-{index:05d}.bin"


def _check(manifest: Path, wanted: Mapping[str, Any]) -> None:
    """Refuse the factor of another fit."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError("a factor's manifest", f"'{manifest}' ({problem})", "remove the folder and fit again") from problem
    if found != dict(wanted):
        other = found if isinstance(found, dict) else {}
        names = sorted(name for name in {*wanted, *other} if wanted.get(name) != other.get(name))
        raise InputError(
            f"the factor of this fit in '{manifest.parent}'", f"one with another {', '.join(names)}", "name another folder"
        )
