"""Rules that end training: what they ask for, that training obeys them, and the steps that are written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.architectures import build
from boundcheck.runs.one_by_one import OneByOne, dense_layers
from boundcheck.runs.run import Sample
from boundcheck.runs.standing import standing
from boundcheck.runs.stopping import Stop, parse_stop
from boundcheck.runs.training import Settings, train_epochs


def sample(n: int = 60, d: int = 12) -> Sample:
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(n, d)), 0.0).astype(np.float32)
    return Sample(x, rng.integers(0, 3, n))


@pytest.mark.parametrize(
    ("text", "rule"),
    [("errors", Stop()), ("margin:10:0.99", Stop("margin", 10.0, 0.99)), ("loss:0.01", Stop("loss", 0.01))],
)
def test_rules_as_they_are_written(text: str, rule: Stop) -> None:
    assert parse_stop(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("", "error", "errors:1", "margin", "margin:10", "margin:0:0.9", "margin:1:1.1", "margin:1:0", "margin:inf:1"),
        *("loss:-1", "loss:x", "loss:nan", "loss:inf"),
    ],
)
def test_other_rules_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="a rule that ends training"):
        Settings(stop=text)


def test_nan_meets_no_rule() -> None:
    assert not Stop("loss", 1.0).met(errors=0, reached=0, loss=math.nan, n=5)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_training_ends_with_the_margin_and_not_before(batch_size: int) -> None:
    data = sample()
    network = build("mlp", (12,), 3, widths=(32,), bias=False)
    settings = Settings(lr=0.05, momentum=0.0, batch_size=batch_size, epochs=3000, stop="margin:2:0.9")
    trained = train_epochs(network, data, settings)
    assert trained.stopped
    with torch.no_grad():
        out = network(torch.from_numpy(data.x)).double().numpy()
    own = out[np.arange(60), data.y]
    out[np.arange(60), data.y] = -np.inf
    share = float((own - out.max(axis=1) >= 2.0).mean())
    # Evaluation in float32 and float64 of the same margins can differ at the threshold in one example.
    assert share >= 0.9 - 1 / 60
    levels = [record["level"] for record in trained.history]
    assert all(level < 0.9 for level in levels[:-1])
    assert levels[-1] >= 0.9
    assert [record["stopped"] for record in trained.history] == [False] * (len(levels) - 1) + [True]


def test_training_ends_with_the_loss() -> None:
    trained = train_epochs(
        build("mlp", (12,), 3, widths=(32,)), sample(), Settings(lr=0.05, batch_size=16, epochs=3000, stop="loss:0.3")
    )
    assert trained.stopped
    assert trained.history[-1]["level"] <= 0.3 < trained.history[-2]["level"]


def test_a_rule_that_is_not_met_is_told() -> None:
    trained = train_epochs(build("mlp", (12,), 3, widths=(32,)), sample(), Settings(epochs=2, stop="margin:10:1"))
    assert len(trained.history) == 2
    assert not trained.stopped


@pytest.mark.parametrize("rule", ["errors", "margin:2:0.9", "loss:0.3", "loss:1e-9"])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_last_record_is_the_same_without_the_others(rule: str, batch_size: int) -> None:
    settings = Settings(lr=0.05, momentum=0.0, batch_size=batch_size, epochs=80, stop=rule)
    nets = [build("mlp", (12,), 3, widths=(32,)) for _ in range(2)]
    every, last = (train_epochs(net, sample(), settings, every_epoch=flag) for net, flag in zip(nets, (True, False), strict=True))
    assert last.history == every.history[-1:]
    assert (last.stopped, last.fitted) == (every.stopped, every.fitted)
    assert all(torch.equal(last.state[name], every.state[name]) for name in every.state)


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        *((Stop(), met) for met in (True, False)),
        *((Stop("margin", 1.0, 0.75), met) for met in (True, False)),
        *((Stop("loss", 0.5), met) for met in (True, False)),
    ],
)
@pytest.mark.parametrize("bad", [0, 1500, 2999])
def test_a_pass_ends_early_only_where_the_rule_is_not_met(rule: Stop, met: bool, bad: int) -> None:
    """The sample spans several batches; what breaks the rule is in the first, in a middle one, or in the last."""
    n = 3000
    outputs, y = torch.tensor([[3.0, 0.0]]).repeat(n, 1), torch.zeros(n, dtype=torch.int64)
    if not met:
        outputs[bad] = torch.tensor([0.0, 4000.0])
        if rule.kind == "margin":
            outputs[max(0, bad - 800) : bad + 800] = torch.tensor([0.5, 0.0])
    whole, early = (standing(lambda z: z, outputs, y, rule, whole=flag) for flag in (True, False))
    assert whole is not None
    assert rule.met(n=n, errors=whole.errors, reached=whole.reached, loss=whole.loss) is met
    assert early == (whole if met else None)


@pytest.mark.parametrize("kind", ["errors", "margin", "loss"])
def test_ties_and_nan_meet_no_rule_early_or_late(kind: str) -> None:
    outputs, y = torch.tensor([[1.0, 1.0], [math.nan, 0.0]]), torch.tensor([0, 1])
    rule = Stop(kind, 0.5)
    found = standing(lambda z: z, outputs, y, rule)
    assert found is not None
    assert found.errors == 2
    assert not rule.met(n=2, errors=found.errors, reached=found.reached, loss=found.loss)
    assert standing(lambda z: z, outputs, y, rule, whole=False) is None


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [(), (8,), (9, 7, 5)])
def test_steps_by_hand_are_those_of_the_optimizer(bias: bool, widths: tuple[int, ...]) -> None:
    data = sample()
    x, y = torch.from_numpy(data.x).double(), torch.from_numpy(data.y)
    nets = [build("mlp", (12,), 3, widths=widths, bias=bias).double() for _ in range(2)]
    layers = dense_layers(nets[0])
    assert layers is not None
    order = [3, 1, 4, 1, 5, 9, 2, 6]
    total = OneByOne(layers, x, y).epoch(order, 0.1)
    optimizer = torch.optim.SGD(nets[1].parameters(), lr=0.1)
    reference = 0.0
    for i in order:
        loss = nn.functional.cross_entropy(nets[1](x[i : i + 1]), y[i : i + 1])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        reference += float(loss.detach())
    # Eight steps in float64: roundings of order 1e-15 of numbers of order 1.
    assert total == pytest.approx(reference, abs=1e-12)
    for ours, theirs in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-13, rtol=0.0)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.ReLU()),
        nn.Sequential(nn.Linear(3, 1)),
        nn.Linear(3, 2),
        nn.Sequential(nn.ReLU(), nn.Linear(3, 2)),
    ],
)
def test_other_networks_are_left_to_the_optimizer(network: nn.Module) -> None:
    assert dense_layers(network) is None


def test_a_layer_that_is_used_twice_is_left_to_the_optimizer() -> None:
    shared = nn.Linear(3, 3)
    assert dense_layers(nn.Sequential(shared, nn.ReLU(), shared)) is None


def test_a_training_that_diverges_is_refused() -> None:
    settings = Settings(lr=1e6, momentum=0.0, batch_size=1, epochs=50, stop="margin:10:1")
    with pytest.raises(InputError, match="a training that converges"):
        train_epochs(build("mlp", (12,), 3, widths=(32, 32)), sample(), settings)


def test_training_goes_on_from_the_last_epoch_on_record() -> None:
    straight, parts = (build("mlp", (12,), 3, widths=(32,)) for _ in range(2))
    settings = Settings(lr=0.01, batch_size=16, epochs=6, stop="loss:1e-9")
    train_epochs(straight, sample(), settings)
    half = train_epochs(parts, sample(), Settings(lr=0.01, batch_size=16, epochs=3, stop="loss:1e-9"), every_epoch=False)
    assert [record["epoch"] for record in half.history] == [3]
    whole = train_epochs(parts, sample(), settings, history=half.history, optimizer_state=half.optimizer)
    assert [record["epoch"] for record in whole.history] == [3, 4, 5, 6]
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), parts.parameters(), strict=True))
