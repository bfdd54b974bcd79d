"""Leave-one-out stability: the worked value, beside the other form, margins of machines trained again, and risks measured."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from boundcheck.bounds.bousquet2002leaveout import Bousquet2002LeaveOut
from boundcheck.bounds.bousquet2002stability import Bousquet2002Stability
from boundcheck.evidence.example import example_evidence
from boundcheck.studies.ridge import Ridge
from boundcheck.studies.settings import settings
from boundcheck.theorem import Status

PLAIN = {"squared": False, "loss_scale": 1.0, "gap": 0.0, "outputs": 1, "diagonal": 1.0}


def test_worked_value() -> None:
    # n = 1000, lambda = 0.1, kappa = sigma = 1: beta = 0.005 at gamma = 1; the gap 0.8177478 is for a margin fixed beforehand.
    n, beta = 1000, 0.005
    assert beta + (4 * n * beta + 1) * math.sqrt(math.log(20) / (2 * n)) == pytest.approx(0.8177478, abs=1e-7)
    bound = Bousquet2002LeaveOut.formula(left_out=[1.0], ridge=0.1, n=n, delta=0.05 * 2005, **PLAIN)
    assert bound.choices["margin"] == 1.0
    assert bound.value == pytest.approx(0.8177478, abs=1e-7)


def test_the_same_margins_save_one_beta() -> None:
    symbols = {"ridge": 0.3, "n": 5000, "delta": 0.05, **PLAIN}
    one = Bousquet2002LeaveOut.formula(left_out=[6.0], **symbols)
    two = Bousquet2002Stability.formula(margins=[6.0], **symbols)
    assert one.choices == two.choices
    beta = 1.0 / (2 * 0.3 * 5000 * float(one.choices["margin"]))
    assert two.value - one.value == pytest.approx(beta, rel=1e-9)


def test_margins_are_those_of_machines_trained_again() -> None:
    """Least squares with the root of the penalty appended, the weight of the 399 others kept."""
    setting = settings()["ridge"]
    assert isinstance(setting, Ridge)
    x, y = setting.problem.sample(setting.n, np.random.default_rng(11))
    targets, d = np.eye(2)[y], x.shape[1]
    found = setting.left_out(x, targets)
    assert len(found) == setting.n
    root = math.sqrt(setting.n * setting.penalty)
    for i in (0, 17, 399):
        keep = np.arange(setting.n) != i
        stacked = np.concatenate([x[keep], root * np.eye(d)])
        w = np.linalg.lstsq(stacked, np.concatenate([targets[keep], np.zeros((d, 2))]), rcond=None)[0]
        margin = float(x[i] @ (w[:, y[i]] - w[:, 1 - y[i]]))
        assert margin - 1e-9 <= found[i] <= margin


def test_the_risk_is_covered_and_errors_left_out_are_more() -> None:
    setting = settings()["ridge"]
    assert isinstance(setting, Ridge)
    for number in range(3):
        trial = setting.trial(["kernel", "margins"], np.random.SeedSequence(3, spawn_key=(number,)))
        certificate = Bousquet2002LeaveOut()(trial.evidence, 0.05)
        assert certificate.value is not None
        assert certificate.value >= float(trial.risks["network"])
        kernel = trial.evidence.kernel
        assert kernel is not None
        assert kernel.left_out is not None
        assert trial.evidence.margins is not None
        # Leaving an example out of a least squares fit never helps at that example.
        assert np.mean(kernel.left_out) < np.mean(trial.evidence.margins)


def test_without_these_margins_it_says_so() -> None:
    evidence = example_evidence()
    assert evidence.kernel is not None
    kernel = dataclasses.replace(evidence.kernel, left_out=None)
    certificate = Bousquet2002LeaveOut()(dataclasses.replace(evidence, kernel=kernel), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert certificate.why == "the predictors without one example each were not measured"
