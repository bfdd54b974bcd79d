"""The compression bound: code lengths are those of a probability, the worked value, its place beside the kl form."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound
from boundcheck.bounds.zhou2019compression import Zhou2019Compression, code_nats
from boundcheck.evidence.example import example_evidence
from boundcheck.numerics import binomial_tail_inverse
from boundcheck.theorem import Status


@pytest.mark.parametrize(("n", "k"), [(1, 3), (4, 3), (6, 2), (5, 4), (8, 3)])
def test_all_messages_weigh_one(n: int, k: int) -> None:
    total = 0.0
    for symbols in itertools.product(range(k), repeat=n):
        seen = Counter(symbols)
        total += math.exp(-code_nats([[seen[s] for s in range(k)]], 0))
    assert 1.0 - 1e-9 <= total <= 1.0 + 1e-14 * k**n


def test_all_messages_of_two_blocks_weigh_one() -> None:
    total = 0.0
    for symbols in itertools.product(range(3), repeat=3):
        for others in itertools.product(range(2), repeat=2):
            blocks = [[symbols.count(s) for s in range(3)], [others.count(s) for s in range(2)]]
            total += math.exp(-code_nats(blocks, 0))
    assert 1.0 - 1e-9 <= total <= 1.0 + 1e-11


def test_the_worked_code_length() -> None:
    # counts (700, 200, 80, 20) with a codebook of four 16-bit numbers: 1307.421515 bits, exact integers.
    exact = math.factorial(1000)
    for c in (700, 200, 80, 20):
        exact //= math.factorial(c)
    bits = math.log2(exact) + math.log2(math.comb(1003, 3)) + 64
    assert bits == pytest.approx(1307.421515, abs=1e-6)
    assert code_nats(((700, 200, 80, 20),), 64) / math.log(2) == pytest.approx(bits, rel=1e-11)
    assert code_nats(((700, 200, 80, 20),), 74) == pytest.approx(913.1670, abs=1e-4)
    assert kl_bound(0.02, code_nats(((700, 200, 80, 20),), 74) + math.log(20), 60_000) == pytest.approx(0.0547934978, abs=1e-10)


def test_the_binomial_tail_is_never_looser_than_the_kl_form() -> None:
    for errors in (0, 5, 300, 1999):
        for counts in ((90, 5, 5), (10, 80, 10), (1000, 0, 0)):
            value = Zhou2019Compression.formula(n=2000, counts=[counts], side_bits=20, errors=errors, delta=0.05).value
            assert value <= kl_bound(errors / 2000, code_nats([counts], 20) + math.log(20), 2000) * (1 + 1e-12)


def test_a_message_that_says_nothing_is_a_test_set_bound() -> None:
    value = Zhou2019Compression.formula(n=500, counts=[(0,)], side_bits=0, errors=9, delta=0.05).value
    assert value == pytest.approx(binomial_tail_inverse(9, 500, 0.05), rel=1e-9)


def test_fewer_nonzero_symbols_cost_less() -> None:
    values = [
        Zhou2019Compression.formula(n=5000, counts=[(c, 1000 - 2 * c, c)], side_bits=20, errors=100, delta=0.05).value
        for c in (0, 1, 10, 100, 300)
    ]
    assert values == sorted(set(values))


def test_errors_counted_on_another_sample_are_no_evidence() -> None:
    evidence = example_evidence()
    code = evidence.code
    wrong = dataclasses.replace(evidence, code=dataclasses.replace(code, errors=dataclasses.replace(code.errors, n=3)))
    assert Zhou2019Compression()(wrong, 0.05).status is Status.NOT_APPLICABLE
