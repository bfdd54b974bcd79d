"""Complexity of one-hidden-layer ReLU networks on Gaussian inputs, as intervals, against sample size and width."""

from __future__ import annotations

from typing import Any

import numpy as np

from boundcheck.networks.architectures import build
from boundcheck.runs.live import run_from_objects
from boundcheck.runs.training import Settings, train_epochs
from boundcheck.studies.engine.plan import Job
from boundcheck.studies.random_signs import Plan, study


def one_class(job: Job) -> list[dict[str, Any]]:
    """Train on labels of a half-space, then bound the complexity of the classes that the network lies in.

    Args:
        job: ``n``, ``d``, ``width``, ``draws``, ``epochs``, ``lr``, ``batch_size``, ``delta`` and ``seed``.

    Returns:
        One row a class.
    """
    rng = np.random.default_rng([job["seed"], job["n"]])
    x = rng.normal(size=(job["n"], job["d"])).astype(np.float32)
    y = (x @ rng.normal(size=job["d"]) > 0.0).astype(np.int64)
    network = build("mlp", (job["d"],), 2, seed=job["seed"], widths=(job["width"],), bias=False)
    settings = Settings("adam", job["lr"], epochs=job["epochs"], batch_size=job["batch_size"], seed=job["seed"])
    run = run_from_objects(network, (x, y), None, None, labels="true", classes=2, domain=None)
    train_epochs(network, run.train, settings)
    run = run_from_objects(network, (x, y), None, None, labels="true", classes=2, domain=None)
    found = study(run, Plan(job["draws"], job["delta"], settings))
    agreeing = [draw.program / job["n"] for draw in found.draws]
    parameters = sum(p.numel() for p in network.parameters())
    return [row.row() | {"agreeing": agreeing, "parameters": parameters} for row in found.rows]
