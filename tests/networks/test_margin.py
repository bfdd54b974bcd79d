"""Margins never exceed the true ones, which exact rational arithmetic computes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks import build, evaluate_margins, margins, program_margins, trace

Rows = list[list[Fraction]]


def _exact(values: torch.Tensor) -> np.ndarray:
    return np.vectorize(Fraction, otypes=[object])(values.detach().double().numpy())


def _exact_forward(network: nn.Module, x: np.ndarray) -> np.ndarray:
    """One example through Linear, Conv2d, average and max-pools, (leaky) ReLU and Flatten, in rational arithmetic."""
    value = np.vectorize(Fraction, otypes=[object])(x)
    for layer in network:  # type: ignore[attr-defined]
        if isinstance(layer, nn.Linear):
            value = _exact(layer.weight) @ value
            value = value if layer.bias is None else value + _exact(layer.bias)
        elif isinstance(layer, nn.Conv2d):
            value = _exact_convolution(layer, value)
        elif isinstance(layer, nn.ReLU | nn.LeakyReLU):
            slope = Fraction(getattr(layer, "negative_slope", 0.0))
            value = np.vectorize(lambda t, a=slope: t if t > 0 else a * t, otypes=[object])(value)
        elif isinstance(layer, nn.AvgPool2d | nn.MaxPool2d):
            k = int(layer.kernel_size)  # type: ignore[arg-type]
            c, h, w = value.shape
            blocks = value[:, : h // k * k, : w // k * k].reshape(c, h // k, k, w // k, k)
            pooled = blocks.transpose(0, 1, 3, 2, 4).reshape(c, h // k, w // k, -1)
            value = pooled.max(axis=-1) if isinstance(layer, nn.MaxPool2d) else pooled.sum(axis=-1) / Fraction(k * k)
        elif isinstance(layer, nn.Flatten):
            value = value.ravel()
        else:
            raise TypeError(type(layer).__name__)
    return value


def _exact_convolution(layer: nn.Conv2d, value: np.ndarray) -> np.ndarray:
    kernel, p, k = _exact(layer.weight), int(layer.padding[0]), int(layer.kernel_size[0])
    padded = np.full((value.shape[0], value.shape[1] + 2 * p, value.shape[2] + 2 * p), Fraction(0), dtype=object)
    padded[:, p : p + value.shape[1], p : p + value.shape[2]] = value
    size = [n - k + 1 for n in padded.shape[1:]]
    out = np.empty((len(kernel), *size), dtype=object)
    for o in range(len(kernel)):
        for i, j in np.ndindex(*size):
            out[o, i, j] = (kernel[o] * padded[:, i : i + k, j : j + k]).sum()
    return out if layer.bias is None else out + _exact(layer.bias)[:, None, None]


NETWORKS = [
    (build("mlp", (6,), 3, widths=(8, 7), seed=1), (6,)),
    (nn.Sequential(nn.Linear(6, 9), nn.LeakyReLU(0.3), nn.Linear(9, 5), nn.LeakyReLU(1.7), nn.Linear(5, 2)), (6,)),
    (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(8, 3)), (1, 6, 6)),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)), (1, 6, 6)),
]


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e-160])
@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_lowered_margins_lie_below_exact_ones(network: nn.Module, shape: tuple[int, ...], scale: float) -> None:
    generator = torch.Generator().manual_seed(3)
    network = network.double()
    with torch.no_grad():  # cancellation: large weights whose sums are small
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale)
    x = np.random.default_rng(0).normal(size=(6, *shape))
    graph = trace(network, shape)
    outputs = np.array([_exact_forward(network, row) for row in x])
    y = np.arange(6) % outputs.shape[1]
    found = evaluate_margins(graph, x, y)
    assert found.lowered
    for row, label, value in zip(outputs, y, found.values, strict=True):
        truth = row[label] - max(v for c, v in enumerate(row) if c != label)
        assert Fraction(float(value)) <= truth
        # The loss is rounding only: far below the size of the outputs, were they not to underflow.
        if scale == 1.0:
            assert float(truth) - value <= 1e-9


def test_cancellation_that_hides_the_sign_counts_as_an_error() -> None:
    # In exact arithmetic the outputs differ by 1e-8; in floats 1e16 + 1 - 1e16 loses it.
    network = nn.Sequential(nn.Linear(3, 2, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1e16, 1e-8, -1e16], [0.0, 0.0, 0.0]]))
    found = evaluate_margins(trace(network, (3,)), np.ones((1, 3)), np.array([0]))
    assert found.values[0] < 0
    assert found.errors == 1


def test_ties_and_numbers_that_are_none_are_errors() -> None:
    network = nn.Sequential(nn.Linear(2, 3)).double()
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.zero_()
    tied = evaluate_margins(trace(network, (2,)), np.ones((2, 2)), np.array([0, 1]))
    assert tied.errors == 2
    for bad in (np.nan, np.inf):
        x = np.ones((2, 2))
        x[1, 0] = bad
        network = build("mlp", (2,), 3, widths=(4,), seed=0)
        found = evaluate_margins(trace(network, (2,)), x, np.array([0, 0]))
        assert np.isneginf(found.values[1])
        assert np.isfinite(found.values[0])
        assert found.wrong[1]


def test_weights_that_overflow_give_no_margin() -> None:
    network = build("mlp", (3,), 2, widths=(4,), seed=0).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1e200)
    assert np.isneginf(evaluate_margins(trace(network, (3,)), np.ones((2, 3)), np.array([0, 1])).values).all()


@pytest.mark.parametrize("name", ["mlp", "conv", "residual"])
def test_folded_margins_agree_with_the_module(name: str) -> None:
    module = build(name, (8, 8), 4, batchnorm=True, seed=2)
    with torch.no_grad():
        module.train()
        module(torch.randn(64, 8, 8, generator=torch.Generator().manual_seed(0)))  # moves the running statistics
    x = np.random.default_rng(1).normal(size=(300, 8, 8))
    y = np.arange(300) % 4
    folded, program = evaluate_margins(trace(module, (8, 8)), x, y), program_margins(module.double(), x, y)
    # Eight layers of up to 300 products: what margins lose stays far below one rounding of float32, 6e-8.
    assert (program.values - folded.values).max() < 2e-8
    assert (folded.values - program.values).max() < 1e-12
    assert not program.lowered
    assert module.training
    np.testing.assert_array_equal(folded.predictions, program.predictions)


def test_a_single_output_is_a_margin_with_a_sign() -> None:
    network = nn.Sequential(nn.Linear(2, 1, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 2.0]]))
    values = margins(trace(network, (2,)), np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([1, 0]))
    np.testing.assert_allclose(values, [3.0, -3.0], rtol=1e-14)
    assert (values < [3.0, -3.0]).all()


def test_progress_and_input_types() -> None:
    network = build("mlp", (4,), 3, widths=(5,))
    graph = trace(network, (4,))
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    seen: list[tuple[int, int]] = []
    values = margins(graph, x, np.zeros(7, dtype=np.uint8), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
    np.testing.assert_array_equal(values, margins(graph, x.astype(np.float64), np.zeros(7, dtype=np.int64)))


@pytest.mark.parametrize(
    ("x", "y", "word"),
    [
        (np.zeros((3, 5)), np.zeros(3, int), "inputs of shape"),
        (np.zeros((3, 4)), np.zeros(2, int), "integer labels"),
        (np.zeros((3, 4)), np.zeros(3), "integer labels"),
        (np.zeros((3, 4)), np.array([0, 1, 3]), "labels from 0 to 2"),
    ],
)
def test_samples_that_do_not_fit_are_refused(x: np.ndarray, y: np.ndarray, word: str) -> None:
    with pytest.raises(InputError, match=word):
        margins(trace(build("mlp", (4,), 3, widths=(5,)), (4,)), x, y)


def test_programs_run_in_their_own_precision() -> None:
    # 1 + 2**-30 is 1 in float32: the program ties where the real network does not.
    network = nn.Sequential(nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(2))
    x, y = np.array([[1.0 + 2.0**-30, 1.0]]), np.array([0])
    assert program_margins(network, x, y).errors == 1
    assert program_margins(network.double(), x, y).errors == 0
    smooth = nn.Sequential(nn.Linear(2, 2), nn.GELU())
    assert program_margins(smooth, x, y).lowered is False
    with pytest.raises(InputError, match="program_margins"):
        margins(trace(smooth, (2,)), x, y)
