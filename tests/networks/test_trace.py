"""The canonical graph computes what the module computes, says what it can't place, and changes nothing."""

from __future__ import annotations

import operator

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.networks import ARCHITECTURES, Normalize, build, trace
from boundcheck.networks.graph import Graph
from boundcheck.networks.interpreter import forward
from boundcheck.networks.ops import Add, Convolution, Dense, Scale, Unplaced


class Functional(nn.Module):
    """The ways in which people write the same things."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.bn, self.drop, self.out = nn.BatchNorm2d(4), nn.Dropout(), nn.Linear(16, 3)
        self.register_buffer("shift", torch.tensor(0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x / 255 - self.shift) * 2.0
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = x + F.leaky_relu(self.bn(self.conv2(x)), 0.1)
        x = F.avg_pool2d(x, 2)
        x = F.dropout(x, 0.5, self.training).permute(0, 2, 3, 1).contiguous()
        x = x.view(x.size(0), -1)
        return self.out(self.drop(x))


class Averaged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 5, 3, stride=2), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.conv(x)).mean([2, 3]))


class InPlace(nn.Module):
    """Residual blocks as torchvision writes them: the sum and the ReLU overwrite what nobody reads again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.out = nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(inplace=True), nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y += x
        return self.out(torch.flatten(self.relu(y), 1))


def _randomized(module: nn.Module) -> nn.Module:
    """Batch normalizations with statistics as training leaves them."""
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            with torch.no_grad():
                part.running_mean.normal_(generator=generator)  # type: ignore[union-attr]
                part.running_var.uniform_(0.5, 2.0, generator=generator)  # type: ignore[union-attr]
                part.weight.normal_(generator=generator)
                part.bias.normal_(generator=generator)
    return module


def _agrees(module: nn.Module, graph: Graph, shape: tuple[int, ...]) -> None:
    x = torch.randn((5, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(forward(graph, x), module.double().eval()(x), rtol=1e-10, atol=1e-10)


CASES = [
    (Functional(), (1, 8, 8)),
    (Averaged(), (1, 9, 9)),
    (InPlace(), (1, 8, 8)),
    (build("linear", (8, 8), 4), (8, 8)),
    (build("mlp", (8, 8), 4, widths=(9, 7), batchnorm=True), (8, 8)),
    (build("conv", (8, 8), 4, batchnorm=True), (8, 8)),
    (build("conv", (3, 9, 7), 4, pool="average"), (3, 9, 7)),
    (build("conv", (3, 9, 7), 4, pool="stride", width=0, bias=False), (3, 9, 7)),
    (build("residual", (8, 8), 4, channels=(3, 3, 5), batchnorm=True), (8, 8)),
    (nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(3), nn.Flatten()), (2, 4, 4)),
    (nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)), (3, 4)),
    (nn.Sequential(Normalize([0.1, 0.2], [0.5, 0.7]), nn.Conv2d(2, 2, 3), nn.Flatten()), (2, 5, 5)),
    (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), nn.MaxPool2d(3, 2, 1, ceil_mode=True)), (1, 6, 6)),
]


@pytest.mark.parametrize(("module", "shape"), CASES)
def test_the_graph_computes_what_the_module_computes(module: nn.Module, shape: tuple[int, ...]) -> None:
    module = _randomized(module)
    graph = trace(module, shape)
    assert not graph.unplaced
    assert {entry.path for entry in graph.modules()} == {path for path, _ in module.named_modules()}
    _agrees(module, graph, shape)


def test_tracing_changes_nothing() -> None:
    module = Functional().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.random.get_rng_state()
    trace(module, (1, 8, 8))
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())


def test_batch_norms_fold_only_into_the_layer_before_them() -> None:
    folded = trace(build("conv", (8, 8), 3, channels=(4,), batchnorm=True), (8, 8))
    assert [type(node.op) for node in folded.layers] == [Convolution, Dense, Dense]
    assert folded.parameters == 4 * 9 + 4 + (64 * 64 + 64) + (64 * 3 + 3)
    outcomes = {entry.path: entry.outcome for entry in folded.modules()}
    assert outcomes["2"] == "folded into 1"
    before = trace(nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3, padding=1)), (1, 5, 5))
    assert [type(node.op) for node in before.layers] == [Scale, Convolution]


class Branching(nn.Module):
    """The convolution feeds a normalization and something else: the two can't be one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return (self.bn(y) + y).flatten(1)


def test_a_layer_that_others_read_is_not_folded() -> None:
    module = _randomized(Branching())
    graph = trace(module, (1, 5, 5))
    assert [type(node.op) for node in graph.layers] == [Convolution, Scale]
    assert graph.has_skip
    _agrees(module, graph, (1, 5, 5))


def test_a_module_used_twice_is_two_nodes_with_one_set_of_parameters() -> None:
    shared = nn.Linear(4, 4)
    graph = trace(nn.Sequential(shared, nn.ReLU(), shared), (4,))
    assert [node.name for node in graph.layers] == ["0", "0#2"]
    assert graph.parameters == 20


def test_flags_and_chain() -> None:
    plain = trace(build("conv", (8, 8), 3, bias=False), (8, 8))
    assert plain.positively_homogeneous
    assert plain.has_max_pool
    assert plain.slopes == (0.0,)
    chain = plain.chain()
    assert [stage.layer.name for stage in chain.stages] == [node.name for node in plain.layers]
    assert [len(stage.steps) for stage in chain.stages] == [2, 3, 1, 0]
    biased = trace(build("mlp", (4,), 3), (4,))
    assert biased.has_bias
    assert not biased.positively_homogeneous
    skip = trace(build("residual", (8, 8), 3), (8, 8))
    assert skip.has_skip
    assert skip.chain().stages == ()
    assert "skip" in str(skip.chain().reason)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Linear(40, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(x).flatten(1))


class DataDependent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x) if x.sum() > 0 else -self.a(x)


class TwoOutputs(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x), x  # type: ignore[return-value]


class TwoInputs(DataDependent):
    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return self.a(x) + self.a(z)


class OverwritesWhatIsReadAgain(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        return F.relu(y, inplace=True) + y


class OverwritesAView(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        z = y.view(-1, 1, 2)
        z.relu_()
        return y


class MixesExamples(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x.reshape(-1, 2).repeat(1, 2))


class Multiplies(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        return y * y


class AlwaysDrops(DataDependent):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(self.a(x))


def _hooked() -> nn.Module:
    layer = nn.Linear(4, 2)
    layer.register_forward_hook(lambda module, args, out: 2 * out)
    return nn.Sequential(layer)


@pytest.mark.parametrize(
    ("module", "shape", "word"),
    [
        (Attention(), (5, 8), "TransformerEncoderLayer"),
        (DataDependent(), (4,), "can't be traced"),
        (TwoOutputs(), (4,), "one tensor"),
        (TwoInputs(), (4,), ""),
        (OverwritesWhatIsReadAgain(), (4,), "in place"),
        (MixesExamples(), (4,), ""),
        (Multiplies(), (4,), "two signals"),
        (AlwaysDrops(), (4,), "dropout"),
        (nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)), (4,), "GELU"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), (4,), "LayerNorm"),
        (nn.Sequential(nn.Linear(4, 4), nn.PReLU(), nn.Linear(4, 2)), (4,), "PReLU"),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False)), (4,), "statistics of each batch"),
        (_hooked(), (4,), "hooks"),
        (nn.Linear(4, 2), (5,), "can't be traced"),
        (nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), (8, 8), "no channel axis"),
    ],
)
def test_what_has_no_place_is_said_and_raises_nothing(module: nn.Module, shape: tuple[int, ...], word: str) -> None:
    graph = trace(module, shape)
    assert graph.unplaced
    assert word in " ".join(reason for _, reason in graph.unplaced)
    assert any(isinstance(node.op, Unplaced) for node in graph.nodes)
    assert not graph.piecewise_linear
    assert graph.chain().reason is not None


def test_a_view_that_is_overwritten_is_not_read_wrongly() -> None:
    graph = trace(OverwritesAView(), (4,))
    assert "in place" in " ".join(reason for _, reason in graph.unplaced)


def test_attention_is_named_and_the_rest_is_placed() -> None:
    entries = {entry.path: entry.outcome for entry in trace(Attention(), (5, 8)).modules()}
    assert "can't be placed" in entries["block"]
    assert entries["block.self_attn"] == "part of block"
    assert entries["head"] == "dense"


def test_weight_normalization_is_read_through_its_parametrization() -> None:
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.ReLU(), nn.Linear(3, 2))
    graph = trace(module, (4,))
    assert not graph.unplaced
    _agrees(module, graph, (4,))


def test_registry_is_the_one_list_of_names() -> None:
    for name in ARCHITECTURES:
        graph = trace(build(name, (8, 8), 3), (8, 8))
        # Pictures moved by their own moments and weights that are sums of coordinates are in no canonical graph.
        placed = name not in ("oriented", "subspace")
        assert placed == (not graph.unplaced)
        assert not placed or graph.output_shape == (3,)


def test_adding_a_signal_to_itself_counts_twice() -> None:
    class Doubled(DataDependent):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            return operator.add(y, y)

    module = Doubled()
    graph = trace(module, (4,))
    assert any(isinstance(node.op, Add) for node in graph.nodes)
    _agrees(module, graph, (4,))
