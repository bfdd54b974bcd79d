"""Networks that others trained: their files as they are, the errors that are known of them, and how weights are wrapped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.errors import InputError
from boundcheck.report.rows import remarks
from boundcheck.runs.loading import load_run
from boundcheck.runs.run import Run

DATA = os.environ.get("BOUNDCHECK_DATA")
BOUND = ["langford2005testset"]

FACTORY = """
import torch
from torch import nn
import torch.nn.functional as F


class Three(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


def deep():
    sizes = [784, 100, 100, 100, 100, 100]
    layers = [nn.Flatten()]
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(100, 10))


class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(b, b, 3, padding=1)
        self.shortcut = nn.Sequential()
        if stride != 1 or a != b:
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride=stride))

    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.shortcut(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Block(8, 16, 2), Block(16, 16, 1))
        self.linear1, self.linear2 = nn.Linear(1024, 100), nn.Linear(100, 10)

    def forward(self, x):
        x = self.layer1(F.relu(self.conv1(x))).flatten(1)
        return self.linear2(F.relu(self.linear1(x)))


def tiny(width=6):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
"""


@pytest.fixture(autouse=True)
def _factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strange_nets.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def tiny(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))


def loaded(path: str, **source: Any) -> Run:
    return load_run(path, model="strange_nets:tiny", **source)


WRAPPED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bare": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model_state_dict": lambda s: {"model_state_dict": s, "optimizer": {"lr": 0.1}},
    "model": lambda s: {"model": s},
    "a list": lambda s: [s],
    "a list under a name": lambda s: {"acc": 0.9, "state_dict": [s]},
    "twice": lambda s: {"model": {"state_dict": s}},
    "data parallel": lambda s: {f"module.{name}": value for name, value in s.items()},
}


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_wrapped_state_dicts(kind: str, zipped: bool) -> None:
    network = tiny()
    torch.save(WRAPPED[kind](dict(network.state_dict())), "w.pt", _use_new_zipfile_serialization=zipped)
    found = loaded("w.pt").network.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_safetensors(name: str) -> None:
    from safetensors.torch import save_file

    network = tiny()
    save_file(network.state_dict(), name)
    found = loaded(name).network.state_dict()
    assert all(torch.equal(value, found[key]) for key, value in network.state_dict().items())


def test_files_saved_on_a_gpu() -> None:
    network = tiny()
    torch.save(network.state_dict(), "cpu.pt", _use_new_zipfile_serialization=False)
    plain = Path("cpu.pt").read_bytes()
    # A legacy pickle names the device of each storage as a string of its own (memoized after the first).
    tagged = plain.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    assert tagged != plain
    Path("gpu.pt").write_bytes(tagged)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load("gpu.pt", weights_only=True)
    run = loaded("gpu.pt")
    assert {p.device.type for p in run.network.parameters()} == {"cpu"}
    assert all(torch.equal(v, run.network.state_dict()[name]) for name, v in network.state_dict().items())


def test_reference_weights() -> None:
    torch.save(tiny(0).state_dict(), "w.pt")
    torch.save({"state_dict": tiny(1).state_dict()}, "init.pt")
    with_reference, without = loaded("w.pt", reference="init.pt"), loaded("w.pt")
    assert with_reference.reference is not None
    assert torch.equal(with_reference.reference.state_dict()["1.weight"], tiny(1).state_dict()["1.weight"])
    assert (with_reference.reference_kind, without.reference_kind) == ("file", "zero")
    assert without.reference is None
    report = boundcheck.evaluate(without, bounds=BOUND)
    assert any("no initial weights" in note for note in remarks(report))


def test_standardization_is_the_first_layer() -> None:
    torch.save(tiny().state_dict(), "w.pt")
    plain, run = loaded("w.pt"), loaded("w.pt", mean=(0.3,), std=(0.5,))
    x = torch.from_numpy(run.train.x[:7])
    with torch.no_grad():
        assert torch.allclose(run.network(x), plain.network((x - 0.3) / 0.5), atol=1e-6)  # float32, sums of 64 terms
    assert run.parameters == plain.parameters
    names = [path for path, _, _ in boundcheck.evaluate(run, bounds=BOUND).provenance.modules]
    assert names


def test_what_follows_from_the_arguments() -> None:
    torch.save(tiny().state_dict(), "w.pt")
    run = loaded("w.pt", labels="corrupt:0.25", n=100, seed=4)
    again = loaded("w.pt", labels="corrupt:0.25", n=100, seed=4)
    other = loaded("w.pt", labels="corrupt:0.25", n=100, seed=5)
    assert len(run.train) == 100
    assert run.law.p == 0.25
    assert np.array_equal(run.train.x, again.train.x)
    assert np.array_equal(run.train.y, again.train.y)
    assert not np.array_equal(run.train.x, other.train.x)
    with pytest.raises(InputError, match="seed"):
        loaded("w.pt", n=100, seed=-1)


def test_settings_of_the_factory() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Linear(3, 10))
    torch.save(network.state_dict(), "w.pt")
    assert loaded("w.pt", model_kwargs={"width": 3}).parameters == 64 * 3 + 3 + 3 * 10 + 10
    with pytest.raises(InputError, match="wrong shape"):
        loaded("w.pt")


def test_half_precision_weights_are_read_as_they_are() -> None:
    network = tiny().half()
    torch.save(network.state_dict(), "w.pt")
    found = loaded("w.pt").network.state_dict()
    assert all(torch.equal(v.float(), found[name]) for name, v in network.state_dict().items())


@pytest.mark.skipif(DATA is None, reason="BOUNDCHECK_DATA names no folder with MNIST and the networks of others")
@pytest.mark.parametrize(
    ("file", "factory", "accuracy"), [("mnist_fc_3layer.pth", "Three", 0.9752), ("mnist_6_100_nat.pth", "deep", 0.9629)]
)
def test_networks_of_others_on_mnist(file: str, factory: str, accuracy: float) -> None:
    """Accuracies on the test set as measured when the files were collected, with plain torch."""
    run = load_run(f"{DATA}/networks/{file}", model=f"strange_nets:{factory}", data="mnist", data_dir=DATA, n=1000)
    report = boundcheck.evaluate(run, bounds=BOUND)
    assert report.errors.test_n == 10_000
    assert report.errors.test_errors == round((1 - accuracy) * 10_000)
    value = report["langford2005testset"].value
    assert value is not None
    assert 1 - accuracy < value < 1 - accuracy + 0.01


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="BOUNDCHECK_DATA names no folder with CIFAR-10 and the networks of others")
def test_a_residual_network_of_others() -> None:
    """Its accuracy on all of the test set is 0.6925; the subset here has 2,000 of these images."""
    path = f"{DATA}/networks/resnet2b.pth"
    colours = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2471, 0.2435, 0.2616)}
    source = {"model": "strange_nets:Residual", "data": f"{DATA}/cifar10/cifar10_10k_2k.npz", "n": 300}
    report = boundcheck.evaluate(load_run(path, **source, **colours), bounds=BOUND)
    assert report.errors.test_n == 2000
    error = report.errors.clean_test_error
    assert error is not None
    assert abs(error - 0.3075) < 0.042  # four standard deviations of the error on 2,000 images
    without = boundcheck.evaluate(load_run(path, **source), bounds=BOUND)
    assert (without.errors.clean_test_error or 0.0) > error  # the network was trained on standardized colours
    kinds = " ".join(outcome for _, _, outcome in report.provenance.modules)
    assert kinds
