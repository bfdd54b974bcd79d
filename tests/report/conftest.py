"""Reports with every kind of certificate, made by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Evidence, Problem, Provenance
from boundcheck.report import Report
from boundcheck.theorem import Certificate, Hypothesis, State, Status

IID = Hypothesis.assume("the training examples are independent draws from one distribution")


def certificate(name: str, family: str, value: float | None, **changes: object) -> Certificate:
    """A certificate whose status follows from its value; terms split the value."""
    status = Status.NOT_APPLICABLE if value is None else Status.VACUOUS if value >= 0.9 else Status.NON_VACUOUS
    finite = value is not None and math.isfinite(value)
    base = Certificate(
        name=name,
        family=family,
        cite=f"Somebody, A paper on {name}, Theorem 1",
        about="network",
        status=status,
        value=value if finite else None,
        log10_value=math.log10(value) if finite and value else None,
        delta=0.05,
        terms={} if value is None else {"margin loss": value / 8, "complexity": value * 0.75, "confidence": value / 8},
        choices={} if value is None else {"margin": 3.2},
        shares={"sample": 0.05},
        hypotheses=(IID, Hypothesis("activations are 1-Lipschitz", State.HOLDS)),
        why=None,
        vacuous_at=0.9,
        seconds=0.01,
        test_error=0.0162,
    )
    return dataclasses.replace(base, **changes)


def certificates() -> list[Certificate]:
    bias = Hypothesis.check("no layer has a bias", False, "layer fc_1 has a bias")
    return [
        certificate("langford2005testset", "test-set", 0.01849),
        certificate("vapnik1998growth", "vc", 41.7),
        certificate("blumer1987bits", "counting", 9.13),
        certificate("bartlett2002trace", "rademacher", 3.1e9),
        certificate("bartlett2017spectral", "norm", 812.4),
        certificate("neyshabur2015path", "norm", math.inf, log10_value=400.237, terms={"complexity": math.inf}),
        certificate(
            "golowich2018depth",
            "norm",
            None,
            hypotheses=(IID, bias),
            why="violated: no layer has a bias (layer fc_1 has a bias) & 100 % of <b>layers</b>",
        ),
        certificate("maurer2004gibbs", "pac-bayes", 0.1534, about="gibbs", test_error=0.0871),
        certificate("catoni2007sample", "pac-bayes", 0.2217, about="sample", test_error=0.0913),
        certificate("occam1987code", "compression", 0.8996, about="compressed", test_error=0.041),
        certificate("elisseeff2002stability", "stability", None, hypotheses=(), why="the evidence holds no training algorithm"),
    ]


def evidence(corruption: float = 0.0) -> Evidence:
    modules = (("fc_1", "Linear", "dense layer"), ("act", "ReLU", "1-Lipschitz step"), ("fc_2", "Linear", "dense layer"))
    notes = ("margins were lowered by the floating-point error bound",)
    labels = "true" if corruption == 0.0 else "random" if corruption == 1.0 else f"corrupt:{corruption}"
    provenance = Provenance(
        "runs/mlp_50%_run.pt", "ab" * 32, "mlp", "mnist", labels, "initial", 407050, 7, "quick", modules=modules, notes=notes
    )
    problem = Problem(60000, 784, 10, 28.0, True, corruption, 3)
    law = corruption * 0.9 + (1 - corruption) * 0.0162
    errors = Errors(n=60000, errors=3, invalid=0, test_n=10000, test_errors=162, test_invalid=0, test_error=law, overlap=0)
    return Evidence(provenance, problem, errors)


@pytest.fixture(name="report")
def _report() -> Report:
    return Report.of(evidence(), certificates(), 0.05, joint=False)


@pytest.fixture(name="random_report")
def _random_report() -> Report:
    changed = []
    for c in certificates():
        if c.value is not None:
            c = certificate(c.name, c.family, c.value * 3 + 0.89, about=c.about, test_error=0.9)
        changed.append(c)
    return Report.of(evidence(1.0), changed, 0.05, joint=False)


@pytest.fixture(name="joint_report")
def _joint_report() -> Report:
    many = certificates()
    shared = [dataclasses.replace(c, delta=0.05 / len(many), shares={"sample": 0.05 / len(many)}) for c in many]
    return Report.of(evidence(), shared, 0.05, joint=True)


@pytest.fixture(name="bare_report")
def _bare_report() -> Report:
    """No held-out sample, no certificates."""
    e = evidence()
    return Report.of(dataclasses.replace(e, errors=Errors(n=10, errors=0, invalid=0)), [], 0.05, joint=False)
