"""A file and its length: Kraft's inequality, the common mistake that breaks it, exact lengths."""

from __future__ import annotations

import math

import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound
from boundcheck.bounds.lotfi2022length import Lotfi2022Length, file_bits, length_bits
from boundcheck.bounds.zhou2019compression import Zhou2019Compression

COUNTS = ((700, 200, 80, 20),)


def gamma_word(length: int) -> str:
    """Elias' gamma code: as many zeros as binary digits follow the first one, then the number."""
    digits = f"{length:b}"
    return "0" * (len(digits) - 1) + digits


def test_no_length_is_the_beginning_of_another() -> None:
    words = [gamma_word(length) for length in range(1, 600)]
    assert [len(w) for w in words] == [length_bits(length) for length in range(1, 600)]
    assert not any(b.startswith(a) for i, a in enumerate(words) for b in words[i + 1 : i + 200])


def test_the_weights_of_all_files_sum_to_at_most_one() -> None:
    # 2^l files of l bits: the sum over files is the sum of 2^-length_bits(l) over l; each octave of lengths adds 2^-(octave + 1).
    total = sum(2.0 ** -length_bits(length) for length in range(1, 2**16))
    assert total == 1.0 - 2.0**-16


def test_two_logarithms_alone_are_no_code() -> None:
    """l + 2 log2 l bits, as it is often written: the weights of all files sum to pi^2/6, which is more than one."""
    total = sum(2.0 ** (-2 * math.log2(length)) for length in range(1, 10**5))
    assert total > 1.6
    assert total == pytest.approx(math.pi**2 / 6, abs=1e-4)
    missing = math.log2(math.pi**2 / 6)
    assert missing == pytest.approx(0.7180298, abs=1e-7)


def test_exact_lengths() -> None:
    types, arrangements = math.comb(1003, 3), math.factorial(1000)
    for count in COUNTS[0]:
        arrangements //= math.factorial(count)
    exact = (types - 1).bit_length() + (arrangements - 1).bit_length() + 74
    assert file_bits(COUNTS, 74.0) == exact == 1319
    assert length_bits(1319) == 21
    assert file_bits(((5,),), 0.0) == 1  # a file has at least one bit


def test_rounded_lengths_are_never_too_short() -> None:
    for counts in ((1, 1), (2, 2, 2), (100, 1), (64, 64), (8, 0, 0, 0), (3, 5, 7, 9, 11)):
        total, ways = sum(counts), math.factorial(sum(counts))
        for count in counts:
            ways //= math.factorial(count)
        exact = (math.comb(total + len(counts) - 1, len(counts) - 1) - 1).bit_length() + (ways - 1).bit_length()
        assert exact <= file_bits([counts], 0.0) <= exact + 2  # a power of two of possibilities may round to the next bit


def test_the_value_is_the_statement_and_the_length_is_what_it_costs() -> None:
    symbols = {"n": 60_000, "counts": COUNTS, "side_bits": 74.0, "errors": 1200, "delta": 0.05}
    bound = Lotfi2022Length.formula(**symbols)
    assert bound.value == pytest.approx(kl_bound(0.02, (1319 + 21) * math.log(2) + math.log(20), 60_000), rel=1e-9)
    assert Zhou2019Compression.formula(**symbols).value < bound.value
