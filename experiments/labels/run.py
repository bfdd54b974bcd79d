"""Run the session of the front page through the command line and keep its reports as rows."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from boundcheck.cli.main import main

HERE = Path(__file__).parent
TRAINED = {
    "mnist-true": ["--labels", "true"],
    "mnist-10000-true": ["--labels", "true", "--n", "10000"],
    "mnist-10000-random": ["--labels", "random", "--n", "10000", "--epochs", "400"],
}


def command(*words: str) -> None:
    """One command; a failure ends the session."""
    print("boundcheck " + " ".join(words), flush=True)
    if code := main(words):
        sys.exit(code)


def run() -> None:
    """The whole session; checkpoints, pages and pictures stay in the folder out, which is not committed."""
    (HERE / "out").mkdir(exist_ok=True)
    os.chdir(HERE / "out")  # so that reports name their checkpoints without a path of this machine
    command("demo", "--out", "demo")
    for labels in ("true", "random"):
        shutil.copy(f"demo/{labels}.json", HERE / f"demo-{labels}.json")
    shutil.copy("demo/figure.png", HERE / "demo.png")
    for name, options in TRAINED.items():
        checkpoint = f"{name}.pt"
        if not Path(checkpoint).exists():
            command("train", "--data", "mnist", "--model", "mlp", "--widths", "512,512", *options, "--out", checkpoint)
        outputs = [f"--{kind}={name}.{kind}" for kind in ("html", "latex")]
        command("evaluate", "--checkpoint", checkpoint, f"--json=../{name}.json", f"--plot={name}.png", *outputs)


if __name__ == "__main__":
    run()
