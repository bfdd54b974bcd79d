"""Rank the networks of each study, by their labels too; a line a part and measure goes to rankings.jsonl.

Run: python experiments/measures/run.py [--table]
With --table the statistics that README.md quotes are printed as Markdown.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

import boundcheck
from boundcheck.ranking import Settings, rank
from boundcheck.ranking.networks import from_table
from boundcheck.ranking.rows import bounds_among

HERE = Path(__file__).parent
RANKINGS = HERE / "rankings.jsonl"
SHAPE = ("labels", "n", "width", "depth")
STUDIES = {
    "mnist": (*SHAPE, "lr"),
    "cifar10": (*SHAPE, "lr"),
    "regularized": (*SHAPE, "batch_size", "weight_decay"),
    "certificates": (*SHAPE, "batch_size"),
}
"""The studies, each a CSV beside this file, and what varies in them."""
NO_MEASURES = ("seed", "epochs", "clean_test_error", "cpu_seconds")
PARTS = ("true", "noisy", "both")
"""Networks on true labels, on partly random ones, and all."""
# An environment has a pair for every two seeds of its two settings, four where there are two seeds of each; those of a smaller
# effective size than this are left out.
EFFECTIVE_SIZE = {"mnist": 6.0, "cifar10": 6.0, "regularized": 6.0, "certificates": 3.0}


def ranked(table: pd.DataFrame, study: str, part: str) -> list[dict[str, Any]]:
    """The lines of one part of a study."""
    on_true = table["labels"] == "true"
    chosen = table[{"true": on_true, "noisy": ~on_true, "both": on_true | ~on_true}[part]]
    networks = from_table(
        chosen, hyperparameters=STUDIES[study], gap=("test_error", "train_error"), ignored=NO_MEASURES, fitted="fitted",
        test_size="test_size", source=f"{study}, {part} labels",
    )  # fmt: skip
    settings = Settings(effective_size=EFFECTIVE_SIZE[study], bootstrap=100)
    found = rank(networks, settings, bounds=bounds_among(networks))
    head = {
        "schema": "boundcheck-measures/2", "boundcheck": boundcheck.__version__, "study": study, "labels": part,
        "trained": len(chosen), "ranked": len(networks), "all_environments": len(found.pairs.starts), **asdict(settings),
    }  # fmt: skip
    return [head | {key: value for key, value in asdict(one).items() if key != "errors"} for one in found.judged]


def printed(lines: list[dict[str, Any]]) -> None:
    """A table a part."""
    for study in STUDIES:
        for labels in PARTS:
            part = [one for one in lines if (one["study"], one["labels"]) == (study, labels)]
            if not part:
                continue
            print(f"\n### {study}, {labels}: {part[0]['ranked']} of {part[0]['trained']} networks\n")
            print(
                "| measure | environments | sign error: mean | 90th | max | tau | " + " | ".join(part[0]["psi"]) + " | Psi | K |"
            )
            print("|---|" + "---:|" * (7 + len(part[0]["psi"])))
            for one in part:
                error = one["sign_error"]
                numbers = [error["mean"], error["p90"], error["largest"], one["tau"], *one["psi"].values(), one["mean_psi"]]
                cells = ["-" if x is None else f"{x:.3f}" for x in (*numbers, one["information"])]
                print(f"| {one['name']} | {error['environments']} | " + " | ".join(cells) + " |")


def main() -> None:
    """Rank every part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", action="store_true", help="print the committed rankings instead of making them")
    if parser.parse_args().table:
        printed([json.loads(line) for line in RANKINGS.read_text(encoding="utf-8").splitlines()])
        return
    tables = {study: pd.read_csv(HERE / f"{study}.csv") for study in STUDIES if (HERE / f"{study}.csv").exists()}
    lines = [one for study, table in tables.items() for part in PARTS for one in ranked(table, study, part)]
    RANKINGS.write_text("".join(json.dumps(one, allow_nan=False) + "\n" for one in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
