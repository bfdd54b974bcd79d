"""A deep network, whose rounding error bound exceeds its margins: errors are the program's, margins stay safe."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import boundcheck
from boundcheck.report.rows import remarks
from boundcheck.theorem import Status


def _deep(layers: int) -> nn.Module:
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(16, 64)]
    for _ in range(layers):
        # Half of each sum cancels the other: the network of absolute values grows by 64 a layer, the network itself by little.
        parts += [nn.ReLU(), nn.Linear(64, 64)]
    return nn.Sequential(*parts, nn.ReLU(), nn.Linear(64, 3)).eval()


def test_errors_of_the_program_do_not_drown_in_the_rounding_error_bound() -> None:
    network = _deep(24)
    x = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    with torch.no_grad():
        y = network.double()(torch.from_numpy(x).double()).argmax(1).numpy()
    network = network.float()
    report = boundcheck.evaluate(network, train=(x, y), test=(x[:20] + 1.0, y[:20]), classes=3)
    assert report.errors.errors == 0
    assert report.errors.invalid == 0
    assert report["langford2005testset"].status is not Status.NOT_APPLICABLE
    growth = report["vapnik1998growth"]
    assert growth.terms["training error"] >= 1.0  # it reads margins, none of which is surely positive
    assert any("rounding error bound" in note for note in remarks(report))
