"""Norms of the layers in every view of a report, from above and from below."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import boundcheck
from boundcheck.errors import InputError
from boundcheck.evaluation import ask
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.report import Report


@pytest.fixture(name="pair", scope="module")
def _pair() -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(3)

    def make() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(12, 2))

    return make(), make()


@pytest.fixture(name="report", scope="module")
def _report(pair: tuple[nn.Sequential, nn.Sequential]) -> Report:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 1, 6, 6)).astype(np.float32), np.arange(40) % 2
    return boundcheck.evaluate(pair[0], train=(x, y), reference=pair[1], bounds=["bartlett2017covering"])


def unrolled(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of the linear part, column by column from unit vectors."""
    units = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    layer = layer.double()
    with torch.no_grad():
        return (layer(units) - layer(torch.zeros_like(units))).flatten(1).T.numpy()


def cells(page: str) -> dict[str, list[str]]:
    table = html.unescape(page).split("Norms of the layers</h2>")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    return {re.sub("<.*?>", "", row[0]): row[1:] for row in rows}


def test_both_ends_hold_the_singular_values_of_the_unrolled_maps(
    report: Report, pair: tuple[nn.Sequential, nn.Sequential]
) -> None:
    """On the page as well, where few digits are left."""
    shown = cells(report.to_html())
    assert list(report.layers) == list(shown) == ["0", "4"]
    for name, shape in (("0", (1, 6, 6)), ("4", (12,))):
        now, start = (unrolled(net[int(name)], shape) for net in pair)
        spectral, norms = float(np.linalg.svd(now, compute_uv=False)[0]), report.layers[name]
        kind, size, weights, ends, frobenius, distance, _, behind = shown[name]
        low, high = map(float, ends.split(" … "))
        assert low <= norms.spectral_lower <= spectral * (1 + 1e-12)  # the SVD's own rounding
        assert spectral * (1 - 1e-12) <= norms.spectral <= high <= 1.1 * low
        assert float(frobenius) >= norms.frobenius >= np.linalg.norm(now) * (1 - 1e-12)
        assert float(distance) >= norms.difference_spectral >= np.linalg.norm(now - start, 2) * (1 - 1e-12)
        assert size == f"{now.shape[1]} → {now.shape[0]}"
        assert (kind, weights) == {"0": ("conv", "27"), "4": ("dense", "24")}[name]
        assert behind == {"0": "2.000", "4": "1.000"}[name]  # windows of 3 in steps of 2: a pixel is in at most four of them


def test_json_has_a_record_for_each_layer_and_reads_it_back(report: Report) -> None:
    text = report.to_json()
    records = json.loads(text)["layers"]
    assert [record["name"] for record in records] == ["0", "4"]
    assert set(records[0]) == {"name", *(f.name for f in dataclasses.fields(LayerNorms))}
    assert (records[0]["spectral_lower"], records[0]["spectral"]) == (
        report.layers["0"].spectral_lower,
        report.layers["0"].spectral,
    )
    again = Report.from_json(text)
    assert again.layers == report.layers
    assert again.to_json() == text


def test_a_norm_that_no_float_holds_is_null_and_comes_back_as_infinity(report: Report) -> None:
    loose = {"0": dataclasses.replace(report.layers["0"], entry_l1=math.inf)}
    text = dataclasses.replace(report, layers=loose).to_json()
    assert json.loads(text)["layers"][0]["entry_l1"] is None
    assert Report.from_json(text).layers == loose


def test_a_report_without_norms_has_none_to_show(report: Report) -> None:
    bare = Report.of(dataclasses.replace(example_evidence(), layers=None), [], 0.05, joint=False)
    assert bare.layers == {}
    assert "Norms of the layers" not in bare.to_html()
    document = json.loads(report.to_json())
    del document["layers"]  # as an earlier version wrote it
    assert Report.from_json(json.dumps(document)).layers == {}
    document["layers"] = [{"name": "0", "kind": "conv"}]
    with pytest.raises(InputError, match="fields of boundcheck-report/1"):
        Report.from_json(json.dumps(document))


def test_the_frame_has_a_row_for_each_layer_and_the_terminal_none() -> None:
    report = ask(example_evidence(), bounds=["langford2005testset"])
    frame = report.layers_to_frame().set_index("name")
    assert list(frame.index) == ["first", "last"]
    assert (frame["spectral_lower"] <= frame["spectral"]).all()
    assert "operator norm" not in str(report)
    assert str(report) == str(dataclasses.replace(report, layers={}))
