"""The line that a certificate around a learned prior has to beat."""

from __future__ import annotations

import dataclasses

import pytest

from boundcheck.bounds.langford2005holdout import Langford2005HoldOut
from boundcheck.bounds.langford2005testset import Langford2005TestSet
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status


def test_one_way_to_train_is_the_test_set_bound_on_other_rows() -> None:
    mine = Langford2005HoldOut.formula(n=500, errors=21, configurations=1, splits=1, delta=0.05)
    theirs = Langford2005TestSet.formula(m=500, errors=21, invalid=0, corruption=0.0, classes=3, delta=0.05)
    assert mine.value == pytest.approx(theirs.value, rel=1e-14)


def test_choices_are_paid_by_a_share_of_delta() -> None:
    six = Langford2005HoldOut.formula(n=500, errors=21, configurations=2, splits=3, delta=0.05)
    alone = Langford2005HoldOut.formula(n=500, errors=21, configurations=1, splits=1, delta=0.05 / 6)
    assert alone.value <= six.value <= alone.value * (1 + 1e-12)


def test_a_prior_that_saw_a_row_is_a_violated_hypothesis() -> None:
    evidence = example_evidence()
    seen = dataclasses.replace(evidence, prior_network=dataclasses.replace(evidence.prior_network, overlap=2))
    certificate = Langford2005HoldOut()(seen, 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert "2 of the 500" in (certificate.why or "")
    assert Langford2005HoldOut()(evidence, 0.05).test_error == evidence.prior_network.test_error
