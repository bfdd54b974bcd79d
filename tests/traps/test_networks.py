"""Mistakes seen in published programs, part two: norms, layers, noise.

Each test makes the mistake on a small example, and shows where the truth lies and that ours is on the right side of it.
"""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.bounds.golowich2018chevet import Golowich2018Chevet
from boundcheck.data import expected_error, load_dataset, parse_labels
from boundcheck.evaluation import as_run, measure
from boundcheck.evidence.example import example_evidence
from boundcheck.networks.interpreter import forward
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.networks.norms import layer_norms
from boundcheck.networks.tracing import trace
from boundcheck.numerics import spectral_norm
from boundcheck.numerics.convolution import convolution_norm
from boundcheck.numerics.data_norms import data_matrix_norms
from boundcheck.numerics.pooling import max_pool_norm
from boundcheck.pac_bayes.gaussian import Gaussian
from boundcheck.runs.samples import make_samples
from boundcheck.runs.streams import generator

RNG = np.random.default_rng(3)


def unrolled(layer: nn.Conv2d, shape: tuple[int, int, int]) -> np.ndarray:
    """The matrix of the linear part of a convolution, column by column."""
    plain = copy.deepcopy(layer).double()
    eye = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        zero = plain(torch.zeros(1, *shape, dtype=torch.float64))
        return (plain(eye) - zero).reshape(len(eye), -1).numpy().T


def conv(kernel: np.ndarray, **options: int) -> nn.Conv2d:
    out, into, *taps = kernel.shape
    layer = nn.Conv2d(into * options.get("groups", 1), out, tuple(taps), bias=False, **options)
    layer.weight.data = torch.from_numpy(kernel)
    return layer.double()


@pytest.mark.parametrize(("kernel", "factor"), [(np.ones((8, 4, 3, 3)), 0.5), (RNG.normal(size=(8, 4, 3, 3)), 0.8)])
def test_the_norm_of_a_reshaped_kernel(kernel: np.ndarray, factor: float) -> None:
    layer = conv(kernel, padding=1)
    truth = np.linalg.norm(unrolled(layer, (4, 12, 12)), 2)
    assert np.linalg.norm(kernel.reshape(8, -1), 2) < factor * truth
    ours = convolution_norm(kernel, (12, 12), padding=1)
    assert truth <= ours <= 1.05 * truth


def test_the_fourier_norm_on_a_torus_of_the_wrong_size() -> None:
    """Frequencies of a torus as small as the kernel miss the largest one."""
    for seed in range(20):
        kernel = np.random.default_rng(seed).normal(size=(1, 1, 3, 3))
        truth = np.linalg.norm(unrolled(conv(kernel, padding=1), (1, 12, 12)), 2)
        small = np.abs(np.fft.fft2(kernel[0, 0])).max()
        assert truth <= convolution_norm(kernel, (12, 12), padding=1)
        if small < truth:
            return
    pytest.fail("the mistake was never below the truth, so that this test shows nothing")


def test_norms_of_groups_multiplied() -> None:
    kernel = 0.1 * RNG.normal(size=(8, 2, 3, 3))
    layer = conv(kernel, padding=1, groups=4)
    truth = np.linalg.norm(unrolled(layer, (8, 6, 6)), 2)
    groups = [np.linalg.norm(unrolled(conv(kernel[2 * g : 2 * g + 2], padding=1), (2, 6, 6)), 2) for g in range(4)]
    assert math.prod(groups) < truth == pytest.approx(max(groups))
    assert truth <= convolution_norm(kernel, (6, 6), padding=1, groups=4) <= 1.05 * truth


def test_power_iteration_as_an_upper_bound() -> None:
    basis = np.linalg.qr(RNG.normal(size=(40, 40)))[0]
    matrix = basis @ np.diag(np.linspace(1.0, 0.98, 40)) @ basis.T
    v = RNG.normal(size=40)
    for _ in range(10):
        v = matrix.T @ (matrix @ v)
        v /= np.linalg.norm(v)
    assert np.linalg.norm(matrix @ v) < 1.0 - 1e-3
    assert 1.0 - 1e-12 <= spectral_norm(matrix) < 1.0 + 1e-9


def test_rows_of_the_unrolled_matrix_estimated_from_below() -> None:
    """(positions / taps) times the norms of single taps is at most the sum of row norms: a triangle inequality the wrong way.

    With as many positions as here, every row sees the whole kernel, and the true sum is positions times the norms of kernels.
    """
    layer = conv(RNG.normal(size=(3, 2, 3, 3)))
    kernel, positions = layer.weight.detach().numpy(), 16
    mistaken = positions / 9 * sum(np.linalg.norm(kernel[o, :, i, j]) for o in range(3) for i in range(3) for j in range(3))
    truth = np.linalg.norm(unrolled(layer, (2, 6, 6)), axis=1).sum()
    assert mistaken < 0.5 * truth
    graph = trace(nn.Sequential(layer, nn.Flatten(), nn.Linear(48, 2)), (2, 6, 6))
    ours = layer_norms(graph)["0"].row_norm_sum
    assert truth * (1 - 1e-12) <= ours <= truth * (1 + 1e-9)


def test_overlapping_max_pools_are_not_1_lipschitz() -> None:
    pool = nn.MaxPool2d(3, 1)
    x, bump = torch.zeros(1, 1, 7, 7), torch.zeros(1, 1, 7, 7)
    bump[0, 0, 3, 3] = 1.0
    moved = float((pool(x + bump) - pool(x)).norm())
    assert moved == 3.0
    assert max_pool_norm(3, (7, 7), 1) == 3.0


def test_columns_norms_not_squared() -> None:
    """sqrt(max |x_j| / n) in place of sqrt(max |x_j|^2 / n): the exact complexity of the l1 ball is far above it."""
    n, d = 8, 2
    x = 10.0 * RNG.normal(size=(n, d))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    truth = np.abs(signs @ x).max(axis=1).mean() / n
    columns = np.linalg.norm(x, axis=0)
    mistaken = math.sqrt(2 * math.log(2 * d)) * math.sqrt(columns.max()) / n
    ours = math.sqrt(2 * math.log(2 * d) * data_matrix_norms(x).max_column_square_sum) / n
    assert mistaken < 0.5 * truth < truth <= ours


def test_largest_columns_of_batches() -> None:
    """The largest entry of each batch, averaged, in place of the largest column of the whole sample."""
    x = np.abs(RNG.normal(size=(256, 5)))
    mistaken = np.mean([np.abs(batch).max() for batch in np.split(x, 4)]) / len(x)
    truth = (x**2).sum(axis=0).max()
    assert mistaken < truth / 60
    chunked = data_matrix_norms(iter(np.split(x, 4)))
    assert truth * (1 - 1e-12) <= chunked.max_column_square_sum <= truth * (1 + 1e-9)


def test_variance_passed_as_standard_deviation() -> None:
    net = nn.Linear(200, 200, bias=False)
    gaussian = Gaussian.around(net, None)
    (block,) = gaussian.blocks
    drawn = gaussian.draw({block: 0.1}, generator(0), torch.float64)
    noise = (drawn["weight"] - net.weight.detach().double()).numpy()
    mistaken = np.random.default_rng(0).normal(scale=0.1**2, size=noise.shape)
    assert mistaken.std() == pytest.approx(0.01, rel=0.03)
    assert noise.std() == pytest.approx(0.1, rel=0.03)  # 40,000 draws: one standard error is 0.35 percent
    group = gaussian.summaries({block: 0.1}, drawn)[block]
    assert group.variance_sum == pytest.approx(40000 * 0.01)


def test_biases_are_part_of_the_network() -> None:
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)).double()
    bare = copy.deepcopy(net)
    for layer in (bare[0], bare[2]):
        nn.init.zeros_(layer.bias)
    for layer in (net[0], net[2]):
        nn.init.normal_(layer.bias)
    x = torch.randn(50, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (net(x) - bare(x)).abs().max() > 0.5
        assert (net(x) - forward(trace(net, (20,)), x)).abs().max() < 1e-12


def batch_normalized() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    net(torch.randn(64, 4) * 2 + 1)  # running statistics that differ from those of the sample
    return net.train()


def test_batch_normalization_is_certified_in_evaluation_mode() -> None:
    net = batch_normalized()
    x = RNG.uniform(size=(60, 4)).astype(np.float32)
    with torch.no_grad():
        training = copy.deepcopy(net)(torch.from_numpy(x))
        fixed = copy.deepcopy(net).eval()(torch.from_numpy(x))
    assert (training - fixed).abs().max() > 0.1
    y = fixed.argmax(dim=1).numpy()
    report = boundcheck.evaluate(net, (x, y), classes=3, bounds="blumer1987bits")
    assert report.errors.errors == 0
    assert net.training  # the user's network is left as it was


def test_statistics_of_batch_normalization_have_their_price() -> None:
    net = batch_normalized()
    x, y = RNG.uniform(size=(60, 4)).astype(np.float32), RNG.integers(0, 3, size=60)
    evidence = measure(as_run(net, (x, y), None, None, labels="true", classes=3, domain=None), bounds=("blumer1987bits",))
    assert evidence.precision is not None
    parameters = sum(p.numel() for p in net.parameters())
    assert evidence.precision.bits == 32 * (parameters + 2 * 6)


def test_whether_a_buffer_was_changed_has_its_price() -> None:
    """Leaving out statistics that equal those of the reference is a choice by the data: one bit for each, changed or not."""
    net = batch_normalized()
    changed = copy.deepcopy(net)
    changed[1].running_mean += 1.0
    x, y = RNG.uniform(size=(60, 4)).astype(np.float32), RNG.integers(0, 3, size=60)
    parameters = sum(p.numel() for p in net.parameters())
    for network, numbers in ((net, parameters), (changed, parameters + 6)):
        run = as_run(network, (x, y), None, net, labels="true", classes=3, domain=None)
        evidence = measure(run, bounds=("blumer1987bits",))
        assert evidence.precision is not None
        assert evidence.precision.bits == 32 * numbers + 2


def test_the_sample_is_what_was_trained_on() -> None:
    """With a part of the data set as the sample, n is the size of the part, not of the data set."""
    dataset = load_dataset("digits")
    train, _ = make_samples(dataset, parse_labels("true"), 0, 100)
    assert len(train) == 100 < len(dataset.labels("train"))
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert boundcheck.evaluate(net, (train.x, train.y), classes=10, bounds="blumer1987bits").errors.n == 100


def test_the_average_of_unequal_batches() -> None:
    net = nn.Linear(1, 2)
    net.weight.data, net.bias.data = torch.tensor([[0.0], [1.0]]), torch.zeros(2)
    x, y = np.ones((9, 1), dtype=np.float32), np.array([1, 1, 1, 1, 1, 1, 1, 1, 0])
    mistaken = np.mean([np.mean(y[:8] == 0), np.mean(y[8:] == 0)])
    assert mistaken == 0.5
    wrong, _ = program_mistakes(net, x, y, chunk=8)
    assert wrong.sum() == 1


def test_norm_bounds_know_the_margin() -> None:
    """Without 1/gamma a bound changes when all weights of the last layer are doubled, though no prediction does."""
    theorem, evidence = Golowich2018Chevet(), example_evidence()
    assert evidence.layers is not None
    assert evidence.margins is not None
    assert evidence.two_layer is not None
    last = evidence.layers["last"]
    doubled = {
        name: 2.0 * getattr(last, name)
        for name in ("spectral", "frobenius", "kernel_frobenius", "row_norm_sum", "augmented_spectral", "augmented_frobenius")
    }
    scaled = replace(
        evidence,
        margins=tuple(2.0 * m for m in evidence.margins),
        layers={**evidence.layers, "last": replace(last, **doubled)},
        two_layer=replace(evidence.two_layer, plain=2 * evidence.two_layer.plain, augmented=2 * evidence.two_layer.augmented),
    )
    before, after = theorem(evidence, 0.05), theorem(scaled, 0.05)
    assert before.value is not None
    assert after.value == pytest.approx(before.value, rel=1e-9)
    assert after.choices["margin"] == pytest.approx(2.0 * float(before.choices["margin"]), rel=1e-9)


def test_the_largest_input_of_the_sample_is_no_bound_on_inputs() -> None:
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    x, y = RNG.uniform(size=(50, 3)).astype(np.float32), RNG.integers(0, 2, size=50)
    without = boundcheck.evaluate(net, (x, y), bounds="neyshabur2018spectral")["neyshabur2018spectral"]
    known = boundcheck.evaluate(net, (x, y), bounds="neyshabur2018spectral", domain=(0.0, 1.0))["neyshabur2018spectral"]
    assert without.status == "not-applicable"
    assert "norm of inputs" in str(without.why)
    assert known.status != "not-applicable"


def test_held_out_labels_are_corrupted_in_expectation_not_by_a_draw() -> None:
    wrong, invalid = np.array([True] + [False] * 9), np.zeros(10, dtype=bool)
    assert expected_error(wrong, invalid, 10, parse_labels("true")) == 0.1
    assert expected_error(wrong, invalid, 10, parse_labels("corrupt:0.5")) == pytest.approx(0.5 * 0.1 + 0.5 * 0.9, abs=1e-15)
