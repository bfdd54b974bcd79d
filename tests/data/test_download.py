"""Downloads, from a server on this machine: the checksum decides, and the cache is used before the network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from boundcheck.data.download import UnavailableError, fetch

GOOD = b"the right bytes" * 1000
SHA = {"file.bin": hashlib.sha256(GOOD).hexdigest()}


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class _Bar:
    def __init__(self) -> None:
        self.total: float | None = None
        self.seen = 0

    def update(self, n: int) -> None:
        self.seen += n

    def reset(self) -> None:
        self.seen = 0

    def close(self) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    site = tmp_path / "site"
    for folder, content in (("good", GOOD), ("bad", GOOD[:-1] + b"!")):
        (site / folder).mkdir(parents=True)
        (site / folder / "file.bin").write_bytes(content)
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(site)))
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}/", site
    running.shutdown()
    thread.join()
    running.server_close()


def test_mirrors_in_turn_and_then_the_cache(server: tuple[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    base, _ = server
    bar = _Bar()
    paths = fetch(SHA, "x", [base + "none/", base + "bad/", base + "good/"], progress=bar)
    assert paths["file.bin"].read_bytes() == GOOD
    assert (bar.seen, bar.total) == (len(GOOD), len(GOOD))
    assert fetch(SHA, "x", [], download=False) == paths
    assert capfd.readouterr() == ("", "")


def test_a_wrong_checksum_is_never_used(server: tuple[str, Path], tmp_path: Path) -> None:
    base, _ = server
    with pytest.raises(UnavailableError, match=r"file\.bin failed: 127\.0\.0\.1: wrong checksum, 127\.0\.0\.1: HTTP status 404"):
        fetch(SHA, "x", [base + "bad/", base + "none/"])
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_damaged_cache_is_fetched_again(server: tuple[str, Path]) -> None:
    base, _ = server
    path = fetch(SHA, "x", [base + "good/"])["file.bin"]
    path.write_bytes(b"damage")
    with pytest.raises(UnavailableError, match="switched off"):
        fetch(SHA, "x", [base + "good/"], download=False)
    assert fetch(SHA, "x", [base + "good/"])["file.bin"].read_bytes() == GOOD


def test_no_server(server: tuple[str, Path]) -> None:
    with pytest.raises(UnavailableError, match="ConnectionError"):
        fetch(SHA, "x", ["http://127.0.0.1:9/"])  # the discard port, where nothing listens
