"""``construct``: what it builds, what it checks, and a checkpoint that ``evaluate`` reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boundcheck.constructions.exact import margins_below
from boundcheck.networks.margin import program_margins
from boundcheck.runs.checkpoint import read_checkpoint
from boundcheck.runs.loading import load_run

Run = Callable[..., Any]


def report(boundcheck: Run, *words: object, code: int = 0) -> dict[str, Any]:
    answer = boundcheck("construct", *words, "--json", "-")
    assert answer.code == code, answer
    found: dict[str, Any] = json.loads(answer.out)
    assert found["format"] == "boundcheck-construct/1"
    return found


@pytest.mark.parametrize("inputs", ["gaussian", "bytes"])
def test_drawn_points_are_fitted_and_the_weights_counted(inputs: str, boundcheck: Run) -> None:
    found = report(boundcheck, "--n", 500, "--d", 7, "--inputs", inputs, "--verify", "exact")
    parameters = found["weights"]["parameters"]
    assert parameters["direction"] + parameters["biases"] + parameters["weights"] == 2 * 500 + 7
    assert found["weights"]["total"] == 2 * 500 + 7 + 2 * 10
    assert found["run"]["wrong"] == found["verify"]["wrong"] == 0
    assert found["verify"]["n"] == 500
    assert found["verify"]["margin_is_one"] is (inputs == "bytes")


def test_floats_are_told_what_they_lose(boundcheck: Run) -> None:
    found = report(boundcheck, "--n", 5000, "--d", 30, "--verify", "float")["verify"]
    double, single = found["dense"]
    assert (double["format"], single["format"]) == ("float64", "float32")
    assert double["wrong"] == 0
    assert single["wrong"] > single["rows"] / 4
    assert 0.0 < found["smallest_eigenvalue"] <= found["smallest_gap"]


def test_the_same_seed_gives_the_same_network(boundcheck: Run) -> None:
    first, again, other = (report(boundcheck, "--n", 50, "--seed", seed) for seed in (3, 3, 4))
    for found in (first, again, other):
        del found["seconds"]
    assert first == again
    assert first["direction"] != other["direction"]


def test_words_for_people(boundcheck: Run) -> None:
    said = boundcheck("construct", "--n", 100, "--d", 5, "--inputs", "bytes", "--verify", "exact").out
    assert "205 weights = 2n + d for n = 100 in dimension d = 5" in said
    assert "all 100 labels right; f(x) = y at every point, without any error; smallest margin exactly 1" in said


def test_a_checkpoint_is_read_by_evaluate(boundcheck: Run, desk: Path) -> None:
    found = report(boundcheck, "--data", "digits", "--out", "memory.pt", "--verify", "exact")
    assert found["verify"]["wrong"] == 0
    assert found["run"]["test"]["n"] == 500
    run = load_run("memory.pt")
    assert run.parameters == 2 * 1297 + 64 + 20 == found["weights"]["total"]
    answer = boundcheck("evaluate", "--checkpoint", "memory.pt", "--bounds", "langford2005testset,blumer1987bits", "--json", "-")
    assert answer.code == 0, answer
    evaluated = json.loads(answer.out)
    assert evaluated["train"]["errors"] == 0
    assert evaluated["run"]["labels"] == "random"
    assert evaluated["test"]["error"] == pytest.approx(0.9)  # against uniform labels, whatever is predicted
    assert evaluated["test"]["clean_error"] == pytest.approx(found["run"]["test"]["error"])
    bits = next(c for c in evaluated["certificates"] if c["name"] == "blumer1987bits")
    assert bits["status"] == "vacuous"  # 64 bits for each of two weights an example


def test_bounds_that_count_read_its_exact_margins(boundcheck: Run, desk: Path) -> None:
    report(boundcheck, "--data", "digits", "--out", "memory.pt")
    answer = boundcheck("evaluate", "--checkpoint", "memory.pt", "--bounds", "blum2003hypergeometric", "--json", "-")
    (certificate,) = json.loads(answer.out)["certificates"]
    assert certificate["status"] == "vacuous"  # more parameters than examples
    run = load_run("memory.pt")
    network: Any = run.network
    hidden, output = network.growth_layers()
    assert (hidden.tests, hidden.degree, hidden.parameters) == (1297, 1, 1297 + 64)
    assert (output.tests, output.degree, output.parameters) == (9, 3, run.parameters)
    margins = margins_below(network, run.train.x, run.train.y)
    assert (margins == 1.0).all()
    floats = program_margins(network, run.test.x, run.test.y) if run.test is not None else None
    assert floats is not None
    exact = margins_below(network, run.test.x, run.test.y)
    np.testing.assert_allclose(exact, floats.values, rtol=1e-9, atol=1e-9)


def test_evaluate_says_why_norms_are_out_of_reach(boundcheck: Run, desk: Path) -> None:
    report(boundcheck, "--data", "digits", "--n", 50, "--out", "memory.pt")
    answer = boundcheck("evaluate", "--checkpoint", "memory.pt", "--bounds", "bartlett2017spectral", "--json", "-")
    (certificate,) = json.loads(answer.out)["certificates"]
    assert certificate["status"] == "not-applicable"
    assert "share one direction" in certificate["why"]


def test_equal_points_with_different_labels(boundcheck: Run, refused: Run, desk: Path) -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    np.savez(desk / "twins.npz", x_train=x, y_train=np.array([0, 1, 1]), x_test=x, y_test=np.array([0, 1, 0]))
    line = refused("construct", "--data", "twins.npz", "--labels", "true", "--out", "memory.pt")
    assert "labels 0 and 1 in rows 0 and 2" in line
    found = report(boundcheck, "--data", "twins.npz", "--labels", "true", "--conflicts", "first", "--verify", "exact", code=1)
    assert found["conflicts"] == [2]
    assert found["verify"]["wrong"] == found["run"]["wrong"] == 1
    assert report(boundcheck, "--data", "twins.npz", "--labels", "true", "--conflicts", "first", code=1)["merged"] == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--verify", "exakt"], "did you mean 'exact'"),
        (["--n", 0], "--n of at least 1"),
        (["--n", 10**12, "--d", 10], "free memory"),
        (["--d", 0], "--d of at least 1"),
        (["--classes", 1], "--classes of at least 2"),
        (["--inputs", "byte"], "did you mean 'bytes'"),
        (["--knots", "x"], "knots"),
        (["--candidates", 0], "--candidates"),
        (["--out", "run2.pt"], "--data with --out"),
        (["--data", "digits", "--d", 3], "--data without --d"),
        (["--data", "digits", "--n", 5000], "--n between 1 and 1297"),
        (["--data", "nothing"], "a data set"),
        (["--knots", "between", "--n", 5000, "--d", 30], "53 bits"),
    ],
)
def test_refused(words: list[object], expected: str, refused: Run) -> None:
    assert expected in refused("construct", *words)


def test_the_network_of_a_checkpoint_starts_from_zero(boundcheck: Run, desk: Path) -> None:
    report(boundcheck, "--data", "digits", "--n", 30, "--out", "memory.pt")
    checkpoint = read_checkpoint("memory.pt")
    assert checkpoint.model["name"] == "memorizer"
    assert all(not bool(value.any()) for value in checkpoint.initial_state.values())
    assert checkpoint.history[0]["errors"] == 0
    assert all(value.dtype == torch.float64 for value in checkpoint.state.values())


def test_both_ends_of_the_vc_dimension_in_one_line(boundcheck: Run) -> None:
    answer = boundcheck("construct", "--shatter", "--n", 5, "--d", 2)
    assert answer.code == 0
    assert answer.out.count("\n") == 1
    assert answer.out.startswith("5 <= VC dimension <= ")
    assert "32 of 32 labellings" in answer.out
    found = report(boundcheck, "--shatter", "--n", 5, "--d", 2)["shatter"]
    assert found["realized"] == 32
    assert found["upper"] >= 5


def test_the_proof_is_latex(boundcheck: Run) -> None:
    answer = boundcheck("construct", "--proof", "--n", 3)
    assert answer.code == 0
    assert r"\det A = (z_{1}-b_{1})(z_{2}-b_{2})(z_{3}-b_{3}) = h_{1} h_{2} h_{3} > 0" in answer.out
    assert report(boundcheck, "--proof", "--n", 3)["proof"]["latex"] == answer.out


def test_networks_compared_in_a_table(boundcheck: Run) -> None:
    answer = boundcheck("construct", "--n", 60, "--d", 5, "--compare")
    assert "depth 17" in answer.out
    assert "4 sqrt(n) units" in answer.out
    shapes = report(boundcheck, "--n", 60, "--d", 5, "--compare")["shapes"]
    assert all(shape["exact_error"] < 0.5 for shape in shapes)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--shatter", "--proof"], "--shatter alone"),
        (["--proof", "--verify", "exact"], "--proof alone"),
        (["--proof", "--n", 20], "from 1 to 8"),
        (["--shatter", "--n", 20], "at most 16 points"),
        (["--compare", "--n", 5000], "at most 4096 points"),
    ],
)
def test_refused_answers(words: list[object], expected: str, refused: Run) -> None:
    assert expected in refused("construct", *words)
