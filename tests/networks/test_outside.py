"""Networks that others made: every theorem answers, and the report says what became of every module."""

from __future__ import annotations

import copy
import itertools
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.bounds import CATALOGUE
from boundcheck.compression import search
from boundcheck.pac_bayes import posterior
from boundcheck.report.report import Report

DATA = Path(os.environ.get("BOUNDCHECK_DATA", "/nowhere"))
NETWORKS = DATA / "networks"
outside = pytest.mark.skipif(not NETWORKS.is_dir(), reason="$BOUNDCHECK_DATA/networks is not there")
pytestmark = pytest.mark.slow


class Block(nn.Module):
    """Two convolutions with batch normalization beside a shortcut, as in ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet18(nn.Module):
    """The eight blocks of ResNet-18, narrow and on half the positions, so that the test takes seconds."""

    def __init__(self, width: int = 4, classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        widths = [width, width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
        self.blocks = nn.Sequential(*(Block(a, b, 2 if b > a else 1) for a, b in itertools.pairwise(widths)))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(self.blocks(self.relu(self.bn1(self.conv1(x))))), 1))


class Attention(nn.Module):
    """One transformer block on the rows of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(x.flatten(1).reshape(-1, 8, 16)).mean(dim=1))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the draws and of the messages tried: what is looked at is that every network gets a report, not its numbers."""
    for effort, found in posterior._EFFORTS.items():
        monkeypatch.setitem(posterior._EFFORTS, effort, replace(found, operations=found.operations / 50.0))  # type: ignore[arg-type]
    for effort, plan in search._EFFORTS.items():
        monkeypatch.setitem(search._EFFORTS, effort, replace(plan, evaluations=30))  # type: ignore[arg-type]


def overlapping_pools() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 1, 1),
        nn.Flatten(), nn.Linear(8 * 13 * 13, 20), nn.ReLU(), nn.Linear(20, 10),
    )  # fmt: skip


def biased() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 30), nn.ReLU(), nn.Linear(30, 20), nn.LeakyReLU(0.1), nn.Linear(20, 10))


MADE: dict[str, tuple[Any, tuple[int, ...]]] = {
    "ResNet-18": (ResNet18, (3, 32, 32)),
    "overlapping max-pools": (overlapping_pools, (3, 32, 32)),
    "biases": (biased, (3, 4, 4)),
    "transformer block": (Attention, (128,)),
}


def complete(report: Report, network: nn.Module) -> None:
    """Every theorem gives a number or a reason, numbers are in the order of what is possible, and every module is listed."""
    assert [c.name for c in report.certificates] == list(CATALOGUE)
    for certificate in report.certificates:
        if certificate.status == "not-applicable":
            assert certificate.why, certificate.name
            assert certificate.value is None
        else:
            assert certificate.value is None or certificate.value > 0.0, certificate.name
            assert certificate.log10_value is not None, certificate.name
            assert math.isfinite(certificate.log10_value), certificate.name
    listed = {path: outcome for path, _, outcome in report.provenance.modules}
    assert {path for path, _ in network.named_modules()} <= set(listed)
    assert all(listed.values())
    report.to_json()
    assert "<html" in report.to_html()


@pytest.mark.parametrize("name", MADE)
def test_networks_of_every_kind(name: str) -> None:
    make, shape = MADE[name]
    torch.manual_seed(0)
    network = make().eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(generator=torch.Generator().manual_seed(1))
                module.running_var.uniform_(0.5, 2.0, generator=torch.Generator().manual_seed(2))
    reference = copy.deepcopy(network)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.01 * torch.randn(p.shape, generator=torch.Generator().manual_seed(3)))
    x, y = rng.uniform(size=(40, *shape)).astype(np.float32), rng.integers(0, 10, size=40)
    xt, yt = rng.uniform(size=(20, *shape)).astype(np.float32), rng.integers(0, 10, size=20)
    report = boundcheck.evaluate(network, (x, y), (xt, yt), reference, classes=10, domain=(0.0, 1.0))
    complete(report, network)
    status = {c.name: c for c in report.certificates}
    assert status["langford2005testset"].value is not None  # it asks nothing of the network
    assert status["blumer1987bits"].value is not None
    if name == "transformer block":
        assert {status[n].why for n in ("bartlett2017spectral", "vapnik1998growth", "gonon2024peeling")} != {None}
    if name == "ResNet-18":
        assert status["gonon2024peeling"].value is not None or status["gonon2024peeling"].log10_value is not None
        assert "skip" in str(status["bartlett2017spectral"].why) or "chain" in str(status["bartlett2017spectral"].why)


def fc3() -> nn.Module:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2, self.fc3 = nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))

    return Net()


def mlp6() -> nn.Module:
    sizes = [784, 100, 100, 100, 100, 100]
    layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(100, 10))


def conv_small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 100), nn.ReLU(),
        nn.Linear(100, 10),
    )  # fmt: skip


FILES: dict[str, tuple[Any, float]] = {
    "mnist_fc_3layer.pth": (fc3, 0.04),
    "mnist_6_100_nat.pth": (mlp6, 0.06),
    "mnist_conv_small_nat.pth": (conv_small, 0.04),
}
"""File to its architecture, and an error on 2000 test digits that is well above what its authors report."""


@outside
@pytest.mark.parametrize("file", FILES)
def test_state_dicts_of_others(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from boundcheck.runs import loading

    make, worst = FILES[file]
    monkeypatch.setattr(loading, "from_factory", lambda name, kwargs: make())
    run = boundcheck.load_run(NETWORKS / file, model="outside:net", data="mnist", n=300, data_dir=str(DATA))
    report = boundcheck.evaluate(run)
    complete(report, run.network)
    assert report.errors.clean_test_error is not None
    assert report.errors.clean_test_error < worst


@outside
@pytest.mark.parametrize(("file", "data", "worst"), [("mnist-net_256x2.onnx", "mnist", 0.04), ("resnet_2b.onnx", "cifar10", 0.4)])
def test_onnx_files_of_others(file: str, data: str, worst: float) -> None:
    pytest.importorskip("onnx")
    source = {"data": data, "n": 200, "data_dir": str(DATA)}
    if data == "cifar10":
        source["data"] = str(DATA / "cifar10" / "cifar10_10k_2k.npz")
        source |= {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2471, 0.2435, 0.2616)}
    run = boundcheck.load_run(NETWORKS / file, **source)
    report = boundcheck.evaluate(run)
    complete(report, run.network)
    assert report.errors.clean_test_error is not None
    assert report.errors.clean_test_error < worst
