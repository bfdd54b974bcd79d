"""A user's .npz file, and every way in which it can be unusable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundcheck.data import load_dataset
from boundcheck.errors import InputError


def good() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "x_train": rng.normal(size=(6, 2, 3)),
        "y_train": np.array([0, 1, 2, 0, 1, 1]),
        "x_test": rng.normal(size=(4, 2, 3)),
        "y_test": np.array([3, 1, 0, 1]),
    }


def with_entry(field: str, index: Any, value: float) -> dict[str, Any]:
    arrays = good()
    arrays[field][index] = value
    return {field: arrays[field]}


def test_floats_are_taken_as_they_are(tmp_path: Path) -> None:
    arrays = good()
    np.savez(tmp_path / "d.npz", **arrays)
    data = load_dataset(str(tmp_path / "d.npz"))
    np.testing.assert_array_equal(data.inputs("train"), arrays["x_train"])
    assert data.inputs("train").dtype == np.float64
    # The class 3 occurs in the test sample only. Nothing bounds the coordinates before the sample is seen.
    assert (data.classes, data.low, data.high, data.norm_bound) == (4, None, None, None)


@pytest.mark.parametrize("dtype", ["u1", "i4", "u8", ">i2", "?"])
def test_integer_labels_of_any_width(tmp_path: Path, dtype: str) -> None:
    arrays = good() | {"y_train": np.array([0, 1, 1, 0, 1, 1]).astype(dtype), "y_test": np.array([0, 1, 1, 0]).astype(dtype)}
    np.savez_compressed(tmp_path / "d.npz", **arrays)
    data = load_dataset(str(tmp_path / "d.npz"))
    assert (data.labels("train").tolist(), data.labels("train").dtype, data.classes) == ([0, 1, 1, 0, 1, 1], np.int64, 2)


def test_bytes_become_pixels_by_a_constant(tmp_path: Path) -> None:
    x = np.arange(256, dtype=np.uint8).reshape(4, 64)
    np.savez(tmp_path / "d.npz", x_train=x[:2], y_train=[0, 1], x_test=x[:2] // 2, y_test=[0, 1])
    data = load_dataset(str(tmp_path / "d.npz"))
    # The largest value that occurs is 127: the scale belongs to the type, not to the sample.
    assert (data.divisor, data.low, data.high, data.norm_bound) == (255.0, 0.0, 1.0, 8.0)
    exact = np.arange(128) / 255
    # One rounding to float32 is at most half of 2**-23 relative.
    np.testing.assert_allclose(data.inputs("train").ravel(), exact, rtol=2.0**-24, atol=0)


def test_big_endian_floats_mean_the_same(tmp_path: Path) -> None:
    arrays = good()
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez(tmp_path / "b.npz", **{k: v.astype(v.dtype.newbyteorder(">")) for k, v in arrays.items()})
    assert load_dataset(str(tmp_path / "a.npz")).sha256 == load_dataset(str(tmp_path / "b.npz")).sha256


def test_nothing_can_change_the_sample(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **good())
    data = load_dataset(str(tmp_path / "d.npz"))
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0] = 0
    before = data.sha256
    data.inputs("train")[:] = 0
    data.labels("test")[:] = 0
    assert load_dataset(str(tmp_path / "d.npz")).sha256 == before


BAD = {
    "objects": ({"x_train": np.array([None] * 6)}, ["x_train", "Python objects"]),
    "object labels": ({"y_test": np.array([[1], [2, 3], 1, 0], dtype=object)}, ["y_test", "Python objects"]),
    "missing": ({"x_test": None, "y_test": None}, ["no x_test, no y_test"]),
    "lengths": ({"y_train": np.array([0, 1])}, ["6 inputs and 2 labels"]),
    "float labels": ({"y_train": np.array([0.0, 1, 1, 0, 1, 1])}, ["y_train", "float64", "int64"]),
    "text labels": ({"y_train": np.array(list("abcdef"))}, ["y_train", "<U1"]),
    "one-hot labels": ({"y_train": np.eye(6, dtype=int)}, ["y_train", "(6, 6)"]),
    "negative label": ({"y_test": np.array([0, -1, 1, 0])}, ["y_test", "-1"]),
    "identifiers": ({"y_test": np.array([0, 10**12, 1, 0])}, ["1000000000000", "gaps"]),
    "one class": ({"y_train": np.zeros(6, int), "y_test": np.zeros(4, int)}, ["at least two classes"]),
    "nan": (with_entry("x_train", ([1, 1, 4], 0, [0, 1, 2]), np.nan), ["x_train", "NaN or infinity in 2 of 6 rows"]),
    "infinity": (with_entry("x_test", (3, 1, 1), -np.inf), ["x_test", "NaN or infinity in 1 of 4 rows"]),
    "no training rows": ({"x_train": np.zeros((0, 2, 3)), "y_train": np.zeros(0, int)}, ["x_train", "zero rows"]),
    "no test rows": ({"x_test": np.zeros((0, 2, 3)), "y_test": np.zeros(0, int)}, ["x_test", "zero rows"]),
    "no labels": ({"y_test": np.zeros(0, int)}, ["y_test", "zero rows"]),
    "empty inputs": ({"x_train": np.zeros((6, 0))}, ["x_train", "(6, 0)"]),
    "a number": ({"x_train": np.float64(1.0)}, ["x_train", "shape ()"]),
    "wide integers": ({"x_train": np.ones((6, 2, 3), int)}, ["x_train", "int64", "uint8"]),
    "complex": ({"x_train": np.ones((6, 2, 3), complex)}, ["x_train", "complex128"]),
    "shapes": ({"x_test": np.zeros((4, 3, 2))}, ["(2, 3) in x_train and (3, 2) in x_test"]),
    "types": ({"x_test": np.zeros((4, 2, 3), np.uint8)}, ["float64 and uint8"]),
}


@pytest.mark.parametrize("case", BAD)
def test_unusable_arrays(tmp_path: Path, case: str) -> None:
    change, parts = BAD[case]
    arrays = {k: v for k, v in (good() | change).items() if v is not None}
    path = tmp_path / "d.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError) as caught:
        load_dataset(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_truncated_files(tmp_path: Path, fraction: float) -> None:
    np.savez(tmp_path / "whole.npz", **good())
    raw = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(raw[: int(fraction * len(raw))])
    with pytest.raises(InputError, match=r"d\.npz"):
        load_dataset(str(tmp_path / "d.npz"))


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    """The zip's checksums see damage to the numbers; what gets by is not in them, or is an InputError as well."""
    np.savez(tmp_path / "whole.npz", **good())
    raw = (tmp_path / "whole.npz").read_bytes()
    before = load_dataset(str(tmp_path / "whole.npz")).sha256
    seen = 0
    for position in range(0, len(raw), 7):
        (tmp_path / "d.npz").write_bytes(raw[:position] + bytes([raw[position] ^ 0x55]) + raw[position + 1 :])
        try:
            assert load_dataset(str(tmp_path / "d.npz")).sha256 == before
        except InputError:
            seen += 1
    assert seen > 100


def test_no_file_a_folder_and_another_format(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    for name, part in [("none.npz", "isn't there"), ("folder.npz", "a folder"), ("array.npz", "isn't one")]:
        with pytest.raises(InputError, match=part):
            load_dataset(str(tmp_path / name))


def test_an_array_file_with_a_zip_behind_it(tmp_path: Path) -> None:
    with (tmp_path / "d.npz").open("wb") as file:
        np.save(file, np.zeros(3))
        np.savez(file, **good())
    with pytest.raises(InputError, match=r"d\.npz"):
        load_dataset(str(tmp_path / "d.npz"))
