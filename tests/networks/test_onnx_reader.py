"""ONNX files: the module that comes out computes what the reference implementation of the format computes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.modules import Reshape
from boundcheck.networks.onnx_reader import OPERATORS, read_onnx
from boundcheck.networks.tracing import trace

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402  (after the check that it is there)
from onnx.reference import ReferenceEvaluator  # noqa: E402

NETWORKS = Path(os.environ.get("BOUNDCHECK_DATA", "/nowhere")) / "networks"
RNG = np.random.default_rng(0)


def number(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def write(
    path: Path,
    nodes: Sequence[Any],
    constants: dict[str, np.ndarray],
    shape: tuple[int, ...],
    batch: int | str = 1,
    opset: int = 17,
) -> str:
    """A file whose input is x and whose output is y."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return str(path)


def agree(file: str, shape: tuple[int, ...], placed: bool = True) -> nn.Module:
    """The module against the reference, one example at a time, and the canonical graph against the module."""
    module, x = read_onnx(file), number(4, *shape)
    with torch.no_grad():
        got = module(torch.from_numpy(x)).numpy().reshape(4, -1)
    evaluator = ReferenceEvaluator(file)
    (name,) = evaluator.input_names
    wanted = np.concatenate([np.asarray(evaluator.run(None, {name: x[i : i + 1]})[0]).reshape(1, -1) for i in range(4)])
    # float32 sums of up to 1024 products, in another order: 1024 * 2^-24 of their size, and a few layers of them.
    np.testing.assert_allclose(got, wanted, rtol=0, atol=3e-4 * np.abs(wanted).max())
    assert (not trace(module, shape).unplaced) == placed
    return module


N = helper.make_node
CASES: dict[str, tuple[list[Any], dict[str, np.ndarray], tuple[int, ...]]] = {
    "gemm": ([N("Gemm", ["x", "w", "b"], ["y"], transB=1)], {"w": number(3, 5), "b": number(3)}, (5,)),
    "gemm, not transposed, one bias for all": ([N("Gemm", ["x", "w", "b"], ["y"])], {"w": number(5, 3), "b": number(1)}, (5,)),
    "matmul and bias": (
        [N("MatMul", ["x", "w"], ["h"]), N("Add", ["b", "h"], ["y"])], {"w": number(5, 3), "b": number(3)}, (5,)
    ),
    "matmul, relu, matmul": (
        [N("MatMul", ["x", "w"], ["h"]), N("Relu", ["h"], ["r"]), N("MatMul", ["r", "v"], ["y"])],
        {"w": number(5, 3), "v": number(3, 2)}, (5,),
    ),
    "product read twice keeps its constant apart": (
        [N("MatMul", ["x", "w"], ["h"]), N("Add", ["h", "b"], ["g"]), N("Add", ["g", "h"], ["y"])],
        {"w": number(5, 3), "b": number(3)}, (5,),
    ),
    "normalized": (
        [N("Sub", ["x", "m"], ["a"]), N("Div", ["a", "s"], ["b"]), N("Mul", ["c", "b"], ["d"]), N("Conv", ["d", "w"], ["y"])],
        {"m": number(1, 3, 1, 1), "s": np.exp(number(1, 3, 1, 1)), "c": np.float32(2.0), "w": number(2, 3, 2, 2)}, (3, 5, 5),
    ),
    "convolution with everything": (
        [N("Conv", ["x", "w", "b"], ["y"], strides=[2, 1], pads=[1, 2, 1, 2], dilations=[1, 2], group=2)],
        {"w": number(6, 2, 3, 2), "b": number(6)}, (4, 7, 6),
    ),
    "convolution in one dimension": ([N("Conv", ["x", "w"], ["y"], pads=[1, 1])], {"w": number(2, 3, 3)}, (3, 6)),
    "pools": (
        [N("MaxPool", ["x"], ["a"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
         N("AveragePool", ["a"], ["b"], kernel_shape=[2, 2]), N("GlobalAveragePool", ["b"], ["y"])], {}, (2, 7, 7),
    ),
    "max-pool, last window incomplete": (
        [N("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)], {}, (2, 5, 5)
    ),
    "average with padding counted": (
        [N("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)], {}, (2, 4, 4)
    ),
    "batch normalization": (
        [N("Conv", ["x", "w"], ["h"]), N("BatchNormalization", ["h", "g", "b", "m", "v"], ["y"], epsilon=1e-3)],
        {"w": number(2, 3, 2, 2), "g": number(2), "b": number(2), "m": number(2), "v": np.exp(number(2))}, (3, 4, 4),
    ),
    "leaky relu, identity, dropout": (
        [N("LeakyRelu", ["x"], ["a"], alpha=0.2), N("Identity", ["a"], ["b"]), N("Dropout", ["b"], ["c"]),
         N("Gemm", ["c", "w"], ["y"])], {"w": number(4, 3)}, (4,),
    ),
    "residual": (
        [N("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1]), N("Add", ["h", "x"], ["s"]), N("Relu", ["s"], ["y"])],
        {"w": number(2, 2, 3, 3)}, (2, 4, 4),
    ),
    "shapes": (
        [N("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]), N("Reshape", ["a", "s"], ["b"]), N("Flatten", ["b"], ["c"]),
         N("Gemm", ["c", "w"], ["y"])], {"s": np.array([0, 6, -1]), "w": number(24, 2)}, (2, 3, 4),
    ),
    "constants made of constants": (
        [N("Constant", [], ["k"], value=numpy_helper.from_array(number(3, 4))), N("Transpose", ["k"], ["w"], perm=[1, 0]),
         N("MatMul", ["x", "w"], ["y"])], {}, (4,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_operator_by_the_reference(case: str, tmp_path: Path) -> None:
    nodes, constants, shape = CASES[case]
    agree(write(tmp_path / "net.onnx", nodes, constants, shape), shape)


def test_the_cases_cover_the_operators() -> None:
    assert {node.op_type for nodes, _, _ in CASES.values() for node in nodes} == set(OPERATORS)


def test_a_bias_belongs_to_the_layer_and_a_shared_weight_counts_once(tmp_path: Path) -> None:
    nodes, constants, shape = CASES["matmul and bias"]
    module = read_onnx(write(tmp_path / "net.onnx", nodes, constants, shape))
    assert [type(child) for child in module.children()] == [Reshape, nn.Linear]
    assert sum(p.numel() for p in module.parameters()) == 18
    assert not list(module.buffers())
    twice = [N("Gemm", ["x", "w"], ["h"], transB=1), N("Relu", ["h"], ["r"]), N("Gemm", ["r", "w"], ["y"], transB=1)]
    module = agree(write(tmp_path / "twice.onnx", twice, {"w": number(4, 4)}, (4,)), (4,))
    assert sum(p.numel() for p in module.parameters()) == 16


def test_any_number_of_examples_whatever_the_file_fixes(tmp_path: Path) -> None:
    nodes = [N("Reshape", ["x", "s"], ["h"]), N("Gemm", ["h", "w"], ["y"])]
    for batch, target in ((1, [1, -1]), ("n", [-1, 12])):
        file = write(tmp_path / "net.onnx", nodes, {"s": np.array(target), "w": number(12, 2)}, (3, 2, 2), batch)
        assert read_onnx(file)(torch.zeros(5, 3, 2, 2)).shape == (5, 2)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (N("Sigmoid", ["x"], ["y"]), "the operator Sigmoid"),
        (N("Conv", ["x", "w"], ["y"], pads=[0, 0, 1, 1]), "differs between the sides"),
        (N("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER"), "auto_pad=SAME_UPPER"),
        (N("Transpose", ["x"], ["y"], perm=[1, 0, 2, 3]), "moves the batch axis"),
        (N("Flatten", ["x"], ["y"], axis=2), "does not keep the first axis"),
        (N("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1), "ceil_mode"),
        (N("MatMul", ["w", "x"], ["y"]), "a constant and a signal"),
        (N("Add", ["x", "big"], ["y"]), "broadcasts"),
        (N("Gemm", ["x", "m"], ["y"], alpha=2.0), "alpha"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(node: Any, said: str, tmp_path: Path) -> None:
    constants = {"w": number(2, 2, 2, 2), "big": number(2, 2, 4, 4), "m": number(4, 4)}
    with pytest.raises(InputError, match=said):
        read_onnx(write(tmp_path / "net.onnx", [node], constants, (2, 4, 4)))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a protocol buffer")
    for name in ("broken.onnx", "missing.onnx"):
        with pytest.raises(InputError, match="an ONNX file"):
            read_onnx(tmp_path / name)


def test_weights_beside_the_file_are_refused(tmp_path: Path) -> None:
    nodes, constants, shape = CASES["gemm"]
    model = onnx.load(write(tmp_path / "net.onnx", nodes, constants, shape))
    onnx.save(model, str(tmp_path / "out.onnx"), save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(InputError, match="elsewhere"):
        read_onnx(tmp_path / "out.onnx")


@pytest.mark.skipif(not NETWORKS.is_dir(), reason="$BOUNDCHECK_DATA/networks is not there")
@pytest.mark.parametrize(("file", "shape"), [("resnet_2b.onnx", (3, 32, 32)), ("mnist-net_256x2.onnx", (784, 1))])
def test_networks_of_others(file: str, shape: tuple[int, ...]) -> None:
    agree(str(NETWORKS / file), shape)


def test_a_run_from_a_file(tmp_path: Path) -> None:
    from boundcheck.runs.loading import load_run

    nodes = [N("Gemm", ["x", "w", "b"], ["y"], transB=1)]
    weights = {"w": number(10, 64), "b": number(10)}
    file = write(tmp_path / "net.onnx", nodes, weights, (64,))
    start = write(tmp_path / "start.onnx", nodes, {"w": number(10, 64), "b": number(10)}, (64,))
    run = load_run(file, reference=start, n=50)
    assert run.parameters == 650
    assert run.reference is not None
    assert len(run.train) == 50
    x = run.train.x.reshape(50, -1)
    with torch.no_grad():
        got = run.network(torch.from_numpy(run.train.x)).numpy()
    np.testing.assert_allclose(got, x @ weights["w"].T + weights["b"], atol=1e-4)
    for wrong in ({"model": "a:b"}, {"reference": str(tmp_path / "start.pt")}):
        with pytest.raises(InputError, match="ONNX"):
            load_run(file, **wrong)
    other = write(tmp_path / "other.onnx", nodes[:1], {"w": number(5, 64), "b": number(5)}, (64,))
    with pytest.raises(InputError, match="architecture"):
        load_run(file, reference=other)
