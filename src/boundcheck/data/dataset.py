"""A data set: two samples, and what is known of their domain before any of it is looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boundcheck.data.fingerprint import fingerprint
from boundcheck.errors import InputError

Split = Literal["train", "test"]

# Fewer classes than this are always believed. Above it, labels that outnumber the examples are identifiers or hashes,
# and a network with an output for each of them would exhaust the memory before anything could be said.
_BELIEVABLE_CLASSES = 1000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Two samples of the same distribution, as stored, made by `make_dataset`.

    The scale and the bounds of the domain are constants of the source, fixed before the sample was drawn: a theorem
    whose hypothesis is a bounded domain may use them, and may not use an extreme of the sample in their place.

    Attributes:
        name: The specification it was loaded by, e.g. ``"mnist"``.
        x_train: Training inputs as stored, shape (n, ...), uint8 or float; read-only.
        y_train: Training labels, shape (n,), int64 in [0, classes); read-only.
        x_test: Held-out inputs, shape (m, ...), of the dtype of ``x_train``; read-only.
        y_test: Held-out labels, shape (m,); read-only.
        classes: The number of classes k, at least 2.
        divisor: The constant that stored inputs are divided by; 1 for floats.
        low: A lower bound on every coordinate of `inputs`, known a priori, or None.
        high: An upper bound on every coordinate of `inputs`, known a priori, or None.
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    classes: int
    divisor: float
    low: float | None
    high: float | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input, e.g. (1, 28, 28)."""
        return tuple(int(s) for s in self.x_train.shape[1:])

    @property
    def dim(self) -> int:
        """The number of coordinates of one input."""
        return math.prod(self.shape)

    @cached_property
    def sha256(self) -> str:
        """The digest of the four arrays as stored."""
        return fingerprint({"x_train": self.x_train, "y_train": self.y_train, "x_test": self.x_test, "y_test": self.y_test})

    @property
    def norm_bound(self) -> float | None:
        """An a-priori bound on the l2 norm of every input, rounded upwards; None where none is known."""
        if self.low is None or self.high is None:
            return None
        largest = max(abs(self.low), abs(self.high))
        root = math.sqrt(self.dim)
        if Fraction(root) ** 2 < self.dim:
            root = math.nextafter(root, math.inf)
        bound = root * largest
        exact = Fraction(root) * Fraction(largest)
        return bound if Fraction(bound) >= exact else math.nextafter(bound, math.inf)

    def inputs(self, split: Split, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """The inputs as a network takes them.

        Integers are divided by `divisor` in float32, so that the result is the correctly rounded quotient and stays
        within [low, high]; floats are taken as they are.

        Args:
            split: ``"train"`` or ``"test"``.
            rows: Indices of the inputs that are wanted; all when ``None``.

        Returns:
            A fresh array, shape (n, ...): float32 for uint8 data, else the dtype that was stored.
        """
        stored = self.x_train if split == "train" else self.x_test
        x = stored.copy() if rows is None else stored[rows]
        return x.astype(np.float32) / np.float32(self.divisor) if x.dtype == np.uint8 else x

    def labels(self, split: Split) -> NDArray[np.int64]:
        """The labels of a split.

        Args:
            split: ``"train"`` or ``"test"``.

        Returns:
            A fresh array, shape (n,), int64 in [0, classes).
        """
        return (self.y_train if split == "train" else self.y_test).copy()


def make_dataset(
    name: str,
    x_train: NDArray[Any],
    y_train: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    classes: int | None = None,
    divisor: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Dataset:
    """A data set from arrays, or the one line that says why it can't be one.

    Args:
        name: What to call it, in messages and in reports.
        x_train: Training inputs, shape (n, ...), uint8 or float of at most 64 bits.
        y_train: Training labels, shape (n,), integers or booleans.
        x_test: Held-out inputs, shape (m, ...), uint8 if and only if ``x_train`` is.
        y_test: Held-out labels, shape (m,).
        classes: The number of classes where the source fixes it; else the largest label plus one.
        divisor: What uint8 inputs are divided by; 255 unless given.
        low: A lower bound on floats that is known a priori. For uint8 it follows from the type.
        high: An upper bound on inputs that is known a priori. For uint8 it follows from the type unless given.

    Returns:
        The data set, with read-only copies of float32, float64 or uint8 inputs and int64 labels.

    Raises:
        InputError: An array that can't be used, with its name and what is wrong with it.
    """
    xs = {"x_train": _checked_inputs(name, "x_train", x_train), "x_test": _checked_inputs(name, "x_test", x_test)}
    ys = {"y_train": _checked_labels(name, "y_train", y_train), "y_test": _checked_labels(name, "y_test", y_test)}
    for split in ("train", "test"):
        _check_lengths(name, split, len(xs[f"x_{split}"]), len(ys[f"y_{split}"]))
    _check_alike(name, xs["x_train"], xs["x_test"])
    k = _class_count(name, ys, classes)
    stored = np.result_type(xs["x_train"], xs["x_test"])
    if stored == np.uint8:
        scale = 255.0 if divisor is None else float(divisor)
        largest = float(np.float32(255) / np.float32(scale))
        low, high = 0.0, largest if high is None else high
    else:
        scale = 1.0
    for field, x in xs.items():
        _check_domain(f"{field} of {name}", float(x.min()) / scale, float(x.max()) / scale, low, high)
    return Dataset(
        name=name,
        x_train=_frozen(xs["x_train"], stored),
        y_train=_frozen(ys["y_train"], np.dtype(np.int64)),
        x_test=_frozen(xs["x_test"], stored),
        y_test=_frozen(ys["y_test"], np.dtype(np.int64)),
        classes=k,
        divisor=scale,
        low=low,
        high=high,
    )


def _frozen(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A read-only copy, so that nothing can change the sample after its digest was taken."""
    copy = np.array(array, dtype=dtype, order="C")
    copy.setflags(write=False)
    return copy


def _checked_inputs(name: str, field: str, x: NDArray[Any]) -> NDArray[Any]:
    """The inputs in native byte order, at least 32 bits wide where they are floats."""
    where = f"{field} of {name}"
    if x.dtype != np.uint8 and not (x.dtype.kind == "f" and x.dtype.itemsize <= 8):
        raise InputError(
            f"uint8 or float inputs in {where}",
            f"dtype {x.dtype}",
            "convert it: .astype(numpy.uint8) for pixels from 0 to 255, .astype(numpy.float32) for anything else",
        )
    if x.ndim == 0 or math.prod(x.shape[1:]) == 0:
        raise InputError(
            f"inputs of shape (n, ...) in {where}", f"shape {x.shape}", "store one input of at least one number per row"
        )
    if len(x) == 0:
        raise InputError(f"at least one row in {where}", "zero rows", "store a sample that isn't empty")
    if x.dtype == np.uint8:
        return x
    bad = int(np.count_nonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1)))
    if bad:
        raise InputError(
            f"finite numbers in {where}",
            f"NaN or infinity in {bad} of {len(x)} rows",
            "repair these rows, or take them out of inputs and labels",
        )
    return x.astype(np.float64 if x.dtype.itemsize == 8 else np.float32, copy=False)


def _checked_labels(name: str, field: str, y: NDArray[Any]) -> NDArray[Any]:
    """The labels as they came, once they are known to be a list of integers from 0 upwards."""
    where = f"{field} of {name}"
    if y.dtype.kind not in "biu":
        raise InputError(f"integer labels in {where}", f"dtype {y.dtype}", "number the classes 0, 1, ... and store them as int64")
    if y.ndim != 1:
        raise InputError(f"labels of shape (n,) in {where}", f"shape {y.shape}", "store one class number per row")
    if len(y) == 0:
        raise InputError(f"at least one label in {where}", "zero rows", "store a sample that isn't empty")
    smallest = int(y.min())
    if smallest < 0:
        raise InputError(f"labels from 0 upwards in {where}", f"a label {smallest}", "number the classes 0, 1, ...")
    return y


def _check_lengths(name: str, split: str, rows: int, labels: int) -> None:
    if rows != labels:
        raise InputError(
            f"as many labels as inputs for the {split} sample of {name}",
            f"{rows} inputs and {labels} labels",
            "store one label for each input",
        )


def _check_alike(name: str, x_train: NDArray[Any], x_test: NDArray[Any]) -> None:
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InputError(
            f"inputs of one shape in {name}",
            f"{x_train.shape[1:]} in x_train and {x_test.shape[1:]} in x_test",
            "store both samples in the same layout",
        )
    if (x_train.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise InputError(
            f"x_train and x_test of {name} both uint8 or both float",
            f"{x_train.dtype} and {x_test.dtype}",
            "store both in the same type: uint8 is divided by 255 and floats aren't",
        )


def _check_domain(where: str, smallest: float, largest: float, low: float | None, high: float | None) -> None:
    """A theorem will rely on the bounds that the source promises, so a sample that breaks them isn't of that source."""
    if (low is not None and smallest < low) or (high is not None and largest > high):
        raise InputError(
            f"scaled inputs from {low} to {high} in {where}",
            f"values from {smallest} to {largest}",
            "check that this is the source meant",
        )


def _class_count(name: str, ys: dict[str, NDArray[Any]], classes: int | None) -> int:
    """The number of classes; the training sample may lack some of them."""
    largest = max(int(y.max()) for y in ys.values())
    if classes is not None and largest >= classes:
        raise InputError(
            f"labels from 0 to {classes - 1} in {name}", f"a label {largest}", "check that these are the files meant"
        )
    k = largest + 1 if classes is None else classes
    if k < 2:
        raise InputError(f"at least two classes in {name}", "every label is 0", "store a sample with labels 0 and 1")
    if k > max(_BELIEVABLE_CLASSES, sum(len(y) for y in ys.values())):
        raise InputError(
            f"labels 0, 1, ..., k-1 of k classes in {name}",
            f"a label {largest}, so more classes than examples",
            "number the classes without gaps",
        )
    return k
