"""Norms of layers against the dense matrix that automatic differentiation finds."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks import build, layer_norms, leading_lipschitz, operator_norm, trace, two_layer_norm
from boundcheck.networks.modules import Normalize


def _dense(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of the linear part of a layer."""
    layer = layer.double().eval()
    zero = torch.zeros((1, *shape), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(layer, zero)
    assert isinstance(jacobian, torch.Tensor)
    return jacobian.reshape(-1, math.prod(shape)).detach().numpy()


LAYERS = [
    (nn.Linear(7, 5), (7,)),
    (nn.Linear(4, 3), (6, 4)),
    (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 9)),
    (nn.Conv2d(2, 3, 3, padding=1), (2, 5, 6)),
    (nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), (4, 7, 7)),
    (nn.Conv2d(2, 2, (2, 4), padding="same"), (2, 5, 5)),
    (nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 5, 5)),
    (nn.Conv2d(2, 3, 3, padding=2, padding_mode="replicate"), (2, 4, 4)),
    (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False), (2, 4, 4)),
    (nn.Conv3d(1, 2, 2, stride=(1, 2, 1), padding=(0, 1, 1)), (1, 3, 4, 3)),
    (Normalize([0.1, 0.2], [0.5, 2.0], fixed=False), (2, 3, 3)),
]


# torch warns that an even window with padding="same" costs a copy.
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_norms_of_one_layer_against_its_matrix(layer: nn.Module, shape: tuple[int, ...]) -> None:
    graph = trace(layer, shape)
    (norms,) = layer_norms(graph).values()
    matrix = _dense(layer, shape)
    # A dense SVD errs by far less than 1e-12 of the norm at these sizes.
    top = float(np.linalg.svd(matrix, compute_uv=False)[0])
    assert norms.spectral_lower <= top * (1 + 1e-12)
    assert top * (1 - 1e-12) <= norms.spectral <= top * 1.75  # reflect padding is bounded with a factor
    assert operator_norm(layer, shape) == norms.spectral
    frobenius = np.linalg.norm(matrix)
    assert frobenius * (1 - 1e-13) <= norms.frobenius <= frobenius * (1 + 1e-10)
    rows = np.linalg.norm(matrix, axis=1).sum()
    assert rows * (1 - 1e-13) <= norms.row_norm_sum <= rows * (1 + 1e-10)
    assert norms.in_size == matrix.shape[1]
    assert norms.out_size == matrix.shape[0]
    constant = layer.double()(torch.zeros((1, *shape), dtype=torch.float64)).detach().numpy().ravel()
    joined = np.column_stack([matrix, constant])
    rows = np.linalg.norm(joined, axis=1).sum()
    assert rows * (1 - 1e-13) <= norms.difference_row_norm_sum <= rows * (1 + 1e-10)
    assert norms.bias_norm * math.sqrt(norms.positions) == pytest.approx(float(np.linalg.norm(constant)), rel=1e-12, abs=1e-15)
    corner = np.vstack([joined, np.eye(joined.shape[1])[-1:]])
    if norms.has_bias:
        assert norms.augmented_spectral >= np.linalg.norm(corner, 2) * (1 - 1e-12)
        assert norms.augmented_frobenius == pytest.approx(float(np.linalg.norm(corner)), rel=1e-10)


def test_augmented_norm_of_a_dense_layer_is_tight() -> None:
    layer = nn.Linear(6, 4).double()
    (norms,) = layer_norms(trace(layer, (6,))).values()
    matrix = np.block(
        [[layer.weight.detach().numpy(), layer.bias.detach().numpy()[:, None]], [np.zeros((1, 6)), np.ones((1, 1))]]
    )
    assert norms.augmented_spectral == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("layer", "shape"), [(m, s) for m, s in LAYERS if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d)])
def test_group_norm_bounds_the_layer_as_the_covering_argument_needs(layer: nn.Module, shape: tuple[int, ...]) -> None:
    # |conv X|_F <= group norm |X|_F, and it is the sum of norms over input channels when taps read a position once.
    (norms,) = layer_norms(trace(layer, shape)).values()
    assert norms.kernel_group_norm >= np.linalg.norm(_dense(layer, shape), 2)
    kernel = layer.weight.detach().double().numpy()  # type: ignore[union-attr]
    plain = np.linalg.norm(kernel, axis=1).sum()
    if layer.padding_mode in {"zeros", "circular"}:
        assert norms.kernel_group_norm == pytest.approx(plain, rel=1e-12)
    assert norms.kernel_group_norm >= plain * (1 - 1e-13)


def test_group_norm_counts_positions_that_padding_repeats() -> None:
    # One tap at the corner of a replicate-padded map reads the corner pixel nine times.
    layer = nn.Conv2d(1, 1, 3, padding=2, padding_mode="replicate", bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 0, 0] = 1.0
    (norms,) = layer_norms(trace(layer, (1, 4, 4))).values()
    assert norms.kernel_group_norm >= np.linalg.norm(_dense(layer, (1, 4, 4)), 2) > 1.0


def test_differences_from_a_reference() -> None:
    network, initial = (build("conv", (6, 6), 3, channels=(2,), width=5, seed=s) for s in (1, 2))
    norms = layer_norms(trace(network, (6, 6)), trace(initial, (6, 6)))
    for name, record in norms.items():
        layer, start = network.get_submodule(name), initial.get_submodule(name)
        delta = (layer.weight.double() - start.weight.double()).detach().numpy()  # type: ignore[union-attr, operator]
        shift = (layer.bias.double() - start.bias.double()).detach().numpy()  # type: ignore[union-attr, operator]
        assert record.difference_frobenius == pytest.approx(np.linalg.norm(delta), rel=1e-12)
        assert record.difference_bias_norm == pytest.approx(np.linalg.norm(shift), rel=1e-12)
        by_tap = delta.reshape(*delta.shape[:2], -1)
        joined = np.linalg.norm(np.column_stack([by_tap[:, :, 0], shift]), axis=1).sum()
        rest = np.linalg.norm(by_tap[:, :, 1:], axis=1).sum()
        assert record.difference_group_norm == pytest.approx(joined + rest, rel=1e-12)
        assert record.difference_group_norm >= (joined + rest) * (1 - 1e-14)
    same = layer_norms(trace(network, (6, 6)), trace(network, (6, 6)))
    assert all(r.difference_row_norm_sum == 0.0 == r.difference_group_norm for r in same.values())


# torch warns that an even window with padding="same" costs a copy.
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_operator_norm_of_the_difference_against_its_matrix(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """Both layers as matrices by automatic differentiation, their difference by a dense SVD."""
    start = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter.mul_(0.9).add_(0.05)
    (record,) = layer_norms(trace(layer, shape), trace(start, shape)).values()
    top = float(np.linalg.svd(_dense(layer, shape) - _dense(start, shape), compute_uv=False)[0])
    assert top * (1 - 1e-12) <= record.difference_spectral <= max(top * 2.0, 1e-12)  # reflect padding is bounded with a factor
    (same,) = layer_norms(trace(layer, shape), trace(layer, shape)).values()
    assert same.difference_spectral == 0.0
    (alone,) = layer_norms(trace(layer, shape)).values()
    assert alone.difference_spectral == alone.spectral


def test_reference_of_another_architecture_is_refused() -> None:
    with pytest.raises(InputError, match="this very architecture"):
        layer_norms(trace(build("mlp", (4,), 2, widths=(3,)), (4,)), trace(build("mlp", (4,), 2, widths=(5,)), (4,)))


def test_fixed_constants_have_no_parameters_and_no_distance() -> None:
    network = nn.Sequential(Normalize(0.5, 0.25), nn.Flatten(), nn.Linear(4, 2))
    norms = layer_norms(trace(network, (1, 2, 2)))
    record = norms["0"]
    assert (record.parameters, record.spectral, record.difference_row_norm_sum) == (0, 4.0, 0.0)
    assert record.bias_norm * math.sqrt(record.positions) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("pool", "shape", "known"),
    [
        (nn.MaxPool2d(3, 2), (1, 7, 7), 2.0),  # a pixel at a corner of four windows
        (nn.MaxPool2d(2), (3, 8, 8), 1.0),
        (nn.AvgPool2d(2), (3, 8, 8), 0.5),
        (nn.AdaptiveAvgPool2d(1), (2, 4, 4), 0.25),
        (nn.ReLU(), (3,), 1.0),
        (nn.LeakyReLU(3.0), (3,), 3.0),
    ],
)
def test_constants_of_pools_and_activations(pool: nn.Module, shape: tuple[int, ...], known: float) -> None:
    assert known <= operator_norm(pool, shape) <= known * (1 + 1e-9)


@pytest.mark.parametrize(
    "pool", [nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d(3, 2, ceil_mode=True),
             nn.AdaptiveAvgPool2d((3, 2)), nn.AvgPool2d(2, 1, divisor_override=3)],
)  # fmt: skip
def test_average_pools_against_their_matrix(pool: nn.Module) -> None:
    top = np.linalg.norm(_dense(pool, (2, 6, 7)), 2)
    assert top * (1 - 1e-12) <= operator_norm(pool, (2, 6, 7)) <= top * (1 + 1e-8)


def test_operator_norm_of_the_published_example() -> None:
    # K = (arange(1..36) mod 7) - 3 on 6x6 with padding 1; dense SVD 20.18804055, the reshaped kernel has 10.5037.
    layer = nn.Conv2d(2, 2, 3, padding=1)
    with torch.no_grad():
        layer.weight.copy_(((torch.arange(1, 37) % 7) - 3).reshape(2, 2, 3, 3))
    assert 20.188040545 <= operator_norm(layer, (2, 6, 6)) <= 21.6
    assert operator_norm(layer, (6, 6)) == operator_norm(layer, (2, 6, 6))


def test_transposed_convolution_and_what_has_no_norm() -> None:
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1)
    top = np.linalg.norm(_dense(layer, (2, 4, 4)), 2)
    assert top * (1 - 1e-12) <= operator_norm(layer, (2, 4, 4)) <= top * 1.2
    with pytest.raises(InputError, match="Softmax"):
        operator_norm(nn.Softmax(1), (3,))
    with pytest.raises(InputError, match="input channels"):
        operator_norm(nn.Conv2d(2, 3, 3), (3, 6, 6))


def test_steps_after_a_layer_and_before_the_first() -> None:
    network = nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(1, 2, 3, padding=1), nn.LeakyReLU(2.0), nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(8, 2)
    )
    graph = trace(network, (1, 8, 8))
    norms = layer_norms(graph)
    assert norms["1"].lipschitz_after == pytest.approx(4.0, rel=1e-12)
    assert norms["5"].lipschitz_after == 1.0
    assert leading_lipschitz(graph) == pytest.approx(0.5, rel=1e-9)
    assert graph.chain().reason is not None


@pytest.mark.parametrize("classes", [2, 4])
def test_two_layer_norm_unit_by_unit(classes: int) -> None:
    network = build("mlp", (5,), classes, widths=(6, 7), seed=3).double()
    found = two_layer_norm(trace(network, (5,)))
    assert not isinstance(found, str)
    hidden, last = [m for m in network if isinstance(m, nn.Linear)][-2:]
    v = (last.weight - last.weight.mean(dim=0)).detach().numpy()
    c = (last.bias - last.bias.mean()).detach().numpy()
    w, b = hidden.weight.detach().numpy(), hidden.bias.detach().numpy()
    plain = sum(np.linalg.norm(v[:, j]) * np.linalg.norm(w[j]) for j in range(7))
    augmented = sum(np.linalg.norm(v[:, j]) * np.hypot(np.linalg.norm(w[j]), b[j]) for j in range(7)) + np.linalg.norm(c)
    assert plain * (1 - 1e-15) <= found.plain <= plain * (1 + 1e-12)
    assert augmented * (1 - 1e-15) <= found.augmented <= augmented * (1 + 1e-12)


def test_two_layer_norm_names_what_is_missing() -> None:
    assert "skip" in str(two_layer_norm(trace(build("residual", (8, 8), 3, channels=(2,)), (8, 8))))
    assert "not a dense layer" in str(two_layer_norm(trace(build("conv", (8, 8), 3, channels=(2,), width=0), (8, 8))))


def test_norms_do_not_depend_on_the_order_of_units() -> None:
    network = build("mlp", (5,), 3, widths=(8,), bias=False, seed=4).double()
    before = layer_norms(trace(network, (5,)))
    first, last = (m for m in network if isinstance(m, nn.Linear))
    with torch.no_grad():
        order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
        first.weight.copy_(first.weight[order])
        last.weight.copy_(last.weight[:, order])
    after = layer_norms(trace(network, (5,)))
    for name, record in before.items():
        for field in ("spectral", "frobenius", "row_norm_sum", "kernel_group_norm"):
            assert getattr(after[name], field) == pytest.approx(getattr(record, field), rel=1e-10)
