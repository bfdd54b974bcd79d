r"""Label laws: true labels, random labels, and everything between.

With probability p, independently for each example, the label is replaced by one that is uniform on the k classes,
the old one included. This is the partially corrupted labelling of C. Zhang, S. Bengio, M. Hardt, B. Recht and
O. Vinyals, "Understanding deep learning requires rethinking generalization", ICLR 2017, section 2.2; p = 1 is their
random labels.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError, nearest

LABEL_KINDS = ("true", "random", "corrupt:P")


@dataclass(frozen=True)
class LabelLaw:
    """How labels come about from clean labels.

    Attributes:
        kind: The word it was asked for by.
        p: The probability that a label is replaced by a uniform one, in [0, 1].
    """

    kind: Literal["true", "random", "corrupt"]
    p: float

    @property
    def spec(self) -> str:
        """The words that `parse_labels` turns back into this law."""
        return f"corrupt:{self.p!r}" if self.kind == "corrupt" else self.kind


def parse_labels(spec: str) -> LabelLaw:
    """The label law that a specification names.

    Args:
        spec: ``"true"``, ``"random"`` or ``"corrupt:P"`` with P in [0, 1].

    Returns:
        The law.

    Raises:
        InputError: Another word, or a P that isn't a probability.
    """
    if spec == "true":
        return LabelLaw("true", 0.0)
    if spec == "random":
        return LabelLaw("random", 1.0)
    word, _, value = spec.partition(":")
    if word != "corrupt":
        raise InputError("labels 'true', 'random' or 'corrupt:P'", f"'{spec}'", nearest(spec, LABEL_KINDS))
    try:
        p = float(value)
    except ValueError:
        p = math.nan
    if not 0.0 <= p <= 1.0:
        raise InputError("a probability P in [0, 1] in 'corrupt:P'", f"'{spec}'", "write for example corrupt:0.3")
    return LabelLaw("corrupt", p)


def stream_bits(seed: int, *names: str) -> np.random.PCG64:
    """The bit stream of a seed and a purpose; different names give independent streams."""
    if seed < 0:
        raise InputError("a seed of at least 0", str(seed), "choose another seed")
    keys = tuple(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") for name in names)
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=keys))


def _raw(bits: np.random.PCG64, n: int) -> NDArray[np.uint64]:
    """Raw 64-bit words. NumPy keeps these the same across versions, unlike the methods of a Generator."""
    return np.asarray(bits.random_raw(n), dtype=np.uint64)


def _uniform_labels(bits: np.random.PCG64, n: int, k: int) -> NDArray[np.int64]:
    """Labels, exactly uniform on k classes: words in the incomplete last block of length k are drawn again."""
    words = _raw(bits, n)
    last = np.uint64(2**64 - 1 - 2**64 % k)
    while True:
        late = words > last
        count = int(np.count_nonzero(late))
        if count == 0:
            return (words % np.uint64(k)).astype(np.int64)
        words[late] = _raw(bits, count)


def corrupt(y: NDArray[Any], k: int, law: LabelLaw, seed: int, stream: str = "train") -> NDArray[np.int64]:
    """Labels drawn from a law, given the clean ones.

    For one seed and stream, the examples that are replaced at p are also replaced at every larger p, by the same
    label, so that experiments at several levels differ as little as they can. The coins have 53 bits: a p that isn't
    a multiple of 2**-53 is met to within 2**-53.

    Args:
        y: Clean labels, shape (n,), integers in [0, k).
        k: The number of classes.
        law: The label law.
        seed: At least 0.
        stream: A name; different names, e.g. ``"train"`` and ``"test"``, give independent draws.

    Returns:
        Fresh labels, shape (n,), int64 in [0, k); the same for the same arguments, whatever the NumPy version.

    Raises:
        InputError: A negative seed.
    """
    clean = np.array(y, dtype=np.int64)
    coins = (_raw(stream_bits(seed, "labels", stream, "replaced"), len(clean)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    fresh = _uniform_labels(stream_bits(seed, "labels", stream, "label"), len(clean), k)
    return np.where(coins < law.p, fresh, clean)


def expected_error(clean_wrong: NDArray[np.bool_], invalid: NDArray[np.bool_], k: int, law: LabelLaw) -> float:
    """The expected error on labels of a law, over the law, from predictions on clean examples.

    A valid prediction is one class. It errs with probability 1 - 1/k against a uniform label, hence with probability
    (1-p) 1[wrong] + p (1 - 1/k) under the law. A prediction that is tied at the top or NaN counts as an error
    whatever the label is.

    Args:
        clean_wrong: Which predictions differ from the clean label, shape (n,).
        invalid: Which predictions are tied at the top or NaN, shape (n,).
        k: The number of classes.
        law: The label law.

    Returns:
        The mean over the n examples: the float nearest to the exact rational number.

    Raises:
        ValueError: Lengths that differ, or no examples.
    """
    wrong, broken = np.asarray(clean_wrong, dtype=bool), np.asarray(invalid, dtype=bool)
    if wrong.ndim != 1 or wrong.shape != broken.shape or wrong.size == 0:
        raise ValueError(f"expected two equal nonempty lists; got shapes {wrong.shape} and {broken.shape}")
    n, lost = wrong.size, int(np.count_nonzero(broken))
    missed = int(np.count_nonzero(wrong & ~broken))
    p = Fraction(law.p)
    return float(((1 - p) * missed + p * Fraction(k - 1, k) * (n - lost) + lost) / n)
