"""Built-in networks, networks from the user's code, and networks that others trained."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks import ARCHITECTURES, Normalize, build, describe, evaluate_margins, from_factory, rebuild, trace
from boundcheck.networks.modules import Residual

DATA = os.environ.get("BOUNDCHECK_DATA")


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_a_description_survives_json_and_makes_the_same_network(name: str) -> None:
    settings: dict[str, Any] = {"channels": (3, 5)} if name in {"conv", "residual"} else {}
    spec = json.loads(json.dumps(describe(name, (8, 8), 3, **settings)))
    first, second = build(name, (8, 8), 3, seed=7, **settings).state_dict(), rebuild(spec, seed=7).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = rebuild(spec, seed=8).state_dict()
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_building_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    build("mlp", (4,), 2)
    assert torch.equal(state, torch.random.get_rng_state())


def test_unknown_names_and_settings_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'residual'"):
        build("residul", (8, 8), 2)
    with pytest.raises(InputError, match="settings of mlp"):
        build("mlp", (8,), 2, width=3)
    with pytest.raises(InputError, match="kind of pool"):
        build("conv", (8, 8), 2, pool="median")
    with pytest.raises(InputError, match="images"):
        build("conv", (64,), 2)
    with pytest.raises(InputError, match="description"):
        rebuild({"name": "mlp"})


def test_normalization_is_what_it_says() -> None:
    x = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    expected = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(Normalize(mean, std)(x), expected)
    torch.testing.assert_close(Normalize(0.5, 2.0)(x), (x - 0.5) / 2.0)
    with pytest.raises(ValueError, match="positive"):
        Normalize(0.0, 0.0)


def test_factories_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_networks_of_the_test.py").write_text(
        "from torch import nn\n"
        "def make(width=3):\n    return nn.Linear(2, width)\n"
        "def fails():\n    raise RuntimeError('no weights')\n"
        "def number():\n    return 3\n"
        "constant = 4\n"
    )
    monkeypatch.chdir(tmp_path)
    module = "my_networks_of_the_test"
    before = list(sys.path)
    try:
        made = from_factory(f"{module}:make", {"width": 5}, seed=1)
        assert isinstance(made, nn.Linear)
        assert made.out_features == 5
        assert torch.equal(made.weight, from_factory(f"{module}:make", {"width": 5}, seed=1).weight)  # type: ignore[arg-type]
        assert sys.path == before
        for name, word in [
            ("make", "package.module:factory"),
            ("no_such_module_here:make", "can be imported"),
            (f"{module}:mak", "did you mean 'make'"),
            (f"{module}:fails", "no weights"),
            (f"{module}:number", "nn.Module"),
            (f"{module}:constant", "function or class"),
        ]:
            with pytest.raises(InputError, match=word):
                from_factory(name)
        with pytest.raises(InputError, match="model-kwargs"):
            from_factory(f"{module}:make", {"depth": 1})
    finally:
        sys.modules.pop(module, None)


def _small_conv() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(800, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip


def _deep_mlp() -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(784, 100), nn.ReLU()]
    for _ in range(4):
        layers += [nn.Linear(100, 100), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(100, 10))


class _ThreeLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.view(-1, 784)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def _digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    import gzip

    folder = Path(str(DATA)) / "mnist"
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    x = np.frombuffer(images, np.uint8).reshape(-1, 1, 28, 28)[:count] / np.float32(255)
    return x, np.frombuffer(labels, np.uint8)[:count].astype(np.int64)


def _state(name: str) -> Any:
    found = torch.load(Path(str(DATA)) / "networks" / name, map_location="cpu", weights_only=True)
    while isinstance(found, list) or (isinstance(found, dict) and "state_dict" in found):
        found = found[0] if isinstance(found, list) else found["state_dict"]
    return found


@pytest.mark.skipif(DATA is None, reason="BOUNDCHECK_DATA names no folder")
@pytest.mark.parametrize(
    ("file", "module", "count", "right"),
    [
        ("mnist_6_100_nat.pth", _deep_mlp(), 1000, 960),
        ("mnist_conv_small_nat.pth", _small_conv(), 1000, 980),
        ("mnist_fc_3layer.pth", _ThreeLayers(), 10_000, 9752),
    ],
)
def test_networks_that_others_trained_have_their_published_accuracy(file: str, module: nn.Module, count: int, right: int) -> None:
    module.load_state_dict(_state(file))
    graph = trace(module, (1, 28, 28))
    assert not graph.unplaced
    assert graph.chain().reason is None
    x, y = _digits(count)
    correct = count - evaluate_margins(graph, x, y).errors
    with torch.no_grad():
        assert correct == int((module(torch.from_numpy(x)).argmax(dim=1).numpy() == y).sum())
    # The authors' field for the convolutional network says 980; plain torch classifies 981, no two outputs within 0.01.
    assert abs(correct - right) <= 1


class _Resnet2b(nn.Module):
    """The residual network of VNN-COMP 2021 without batch normalization: two blocks, the first with stride 2."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.conv1 = _convolution(state, "conv1", 2)
        blocks = sorted({key.rsplit(".", 2)[0] for key in state if key.startswith("layer") and ".conv1." in key})
        self.names = [name.replace(".", "_") for name in blocks]
        for name, block in zip(self.names, blocks, strict=True):
            stride = 2 if f"{block}.shortcut.0.weight" in state else 1
            branch = nn.Sequential(
                _convolution(state, f"{block}.conv1", stride), nn.ReLU(), _convolution(state, f"{block}.conv2", 1)
            )
            short = _convolution(state, f"{block}.shortcut.0", 2) if stride == 2 else nn.Identity()
            setattr(self, name, Residual(branch, short))
        self.linear1, self.linear2 = nn.Linear(1024, 100), nn.Linear(100, 10)
        for head in ("linear1", "linear2"):
            getattr(self, head).load_state_dict({key: state[f"{head}.{key}"] for key in ("weight", "bias")})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv1(x))
        for name in self.names:
            x = getattr(self, name)(x)
        return self.linear2(torch.relu(self.linear1(torch.flatten(x, 1))))


def _convolution(state: dict[str, torch.Tensor], name: str, stride: int) -> nn.Conv2d:
    weight = state[f"{name}.weight"]
    bias = state.get(f"{name}.bias")
    out, into, taps, _ = weight.shape
    layer = nn.Conv2d(into, out, taps, stride=stride, padding=taps // 2, bias=bias is not None)
    layer.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
    return layer


@pytest.mark.skipif(DATA is None, reason="BOUNDCHECK_DATA names no folder")
def test_residual_network_that_others_trained() -> None:
    state = _state("resnet2b.pth")
    module = _Resnet2b(state)
    assert sum(p.numel() for p in module.parameters()) == sum(v.numel() for v in state.values())
    graph = trace(module, (3, 32, 32))
    assert not graph.unplaced
    assert graph.has_skip
    with np.load(Path(str(DATA)) / "cifar10" / "cifar10_10k_2k.npz", allow_pickle=False) as file:
        x, y = file["x_test"], file["y_test"].astype(np.int64)
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2471, 0.2435, 0.2616])
    x = (x / 255.0 - mean[:, None, None]) / std[:, None, None]
    share = 1 - evaluate_margins(graph, x, y).errors / len(y)
    # 0.6925 of the whole test set; these 2,000 are a fifth of it, so that five standard errors are 0.047.
    assert abs(share - 0.6925) < 0.047
