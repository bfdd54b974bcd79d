"""Monte Carlo numbers that can't be so are named before a theorem reads them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.sanity import contradiction


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean_loss": 1.5}, "of mean 1.5"),
        ({"draws": 0}, "0 draws"),
        ({"candidates": 0}, "for 0 posteriors"),
        ({"joint_loss": -0.1}, "of mean -0.1"),
        ({"pairs": 0}, "0 draws"),
        ({"certified": 5000}, "5000 certified examples"),
        ({"splits": 0}, "0 splits"),
    ],
)
def test_a_posterior_that_hangs_together_badly(change: dict[str, Any], words: str) -> None:
    evidence = example_evidence()
    assert contradiction(evidence) is None
    wrong = dataclasses.replace(evidence, posterior=dataclasses.replace(evidence.posterior, **change))
    assert words in (contradiction(wrong) or "")


def test_a_magnitude_posterior_is_held_to_the_same() -> None:
    evidence = example_evidence()
    wrong = dataclasses.replace(evidence, magnitude=dataclasses.replace(evidence.magnitude, mean_loss=2.0))
    assert "of mean 2.0" in (contradiction(wrong) or "")
