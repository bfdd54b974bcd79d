"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from boundcheck.errors import InputError

_PREFIX = ".boundcheck-"
_EXPECTED = "an output file that can be written"


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file beside its destination, then rename it: a reader sees the old content or all of the new.

    A destination that is no regular file, such as ``/dev/null`` or a pipe, can't be renamed onto and is written directly.

    Args:
        path: The destination; a symbolic link is followed, so that the link stays.
        content: Text (written as UTF-8) or bytes.

    Raises:
        InputError: The destination can't be written; what was there before is untouched.
    """
    target = _usable(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as problem:
        raise _refusal(target, problem) from problem


def check_writable(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Find out, before long work, whether all of some files will be writable; leaves nothing behind.

    Args:
        paths: The files that will be written.

    Raises:
        InputError: One of them can't be, or two of them are the same file.
    """
    seen: set[Path] = set()
    for path in paths:
        target = _usable(path)
        regular = target.is_file() or not target.exists()
        if regular and target in seen:
            raise InputError(
                "a file of its own for each output", f"'{os.fspath(path)}' twice", "give the outputs different names"
            )
        seen.add(target)
        if not regular:
            continue
        try:
            # Permission bits don't tell the truth for root or on read-only file systems; making a file does.
            handle, probe = tempfile.mkstemp(prefix=_PREFIX, dir=target.parent)
            os.close(handle)
            os.unlink(probe)
        except OSError as problem:
            raise _refusal(target, problem) from problem


def _usable(path: str | os.PathLike[str]) -> Path:
    """The resolved destination, after everything that can be refused without writing."""
    text = os.fspath(path)
    if not text or "\0" in text:
        raise InputError(_EXPECTED, f"the name {text!r}", "give the file a name")
    try:
        target = Path(os.path.realpath(text))
        if target.is_dir() or text.endswith(("/", os.sep)):
            raise InputError(_EXPECTED, f"a directory, '{text}'", "name a file inside it")
        if not target.parent.is_dir():
            raise InputError(_EXPECTED, f"'{text}' in a directory that does not exist", f"make '{target.parent}' first")
        if target.exists() and not os.access(target, os.W_OK):
            raise InputError(_EXPECTED, f"'{text}', which is read-only", "choose another name or change its permissions")
        with contextlib.suppress(FileNotFoundError):
            target.stat()
    except OSError as problem:
        raise _refusal(Path(text), problem) from problem
    return target


def _replace(target: Path, data: bytes) -> None:
    """Write beside, flush to the disk, rename; the file beside never outlives a failure."""
    handle, beside = tempfile.mkstemp(prefix=_PREFIX, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, _mode(target))
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file would get (temporary files are private)."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _refusal(target: Path, problem: OSError) -> InputError:
    reason = problem.strerror or type(problem).__name__
    return InputError(_EXPECTED, f"'{target}' ({reason})", "choose a directory that you may write to, with room left")
