"""A bar on standard error when work takes longer than a second and standard error is a terminal; else nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")

WORK = """
import sys, time
from boundcheck.cli.screen import progress_bar
with progress_bar() as tell:
    tell("counting sheep", 0.25)
    time.sleep(float(sys.argv[1]))
print("done")
"""


def on_a_terminal(seconds: float) -> bytes:
    """What a process writes to standard error when that is a terminal."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(seconds)], stdout=subprocess.PIPE, stderr=slave, stdin=slave, env=environment
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # how Linux says that the other end was closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(master)
    assert process.communicate(timeout=60)[0] == b"done\n"
    assert process.returncode == 0
    return seen


def test_a_bar_for_long_work() -> None:
    seen = on_a_terminal(1.8)
    assert b"counting sheep" in seen
    assert b"25%" in seen


def test_no_bar_for_short_work() -> None:
    assert on_a_terminal(0.0) == b""


def test_no_bar_in_a_file(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WORK, "1.3"], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"done\n", b"")
