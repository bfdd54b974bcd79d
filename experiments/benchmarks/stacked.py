"""Many small networks: stacked into one product, one after the other as boundcheck trains them, and in a plain loop of PyTorch.

Run: python experiments/benchmarks/stacked.py [--repeat 3]
All three train the same networks on the same batches, in turn, on one thread; the least processor time of each counts, which
other work on the machine changes little. A row a case goes to stacked_rows.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import boundcheck
from boundcheck.networks import build
from boundcheck.runs.run import Sample
from boundcheck.runs.stacked import train_stacked
from boundcheck.runs.training import Settings, batches, train_epochs
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
    """Processor seconds of the three on random labels, which no network fits in two epochs."""
    rng = np.random.default_rng(0)
    x = rng.random((EXAMPLES, INPUTS), dtype=np.float32)
    labels = rng.integers(0, CLASSES, (networks, EXAMPLES))
    seeds = [0] * networks if together else list(range(networks))
    settings = Settings(lr=0.01, momentum=0.9, batch_size=batch_size, epochs=EPOCHS)

    def fresh() -> list[torch.nn.Module]:
        return [build("mlp", (INPUTS,), CLASSES, seed=i, widths=widths) for i in range(networks)]

    def seeded(seed: int) -> Settings:
        return Settings(**{**vars(settings), "seed": seed})

    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: [plain(net, x, y, seeded(seed)) for net, y, seed in zip(fresh(), labels, seeds, strict=True)],
        "loop": lambda: [
            train_epochs(net, Sample(x, y), seeded(seed)) for net, y, seed in zip(fresh(), labels, seeds, strict=True)
        ],
        "stacked": lambda: train_stacked(fresh(), x, labels, settings, seeds=seeds),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeat):
        for name, way in ways.items():
            start = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - start)
    return {
        "schema": "boundcheck-stacked/2",
        "boundcheck": boundcheck.__version__,
        "networks": networks,
        "layers": [INPUTS, *widths, CLASSES],
        "batch_size": batch_size,
        "one_order": together,
        "examples": EXAMPLES,
        "epochs": EPOCHS,
        **{f"cpu_seconds_{name}": round(seconds, 4) for name, seconds in best.items()},
        "times_plain": round(best["plain"] / best["stacked"], 2),
        "times_loop": round(best["loop"] / best["stacked"], 2),
    }


def plain(network: torch.nn.Module, x: NDArray[np.float32], y: NDArray[np.int64], settings: Settings) -> int:
    """What one writes with PyTorch: automatic differentiation, its optimizer, and training errors after each epoch."""
    inputs, labels, errors = torch.from_numpy(x), torch.from_numpy(y), 0
    optimizer = torch.optim.SGD(network.parameters(), lr=settings.lr, momentum=settings.momentum)
    for epoch in range(1, settings.epochs + 1):
        for batch in batches(len(y), settings, epoch):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            errors = int((network(inputs).argmax(dim=1) != labels).sum())
    return errors


def main() -> None:
    """Run every case, print its row and append it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print("| networks | layers | batch | one order | plain, s | loop, s | stacked, s |\n|---|---|---|---|---|---|---|")
    with ROWS.open("a", encoding="utf-8") as rows, threadpool_limits(limits=1):
        for arguments in CASES:
            found = case(*arguments, options.repeat)
            load = round(os.getloadavg()[0], 2)
            row = found | {"repeat": options.repeat, "load": load, "torch": torch.__version__, "machine": machine()}
            rows.write(json.dumps(row) + "\n")
            rows.flush()
            cells = [row["networks"], "-".join(map(str, row["layers"])), row["batch_size"], row["one_order"]]
            seconds = [f"{row[f'cpu_seconds_{name}']:.2f}" for name in ("plain", "loop", "stacked")]
            print("| " + " | ".join(map(str, [*cells, *seconds])) + " |", flush=True)


if __name__ == "__main__":
    main()
