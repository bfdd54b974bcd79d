"""Run the claims about constructions through the command line and keep its answers as rows."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

from boundcheck.cli.main import main

HERE = Path(__file__).parent
QUESTIONS = {
    "a million normal points, floats": ["--n", "1000000", "--d", "100", "--verify", "float"],
    "a hundred thousand normal points, exactly": ["--n", "100000", "--d", "100", "--verify", "exact"],
    "ten thousand normal points, floats": ["--n", "10000", "--d", "100", "--verify", "float"],
    "a thousand normal points, floats": ["--n", "1000", "--d", "100", "--verify", "float"],
    "MNIST, random labels": ["--data", "mnist", "--labels", "random", "--verify", "exact", "--out", "mnist-random.pt"],
    "Fashion-MNIST, random labels": ["--data", "fashion-mnist", "--labels", "random", "--verify", "exact"],
    "digits, random labels": ["--data", "digits", "--labels", "random", "--verify", "exact"],
    "shapes on a thousand points of bytes": ["--n", "1000", "--d", "100", "--inputs", "bytes", "--compare"],
    "shapes on a thousand normal points": ["--n", "1000", "--d", "100", "--compare"],
    "twelve points shattered": ["--shatter", "--n", "12", "--d", "3"],
    "the proof for four points": ["--proof", "--n", "4"],
}


def asked(question: str, words: list[str]) -> dict[str, Any]:
    """One command with its answer, exit code and times."""
    print("boundcheck construct " + " ".join(words), flush=True)
    wall, cpu = time.perf_counter(), time.process_time()
    code = main(["construct", *words, "--json", "answer.json"])
    seconds = {"wall": round(time.perf_counter() - wall, 2), "cpu": round(time.process_time() - cpu, 2)}
    if code == 2:
        sys.exit(code)
    answer = json.loads(Path("answer.json").read_text(encoding="utf-8"))
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    return {
        "schema": "boundcheck-experiment/1",
        "question": question,
        "command": "boundcheck construct " + " ".join(words),
        "exit": code,
        "seconds": seconds,
        "peak_gib_so_far": peak,
        "load": round(os.getloadavg()[0], 1),
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "answer": answer,
    }


def run(chosen: list[str]) -> None:
    """Questions whose words hold one of the chosen, all without any; rows of the others stay.

    The checkpoint stays in the folder out, which is not committed; its report is a row of its own.
    """
    (HERE / "out").mkdir(exist_ok=True)
    os.chdir(HERE / "out")
    path = HERE / "rows.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {row["question"]: row for row in map(json.loads, lines)}
    for question, words in QUESTIONS.items():
        if not chosen or any(word in question for word in chosen):
            rows[question] = asked(question, words)
            kept = [json.dumps(rows[name]) + "\n" for name in QUESTIONS if name in rows]
            path.write_text("".join(kept), encoding="utf-8")
    if not chosen or "evaluate" in chosen:
        sys.exit(main(["evaluate", "--checkpoint", "mnist-random.pt", "--json", "../mnist-random.json"]))


if __name__ == "__main__":
    run(sys.argv[1:])
