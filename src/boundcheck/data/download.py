"""Files from the network, kept in the user's cache and never used before their checksum was compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

# Seconds until a connection stands, and between two pieces of a file.
_TIMEOUT = (5, 60)
_CHUNK = 1 << 16


class UnavailableError(Exception):
    """A file that is neither in the cache nor to be had; the text says why, for use inside a longer line."""


class Progress(Protocol):
    """What shows a download; a tqdm bar is one. Screens belong to the caller."""

    total: float | None

    def update(self, n: int) -> object:
        """Note that n more bytes have come."""

    def reset(self) -> object:
        """Start again from nothing."""

    def close(self) -> object:
        """The file is complete."""


def fetch(
    files: Mapping[str, str],
    folder: str,
    mirrors: Sequence[str],
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Local copies of files with known checksums.

    Args:
        files: SHA-256 by file name.
        folder: The folder of the cache that holds them.
        mirrors: Base addresses, each ending in a slash, tried in this order.
        download: False takes only what is already in the cache.
        progress: Told about the bytes of each download.

    Returns:
        The path of each file; its contents have the checksum.

    Raises:
        UnavailableError: At least one file can't be had; the message gives the reason of each mirror.
    """
    import pooch

    cache = Path(pooch.os_cache("boundcheck")) / folder
    return {name: _fetch_one(name, sha, cache, mirrors, download, progress) for name, sha in files.items()}


def _fetch_one(name: str, sha: str, cache: Path, mirrors: Sequence[str], download: bool, progress: Progress | None) -> Path:
    import pooch

    path = cache / name
    if path.is_file() and pooch.file_hash(str(path)) == sha:
        return path
    if not download:
        raise UnavailableError("downloads are switched off")
    bar = False if progress is None else progress
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT)
    reasons = []
    for base in mirrors:
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(
                    base + name,
                    known_hash=f"sha256:{sha}",
                    fname=name,
                    path=cache,
                    downloader=downloader,
                )
        except (OSError, ValueError) as error:
            reasons.append(f"{urlsplit(base).hostname}: {_reason(error)}")
        else:
            return path
    raise UnavailableError(f"download of {name} failed: {', '.join(reasons)}")


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch's announcements off standard error, which is the command line's to write on."""
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: OSError | ValueError) -> str:
    """A few words; the texts of network errors run over many lines."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "wrong checksum"
