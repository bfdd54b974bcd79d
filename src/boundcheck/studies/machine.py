"""What a row says of the machine that made it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import boundcheck


def machine() -> dict[str, object]:
    """Processor, cores and memory, as the system tells them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    found: dict[str, object] = {"processor": next(names, platform.processor()), "cores": os.cpu_count()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return found | {"python": platform.python_version()}


def code() -> str:
    """Which code this is: the commit of the checkout that it runs from, with a mark if files were changed; else the version."""
    here = Path(__file__)

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", *words], cwd=here.parent, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # An environment inside of another repository is not a checkout of this one.
    commit = git("rev-parse", "HEAD") if git("ls-files", "--error-unmatch", here.name) is not None else None
    if not commit:
        return f"version {boundcheck.__version__}"
    return f"{commit} with changes" if git("status", "--porcelain", "--", str(here.parents[1])) else commit


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
