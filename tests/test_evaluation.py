"""``boundcheck.evaluate`` on live objects: what it takes, what it leaves alone, what it refuses."""

from __future__ import annotations

import copy
import dataclasses
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
from boundcheck.runs.live import run_from_objects

BOUNDS = ["langford2005testset", "blumer1987bits", "bartlett2017spectral"]
Pair = tuple[np.ndarray, np.ndarray]


def sample(n: int = 80, shape: tuple[int, ...] = (5,), classes: int = 3, seed: int = 0) -> Pair:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(n, *shape)).astype(np.float32)
    x.reshape(n, -1)[np.arange(n), y] += 4.0
    return x, y


def network(outputs: int = 3, inputs: int = 5) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(inputs, 7), nn.ReLU(), nn.Linear(7, outputs))


def plain_errors(net: nn.Module, x: np.ndarray, y: np.ndarray) -> int:
    """Errors by plain torch in float64."""
    with torch.no_grad():
        out = copy.deepcopy(net).double().eval()(torch.from_numpy(x).double())
    predicted = (out.reshape(len(x)) > 0).long() if out.ndim == 1 or out.shape[1] == 1 else out.argmax(1)
    return int((predicted.numpy() != y).sum())


def evaluate(*arguments: Any, **further: Any) -> Any:
    return boundcheck.evaluate(*arguments, **({"bounds": BOUNDS} | further))


TRAIN, TEST = sample(), sample(50, seed=1)


def test_arrays_tensors_and_lists_give_the_same_report() -> None:
    net = network()
    reports = [
        evaluate(net, train=form(TRAIN), test=form(TEST))
        for form in (
            lambda pair: pair,
            lambda pair: tuple(map(torch.from_numpy, pair)),
            lambda pair: [torch.from_numpy(pair[0]).requires_grad_(), list(map(int, pair[1]))],
        )
    ]
    for report in reports:
        assert report.errors.errors == plain_errors(net, *TRAIN)
        assert report.errors.test_errors == plain_errors(net, *TEST)
        assert [c.value for c in report] == [c.value for c in reports[0]]
    assert (reports[0].provenance.model, reports[0].provenance.data) == ("Sequential", "arrays")


def test_the_network_is_left_as_it_was() -> None:
    net, seen = network().train(), []
    net.register_forward_hook(lambda *_: seen.append("forward"))
    net[0].weight.grad = torch.ones_like(net[0].weight)
    net[2].weight.requires_grad_(False)
    reference = copy.deepcopy(net)
    before, torch_state, numpy_state = copy.deepcopy(net.state_dict()), torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    x, y = (part.copy() for part in TRAIN)
    boundcheck.evaluate(net, train=(x, y), test=TEST, reference=reference, seed=3, bounds=BOUNDS)
    assert net.training
    assert net[0].training
    assert [p.requires_grad for p in net.parameters()] == [True, True, False, True]
    assert torch.equal(net[0].weight.grad, torch.ones_like(net[0].weight))
    assert len(net._forward_hooks) == 1
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    after = net.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert np.array_equal(x, TRAIN[0])
    assert np.array_equal(y, TRAIN[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions(dtype: torch.dtype) -> None:
    net = network().to(dtype)
    report = evaluate(net, train=TRAIN, test=TEST)
    assert report.errors.errors == plain_errors(net, *TRAIN)  # the network is the real function with these weights
    assert {p.dtype for p in net.parameters()} == {dtype}
    bits = boundcheck.measure(
        run_from_objects(net, TRAIN, None, None, labels="true", classes=None, domain=None), bounds=["blumer1987bits"]
    )
    assert bits.precision is not None
    assert bits.precision.bits == sum(p.numel() for p in net.parameters()) * torch.finfo(dtype).bits


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_samples_in_other_precisions(dtype: torch.dtype) -> None:
    x = torch.from_numpy(TRAIN[0]).to(dtype)
    report = evaluate(network(), train=(x, torch.from_numpy(TRAIN[1])))
    assert report.errors.errors == plain_errors(network(), x.double().numpy(), TRAIN[1])


class Scalar(nn.Module):
    """One number an example, without an axis of its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.linear = nn.Linear(5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).squeeze(1)


@pytest.mark.parametrize("make", [Scalar, lambda: network(1), lambda: network(2)], ids=["(n,)", "(n, 1)", "(n, 2)"])
def test_two_classes(make: Callable[[], nn.Module]) -> None:
    train, test = sample(classes=2), sample(50, classes=2, seed=1)
    net = make()
    report = evaluate(net, train=train, test=test)
    assert report.problem.classes == 2
    assert report.errors.errors == plain_errors(net, *train)
    assert report.errors.test_errors == plain_errors(net, *test)
    assert report["langford2005testset"].vacuous_at == 0.5


def test_inputs_of_another_shape() -> None:
    x, y = sample(shape=(1, 2, 3))
    flat = network(inputs=6)
    report = evaluate(flat, train=(x, y))
    assert report.errors.errors == plain_errors(flat, x.reshape(len(x), 6), y)
    image = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(4, 3))
    assert evaluate(image, train=(x[:, 0], y)).errors.errors == plain_errors(image, x, y)
    line = nn.Linear(1, 2)
    assert evaluate(line, train=(x[:, 0, 0, 0], y % 2)).problem.d == 1


def test_bytes_are_scaled() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 256, size=(60, 5), dtype=np.uint8), np.arange(60) % 3
    report = evaluate(network(), train=(x, y))
    assert report.errors.errors == plain_errors(network(), (x / 255.0).astype(np.float32), y)
    assert report.problem.input_radius == pytest.approx(5**0.5, rel=1e-12)
    assert report.problem.nonnegative


def test_classes() -> None:
    x, y = TRAIN
    assert evaluate(network(4), train=(x, y)).problem.classes == 4  # the network knows one class more than occurs
    assert evaluate(network(), train=(x, y * 0)).problem.classes == 3
    assert evaluate(network(), train=(x, np.minimum(y, 1)), classes=3).problem.classes == 3
    for wrong in ({"classes": 2}, {"classes": 4}, {"classes": 3, "labels": "purple"}):
        with pytest.raises(InputError):
            evaluate(network(), train=TRAIN, **wrong)
    with pytest.raises(InputError, match="3 numbers an example"):
        evaluate(network(4), train=TRAIN, labels="random")  # random labels are uniform on the classes of the sample


def test_rows_that_give_nan_count_as_errors_and_are_told() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x) + 0.0 * torch.sqrt(x[:, :1] + 1.0)

    x, y = TRAIN
    broken = x[:, 0] < -1.0
    assert 0 < broken.sum() < 40
    with torch.no_grad():
        wrong = network()(torch.from_numpy(x)).argmax(1).numpy() != y
    report = evaluate(Root(), train=TRAIN, test=TRAIN)
    assert report.errors.invalid == broken.sum()
    assert report.errors.errors == (wrong | broken).sum()
    assert any(f"{broken.sum()} of {len(x)} training rows" in note and "NaN" in note for note in remarks(report))


def test_overlap_of_the_samples() -> None:
    xt, yt = (part.copy() for part in TEST)
    xt[:4] = TRAIN[0][10:14]
    report = evaluate(network(), train=TRAIN, test=(xt, yt))
    assert report.errors.overlap == 4
    certificate = report["langford2005testset"]
    assert certificate.status == "not-applicable"
    assert "4 of 50 held-out rows" in (certificate.why or "")
    assert "violated" in [str(h.state) for h in certificate.hypotheses]
    assert any("4 of 50" in note for note in remarks(report))
    assert report["blumer1987bits"].value is not None


def test_reference() -> None:
    net, initial = network(), network()
    with torch.no_grad():
        net[0].weight += 0.01
    with_it, without = (evaluate(net, train=TRAIN, reference=r)["bartlett2017spectral"] for r in (initial, None))
    assert (with_it.value or 0) < (without.value or 0)  # the reference is nearer than zero
    assert evaluate(net, train=TRAIN).provenance.reference == "zero"


def test_a_run_is_evaluated_as_it_is(tmp_path: Path) -> None:
    from boundcheck.cli.main import main

    path = tmp_path / "run.pt"
    assert main(["train", "--model", "linear", "--epochs", "1", "--n", "100", "--out", str(path)]) == 0
    run = boundcheck.load_run(path)
    assert [boundcheck.evaluate(run, bounds=name)[name].name for name in BOUNDS[:1]] == BOUNDS[:1]
    again = [[c.value for c in evaluate(boundcheck.load_run(str(path)))] for _ in range(2)]
    assert again[0] == again[1]
    for extra in (
        {"train": TRAIN},
        {"test": TEST},
        {"reference": network()},
        {"labels": "random"},
        {"classes": 3},
        {"domain": (0, 1)},
    ):
        with pytest.raises(InputError, match="a run alone"):
            boundcheck.evaluate(run, **extra)  # type: ignore[arg-type]


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo: object) -> Uncopied:
        raise RuntimeError("one of a kind")


def diverged() -> nn.Module:
    net = network()
    with torch.no_grad():
        net[2].bias[0] = torch.nan
    return net


MISUSE: dict[str, tuple[dict[str, Any], str]] = {
    "no sample": ({"train": None}, "train="),
    "inputs alone": ({"train": TRAIN[0]}, "train="),
    "three arrays": ({"train": (*TRAIN, TRAIN[0])}, "train="),
    "a function": ({"model": lambda x: x}, "torch.nn.Module"),
    "a class": ({"model": nn.Linear}, "torch.nn.Module"),
    "NaN weights": ({"model": diverged()}, "2.bias"),
    "a network that can't be copied": ({"model": Uncopied(5, 3)}, "one of a kind"),
    "a network of another input": ({"model": network(inputs=6)}, "inputs of shape"),
    "a network of fewer classes": ({"model": network(2)}, "3 numbers an example"),
    "a reference that is none": ({"reference": network().state_dict()}, "torch.nn.Module"),
    "a reference of another shape": ({"reference": network(4)}, "own architecture"),
    "a reference that diverged": ({"reference": diverged()}, "2.bias"),
    "labels in fractions": ({"train": (TRAIN[0], TRAIN[1] + 0.5)}, "integer labels"),
    "negative labels": ({"train": (TRAIN[0], TRAIN[1] - 1)}, "labels from 0"),
    "too few labels": ({"train": (TRAIN[0], TRAIN[1][:-1])}, "labels"),
    "labels in rows": ({"train": (TRAIN[0], TRAIN[1][:, None])}, "labels of shape"),
    "ragged rows": ({"train": ([[1.0, 2.0], [3.0]], [0, 1])}, "same shape"),
    "no rows": ({"train": (TRAIN[0][:0], TRAIN[1][:0])}, "zero rows"),
    "NaN inputs": ({"train": (TRAIN[0] * np.float32("nan"), TRAIN[1])}, "NaN"),
    "test of another shape": ({"test": (TEST[0][:, :4], TEST[1])}, "inputs of one shape"),
    "test of another type": ({"test": (TEST[0].astype(np.uint8), TEST[1])}, "uint8"),
    "delta of zero": ({"delta": 0.0}, "delta"),
    "delta of one": ({"delta": 1}, "delta"),
    "delta in words": ({"delta": "0.05"}, "delta"),
    "a delta that is no number": ({"delta": float("nan")}, "delta"),
    "an unknown bound": ({"bounds": ["bartlet2017spectral"]}, "bartlett2017spectral"),
    "an unknown bound in words": ({"bounds": "langford2005testset,bartlet2017spectral"}, "bartlett2017spectral"),
    "no bounds": ({"bounds": []}, "at least one bound"),
    "an unknown effort": ({"effort": "fulll"}, "full"),
    "a negative seed": ({"seed": -1}, "seed"),
    "a seed in fractions": ({"seed": 0.5}, "seed"),
    "labels of no law": ({"labels": "rendom"}, "random"),
    "a domain of one end": ({"domain": (0.0,)}, "domain"),
    "a domain in words": ({"domain": "ab"}, "domain"),
    "a domain the wrong way": ({"domain": (1.0, 0.0)}, "domain"),
    "inputs outside their domain": ({"domain": (0.0, 0.5)}, "from 0.0 to 0.5"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    changes, words = MISUSE[case]
    arguments = {"model": network(), "train": TRAIN, "test": TEST} | changes
    with pytest.raises(InputError, match=words) as refusal:
        evaluate(**arguments)
    assert "\n" not in str(refusal.value)


def test_evidence_is_asked_again_without_a_network() -> None:
    run = run_from_objects(network(), TRAIN, TEST, None, labels="true", classes=None, domain=None)
    evidence = boundcheck.measure(run, bounds=BOUNDS)
    direct, asked = evaluate(run), boundcheck.ask(evidence, bounds=BOUNDS)
    assert [dataclasses.replace(c, seconds=0.0) for c in direct] == [dataclasses.replace(c, seconds=0.0) for c in asked]
    joint = boundcheck.ask(evidence, bounds=BOUNDS, joint=True)
    assert sum(c.delta for c in joint) <= 0.05
