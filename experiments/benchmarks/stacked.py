"""Many small networks: stacked into one product against one after the other; networks per second and their ratio.

Run: python experiments/benchmarks/stacked.py [--repeat 3]
Both sides train the same networks on the same batches, in turn, on one thread; the least processor time of each counts, which
other work on the machine hardly changes. A row a case goes to stacked_rows.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import boundcheck
from boundcheck.networks import build
from boundcheck.runs.run import Sample
from boundcheck.runs.stacked import train_stacked
from boundcheck.runs.training import Settings, train_epochs
from boundcheck.studies.machine import machine

ROWS = Path(__file__).parent / "stacked_rows.jsonl"
EXAMPLES, INPUTS, CLASSES, EPOCHS = 1000, 784, 10, 2
# (networks, widths, batch size, one order of the examples for all)
CASES = [
    (32, (32, 32), 100, True),
    (32, (64, 64), 100, True),
    (32, (128, 128), 100, True),
    (6, (128,), 100, True),
    (32, (64, 64), 100, False),
    (32, (256, 256), 100, True),
]


def case(networks: int, widths: tuple[int, ...], batch_size: int, together: bool, repeat: int) -> dict[str, Any]:
    """Processor seconds of both sides on random labels, which no network fits in two epochs."""
    rng = np.random.default_rng(0)
    x = rng.random((EXAMPLES, INPUTS), dtype=np.float32)
    labels = rng.integers(0, CLASSES, (networks, EXAMPLES))
    seeds = [0] * networks if together else list(range(networks))
    settings = Settings(lr=0.01, momentum=0.9, batch_size=batch_size, epochs=EPOCHS)

    def fresh() -> list[torch.nn.Module]:
        return [build("mlp", (INPUTS,), CLASSES, seed=i, widths=widths) for i in range(networks)]

    best = [float("inf"), float("inf")]
    for _ in range(repeat):
        start = time.process_time()
        for network, y, seed in zip(fresh(), labels, seeds, strict=True):
            train_epochs(network, Sample(x, y), Settings(**{**vars(settings), "seed": seed}))
        best[0] = min(best[0], time.process_time() - start)
        start = time.process_time()
        train_stacked(fresh(), x, labels, settings, seeds=seeds)
        best[1] = min(best[1], time.process_time() - start)
    return {
        "schema": "boundcheck-stacked/1",
        "boundcheck": boundcheck.__version__,
        "networks": networks,
        "layers": [INPUTS, *widths, CLASSES],
        "batch_size": batch_size,
        "one_order": together,
        "examples": EXAMPLES,
        "epochs": EPOCHS,
        "cpu_seconds_loop": round(best[0], 4),
        "cpu_seconds_stacked": round(best[1], 4),
        "ratio": round(best[0] / best[1], 2),
    }


def main() -> None:
    """Run every case, print its row and append it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| networks | layers | batch | one order | loop, s | stacked, s | times faster |\n|---|---|---|---|---|---|---|")
    with ROWS.open("a", encoding="utf-8") as rows:
        for arguments in CASES:
            row = case(*arguments, options.repeat) | {"repeat": options.repeat, "torch": torch.__version__, "machine": machine()}
            rows.write(json.dumps(row) + "\n")
            rows.flush()
            sizes = f"{row['networks']} | {'-'.join(map(str, row['layers']))} | {row['batch_size']} | {row['one_order']}"
            print(
                f"| {sizes} | {row['cpu_seconds_loop']:.2f} | {row['cpu_seconds_stacked']:.2f} | {row['ratio']:.2f} |", flush=True
            )


if __name__ == "__main__":
    main()
