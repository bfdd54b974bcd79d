"""Measures in every view of a report: shown apart from the bounds, absent ones with their reason on the page and in JSON."""

from __future__ import annotations

import dataclasses
import html
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.bounds import CATALOGUE
from boundcheck.evaluation import ask
from boundcheck.evidence.example import example_evidence
from boundcheck.measures import MEASURES, measured
from boundcheck.report import Report


@pytest.fixture(name="report", scope="module")
def _report() -> Report:
    return ask(example_evidence())


def test_asking_all_theorems_takes_the_measures_along(report: Report) -> None:
    found = measured(example_evidence())
    assert report.measures == found.values
    assert report.unmeasured == found.absent
    assert {name for name, _ in report.measures + report.unmeasured} == set(MEASURES)
    assert not {name for name, _ in report.measures} & {c.name for c in report}


def test_who_names_bounds_gets_those_alone() -> None:
    few = ask(example_evidence(), bounds=["langford2005testset"])
    assert (few.measures, few.unmeasured) == ((), ())
    assert len(ask(example_evidence(), bounds=tuple(CATALOGUE)).measures) == len(measured(example_evidence()).values)


def test_json_round_trip(report: Report) -> None:
    text = report.to_json()
    entries = {entry["name"]: entry for entry in json.loads(text)["measures"]}
    assert set(entries) == set(MEASURES)
    for name, value in report.measures:
        assert entries[name] == {"name": name, "value": value}
    for name, why in report.unmeasured:
        assert entries[name] == {"name": name, "value": None, "why": why}
    back = Report.from_json(text)
    assert (back.measures, back.unmeasured) == (report.measures, report.unmeasured)


def test_the_page_has_all_of_them_and_the_terminal_those_with_a_value(report: Report) -> None:
    page = html.unescape(dataclasses.replace(report, certificates=()).to_html())  # without certificates no formula is drawn
    terminal = str(report)
    assert "none of them is a bound" in page
    for name, _ in report.measures:
        assert name in page
        assert name in terminal
    for name, why in report.unmeasured:
        assert f"(absent: {why})" in page
        assert f" {name} " not in terminal
    assert "measure, no bound" in terminal


def test_a_measure_of_another_version_is_shown_without_words(report: Report) -> None:
    page = dataclasses.replace(report, certificates=(), measures=(("phrenology", 1.25),), unmeasured=()).to_html()
    assert "phrenology" in page
    assert "1.25" in page


def test_the_frame(report: Report) -> None:
    frame = report.measures_to_frame()
    assert list(frame.columns) == ["name", "value", "why"]
    assert list(frame["name"]) == [name for name, _ in report.measures + report.unmeasured]
    assert frame["value"].isna().sum() == len(report.unmeasured)
    assert frame.set_index("name")["value"]["parameters"] == 35.0


def test_a_live_network_with_initial_weights_has_all_but_those_of_kernels() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 8)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    initial = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    with torch.no_grad():  # the first coordinate decides, with a margin on nearly all rows
        net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        for p in net.parameters():
            p.mul_(0.01)
        net[0].weight[0, 0], net[0].weight[1, 0] = 1.0, -1.0
        net[2].weight[1, 0], net[2].weight[0, 1] = 2.0, 2.0
    report = boundcheck.evaluate(net, train=(x, y), test=(x[:50] + 1e-3, y[:50]), reference=initial)
    assert [name for name, _ in report.unmeasured] == ["kernel_norm"]
    assert all(math.isfinite(value) for _, value in report.measures)
