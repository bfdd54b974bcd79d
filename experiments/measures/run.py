"""Rank the networks of networks.csv by data and labels; a line a part and measure goes to rankings.jsonl.

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
HYPERPARAMETERS = ("labels", "n", "width", "depth", "lr")
NO_MEASURES = ("seed", "epochs", "clean_test_error", "cpu_seconds")
DATA = {"mnist": "mnist", "cifar10": "cifar10_10k_2k.npz"}
LABELS = {"true": ("true",), "noisy": ("corrupt:0.2",), "both": ("true", "corrupt:0.2")}
# An environment has a pair for every two seeds of its two settings; those of an effective size below this are left out.
SETTINGS = Settings(effective_size=6.0, bootstrap=100)


def ranked(table: pd.DataFrame, data: str, labels: str) -> list[dict[str, Any]]:
    """The lines of one part."""
    chosen = table[(table["data"] == DATA[data]) & table["labels"].isin(LABELS[labels])]
    networks = from_table(
        chosen, hyperparameters=HYPERPARAMETERS, gap=("test_error", "train_error"), ignored=NO_MEASURES, fitted="fitted",
        test_size="test_size", source=f"{data}, {labels} labels",
    )  # fmt: skip
    found = rank(networks, SETTINGS, bounds=bounds_among(networks))
    head = {
        "schema": "boundcheck-measures/1", "boundcheck": boundcheck.__version__, "data": data, "labels": labels,
        "trained": len(chosen), "ranked": len(networks), "all_environments": len(found.pairs.starts), **asdict(SETTINGS),
    }  # fmt: skip
    return [head | {key: value for key, value in asdict(one).items() if key != "errors"} for one in found.judged]


def printed(lines: list[dict[str, Any]]) -> None:
    """A table a part."""
    for data in DATA:
        for labels in LABELS:
            part = [one for one in lines if (one["data"], one["labels"]) == (data, labels)]
            if not part:
                continue
            print(f"\n### {data}, {labels}: {part[0]['ranked']} of {part[0]['trained']} networks\n")
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
    table = pd.read_csv(HERE / "networks.csv")
    there = [data for data, name in DATA.items() if name in set(table["data"])]
    lines = [one for data in there for labels in LABELS for one in ranked(table, data, labels)]
    RANKINGS.write_text("".join(json.dumps(one, allow_nan=False) + "\n" for one in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
