"""Train the networks of the randomization experiments; rows go to the folders of the parts beside this file.

Run: python experiments/randomization/run.py [PART …] [--workers 2], with the sections of config.toml as parts
Interrupted or killed, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boundcheck.evaluation import chosen_theorems
from boundcheck.runs.training import Settings
from boundcheck.studies.engine import run_jobs
from boundcheck.studies.randomization import KINDS, Kind, Training, choose_kinds, make_jobs
from boundcheck.studies.randomization.job import run_job

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
TRUE, RANDOM = Kind("as-they-are", "true"), Kind("as-they-are", "random")

# Network, regularizers and kind of each row: of the paper's Tables 1, 2 and 4.
REGULARIZED = (
    *(("mlp-3x512", words, kind) for words in ((), ("weight-decay",)) for kind in (TRUE, RANDOM)),
    *(("alexnet", words, TRUE) for words in (("augment", "weight-decay"), ("augment",), ("weight-decay",))),
    *(("mlp-1x512", (), kind) for kind in (TRUE, RANDOM)),
    *(("mlp-3x512", words, TRUE) for words in (("augment", "dropout", "weight-decay"), ("augment",))),
    *(("mlp-1x512", ("weight-decay",), kind) for kind in (TRUE, RANDOM)),
    ("mlp-3x512", ("dropout", "weight-decay"), RANDOM),
    *(("alexnet", (), kind) for kind in (TRUE, RANDOM)),
    *(("inception", words, kind) for words in ((), ("weight-decay",)) for kind in (TRUE, RANDOM)),
    *(("inception-plain", (), kind) for kind in (TRUE, RANDOM)),
)
PARTS = tuple(name for name in CONFIG if name != "models")


def training(part: str, name: str, regularize: Sequence[str] = ()) -> Training:
    """What the jobs of a network in a part have in common."""
    setting, kwargs = CONFIG[part], dict(CONFIG["models"][name])
    model = kwargs.pop("model")
    return Training(
        data=setting["data"],
        model=model,
        model_kwargs=kwargs,
        n=setting["n"],
        crop=setting.get("crop"),
        standardize=setting.get("standardize", False),
        settings=Settings(lr=setting["lr"][name], batch_size=setting["batch_size"], epochs=setting["epochs"][name]),
        regularize=tuple(regularize),
        bounds=chosen_theorems(None) if "fractions" in setting else (),
        watch=setting["watch"],
    )


def jobs_of(part: str) -> list[dict[str, Any]]:
    """The jobs of one folder."""
    setting = CONFIG[part]
    if part == "regularizers":
        return [
            job for name, words, kind in REGULARIZED for job in make_jobs(training(part, name, words), [kind], setting["seeds"])
        ]
    if "fractions" in setting:  # every bound at each level of corruption
        (name,) = setting["lr"]
        return make_jobs(training(part, name), choose_kinds(("corrupted",), setting["fractions"]), setting["seeds"])
    return [
        job
        for own in setting["networks"]
        for job in make_jobs(training(part, own["network"]), choose_kinds(KINDS, own["fractions"]), own["seeds"])
    ]


def main() -> int:
    """Do the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; else all")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    # The subset is named without its folder, so that rows tell nothing of the machine.
    os.environ["BOUNDCHECK_DATA"] = os.path.abspath(os.environ["BOUNDCHECK_DATA"])
    os.chdir(Path(os.environ["BOUNDCHECK_DATA"]) / "cifar10")
    failed = 0
    for part in options.parts or PARTS:
        rows = run_jobs(
            run_job, jobs_of(part), HERE / part, workers=options.workers,
            progress=lambda what, _, part=part: print(f"{part}: {what}", file=sys.stderr, flush=True),
        )  # fmt: skip
        failed += sum(row.failed is not None for row in rows)
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
