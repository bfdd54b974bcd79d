"""The table of certificates comes from its rows, and the rows' numbers from each other, by formulas that share no code."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp
from scipy.stats import beta

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "experiments" / "certificates"
ROWS = [json.loads(line) for line in (FOLDER / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
CONFIG = tomllib.loads((FOLDER / "config.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def part() -> ModuleType:
    path = ROOT / "docs" / "certificates_part.py"
    spec = importlib.util.spec_from_file_location("certificates_part", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def kl_inverse(q: float, c: float) -> float:
    """The root of kl(q, p) = c above q, by bracketing."""

    def kl(p: float) -> float:
        return (q * math.log(q / p) if q else 0.0) + (1.0 - q) * math.log((1.0 - q) / (1.0 - p)) - c

    return float(brentq(kl, q, 1.0 - 1e-15, xtol=1e-15)) if q < 1.0 else 1.0


def log_xi(n: int) -> float:
    """ln sum_k C(n, k) (k/n)^k (1 - k/n)^(n - k)."""
    terms = [
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * math.log(k / n) + (n - k) * math.log1p(-k / n)
        for k in range(1, n)
    ]
    return float(logsumexp([0.0, 0.0, *terms]))


def test_the_page_has_the_table_that_its_rows_make(part: ModuleType) -> None:
    for path, text in part.certificates_pages(ROOT).items():
        assert part.OPEN in text
        assert path.read_text(encoding="utf-8") == text, "run 'python docs/generate.py' and commit what it writes"


def test_a_changed_row_changes_the_table_and_a_missing_one_is_said(part: ModuleType) -> None:
    name = next(row["setting"] for row in ROWS)
    own = [row for row in ROWS if row["setting"] == name]
    before = part.table({name: CONFIG[name]}, own)
    worse = json.loads(json.dumps(own))
    for row in worse:
        for certificate in row["certificates"]:
            certificate["value"] = 0.987
    assert part.table({name: CONFIG[name]}, worse) != before
    assert "0.987" in part.table({name: CONFIG[name]}, worse)
    assert "not run" in part.table({name: CONFIG[name]}, [])


def test_every_row_is_of_a_setting_as_it_stands_and_of_a_seed_of_its_own() -> None:
    assert len({(row["setting"], row["seed"]) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        asked = {k: v for k, v in CONFIG[row["setting"]].items() if k not in ("says", "published", "reach")}
        assert row["job"] == asked, f"{row['setting']} was changed after seed {row['seed']} ran"
        assert row["delta"] == CONFIG["delta"]


def certificate(row: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((c for c in row["certificates"] if c["name"] == name), None)


STOCHASTIC = [row for row in ROWS if certificate(row, "maurer2004kl")]


@pytest.mark.parametrize("row", STOCHASTIC, ids=lambda row: f"{row['setting']}-{row['seed']}")
def test_a_stochastic_certificate_is_the_inverse_of_its_risk_and_divergence(row: dict[str, Any]) -> None:
    found = certificate(row, "maurer2004kl")
    assert found is not None
    n, drawn, delta = row["posterior"]["certified"] or row["train"]["n"], row["posterior"], row["delta"]
    risk = kl_inverse(drawn["risk"], math.log(row["configurations"] / (0.2 * delta)) / drawn["draws"])
    nats = found["choices"]["KL"] + log_xi(n) + math.log(1.0 / (0.8 * delta))  # the KL has the configurations' price in it
    assert found["choices"]["KL"] > math.log(row["configurations"])
    assert found["value"] == pytest.approx(kl_inverse(risk, nats / n), rel=1e-9)


HELD_OUT = [row for row in ROWS if row["posterior"] and certificate(row, "langford2005holdout")]


@pytest.mark.parametrize("row", HELD_OUT, ids=lambda row: f"{row['setting']}-{row['seed']}")
def test_a_hold_out_line_is_the_exact_binomial_bound(row: dict[str, Any]) -> None:
    found = certificate(row, "langford2005holdout")
    assert found is not None
    n = row["posterior"]["certified"]
    errors = round(found["terms"]["error on the rest"] * n)
    exact = float(beta.ppf(1.0 - row["delta"] / row["configurations"], errors + 1, n - errors))
    assert found["value"] == pytest.approx(exact, rel=1e-9)


def test_certificates_of_random_labels_say_nothing() -> None:
    random = [row for row in ROWS if row["job"].get("labels") == "random"]
    for row in random:
        for found in row["certificates"]:
            assert found["value"] is None or found["value"] >= CONFIG[row["setting"]]["least"]
