"""The randomization tests: what a job trains on, what its row says, and how rows of several seeds become one line."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

from boundcheck.bounds import CATALOGUE
from boundcheck.data import corrupt, load_dataset, parse_labels
from boundcheck.errors import InputError
from boundcheck.runs.job import TrainingJob, prepare
from boundcheck.runs.training import Settings
from boundcheck.studies.engine import Row, run_jobs
from boundcheck.studies.randomization import KINDS, Interval, Kind, Training, choose_kinds, make_jobs, summarize
from boundcheck.studies.randomization.job import run_job, untrained

CHEAP = ("langford2005testset", "blumer1987bits", "golowich2018size", "vapnik1998growth")
SMALL = Training(
    model_kwargs={"widths": [12]}, n=80, settings=Settings(lr=0.1, batch_size=10, epochs=60), bounds=CHEAP, watch=100
)


def one(training: Training, inputs: str = "as-they-are", labels: str = "true", seed: int = 0) -> dict[str, Any]:
    (job,) = make_jobs(training, [Kind(inputs, labels)], [seed])
    return json.loads(json.dumps(job))


def test_kinds_are_each_there_once() -> None:
    kinds = choose_kinds(KINDS, (0, 0.25, 1))
    assert [kind.name for kind in kinds] == [
        "true labels", "corrupt:0.25 labels", "random labels", "shuffled pixels", "random pixels", "gaussian",
    ]  # fmt: skip
    assert [kind.labels for kind in choose_kinds(("corrupted",), (1, 0.5))] == ["corrupt:0.5", "random"]
    with pytest.raises(InputError, match=r"fractions in \[0, 1\]"):
        choose_kinds(KINDS, (0.5, 1.5))
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        choose_kinds(("gausian",), ())
    with pytest.raises(InputError, match="at least one kind"):
        choose_kinds(("corrupted",), ())


def test_true_and_random_labels_train_as_the_train_command_does() -> None:
    """The row of a job and the checkpoint of the same settings come from the same training."""
    for labels in ("true", "corrupt:0.5"):
        (row,) = run_job(one(SMALL, labels=labels, seed=3))
        prepared = prepare(TrainingJob("digits", "mlp", SMALL.model_kwargs, labels, 80, replace(SMALL.settings, seed=3)))
        history = prepared.run().history
        assert row["curve"]["errors"] == [record["errors"] for record in history]
        # The curve keeps six digits.
        assert np.allclose(row["curve"]["loss"], [record["loss"] for record in history], rtol=1e-5)
        assert row["epochs"] == len(history)
        assert row["steps"] == 8 * len(history)
        assert row["fitted"] == (history[-1]["errors"] == 0)


def test_what_a_row_says() -> None:
    (row,) = run_job(one(SMALL, labels="random"))
    assert row["kind"] == "random labels"
    assert set(row["certificates"]) == set(CHEAP)
    assert row["test"]["error"] == pytest.approx(0.9, abs=0.02)  # ties alone move it from 1 - 1/k
    assert row["test"]["n"] == 500
    assert row["vacuous"] == row["applicable"] == len(CHEAP)
    assert row["best"]["name"] != "langford2005testset"
    watched = row["curve"]["clean_test_error"]
    assert row["best_on_the_way"] == {
        "epoch": 1 + watched.index(min(watched)), "clean_error": min(watched), "watched": 100,
    }  # fmt: skip
    (bare,) = run_job(one(replace(SMALL, bounds=())))
    assert "certificates" not in bare
    assert bare["fitted"]
    assert bare["test"]["error"] == bare["test"]["clean_error"] < 0.4


def test_the_best_bound_pays_for_having_been_chosen() -> None:
    (row,) = run_job(one(replace(SMALL, bounds=("langford2005testset", "golowich2018size", "vapnik1998growth"))))
    alone = [c["value"] for c in row["certificates"].values() if c["family"] != "test-set" and c.get("value") is not None]
    assert row["best"]["value"] > min(alone)


def test_inputs_lose_their_meaning_and_labels_stay() -> None:
    dataset = load_dataset("digits")
    runs = {kind: untrained(one(SMALL, inputs=kind), "true", SMALL.settings) for kind in ("as-they-are", *KINDS[3:])}
    plain = runs["as-they-are"]
    for kind, run in runs.items():
        assert np.array_equal(run.train.y, plain.train.y)
        assert run.test is not None
        assert np.array_equal(run.test.y, dataset.labels("test"))
        assert np.array_equal(run.train.x, plain.train.x) == (kind == "as-they-are")
        assert (run.low, run.high) == ((None, None) if kind == "gaussian" else (0.0, 1.0))
    for kind in ("shuffled-pixels", "random-pixels"):
        assert np.array_equal(np.sort(runs[kind].train.x.reshape(80, -1)), np.sort(plain.train.x.reshape(80, -1)))
    reference, network = plain.reference, plain.network
    assert reference is not None
    assert all(torch.equal(a, b) for a, b in zip(reference.parameters(), network.parameters(), strict=True))


def test_gaussian_inputs_have_no_radius_and_standardized_ones_have() -> None:
    asked = replace(SMALL, bounds=("long2020counting",), settings=replace(SMALL.settings, epochs=2))
    (noise,), (images,) = (run_job(one(asked, inputs=kind)) for kind in ("gaussian", "random-pixels"))
    assert noise["certificates"]["long2020counting"]["status"] == "not-applicable"
    assert images["certificates"]["long2020counting"]["status"] == "vacuous"
    run = untrained(one(replace(SMALL, standardize=True), inputs="gaussian"), "true", SMALL.settings)
    assert run.radius == pytest.approx(8.0, rel=1e-6)
    assert np.linalg.norm(run.train.x.reshape(80, -1).astype(np.float64), axis=1).max() <= run.radius


def test_labels_are_those_of_the_law_whatever_n() -> None:
    dataset = load_dataset("digits")
    job = one(replace(SMALL, n=None), labels="corrupt:0.3", seed=5)
    run = untrained(job, "corrupt:0.3", replace(SMALL.settings, seed=5))
    assert np.array_equal(run.train.y, corrupt(dataset.labels("train"), 10, parse_labels("corrupt:0.3"), 5))


def test_regularizers_switch_what_they_say() -> None:
    images = replace(SMALL, regularize=("augment", "dropout", "weight-decay"))
    job = one(images)
    assert job["settings"]["weight_decay"] == 5e-4
    assert job["settings"]["augment"] == 2
    assert job["model_kwargs"] == {"widths": [12], "dropout": 0.2}
    assert one(SMALL)["settings"]["weight_decay"] == 0.0
    (row,) = run_job(job)
    (plain,) = run_job(one(SMALL))
    assert row["curve"] != plain["curve"]
    with pytest.raises(InputError, match="did you mean 'dropout'"):
        make_jobs(replace(SMALL, regularize=("dropuot",)), [Kind("as-they-are", "true")], [0])


def test_what_can_not_be_used_is_refused_before_any_work() -> None:
    true = [Kind("as-they-are", "true")]
    for broken, says in (
        (replace(SMALL, n=5000), "--n between"),
        (replace(SMALL, model="mpl"), "did you mean 'mlp'"),
        (replace(SMALL, crop=9), "at least 9 by 9"),
        (replace(SMALL, delta=0.0), "delta"),
        (replace(SMALL, model="linear", regularize=("dropout",)), "settings of linear"),
        (replace(SMALL, data="digit"), "did you mean 'digits'"),
        (replace(SMALL, data="synthetic:gaussians", regularize=("augment",)), "images, for augmentation"),
    ):
        with pytest.raises(InputError, match=says):
            make_jobs(broken, true, [0])


def test_other_data_than_that_of_the_plan_is_refused() -> None:
    with pytest.raises(InputError, match="the data of the plan"):
        run_job(one(SMALL) | {"data_sha256": "0" * 64})


def test_labels_of_one_seed_are_trained_together_and_give_the_rows_that_they_give_alone() -> None:
    """Few epochs, so that the rounding of sums in another order has not grown: errors are the same counts."""
    short = replace(SMALL, settings=replace(SMALL.settings, epochs=5))
    kinds = choose_kinds(("corrupted", "gaussian"), (0, 0.5, 1))
    jobs = make_jobs(short, kinds, [4])
    assert [job["labels"] for job in jobs] == [["true", "corrupt:0.5", "random"], ["true"]]
    together = [row for job in jobs for row in run_job(job)]
    alone = [run_job(jobs[0] | {"inputs": kind.inputs, "labels": [kind.labels]})[0] for kind in kinds]
    assert [row["kind"] for row in together] == [kind.name for kind in kinds]
    for one_of_many, single in zip(together, alone, strict=True):
        assert one_of_many["curve"]["errors"] == single["curve"]["errors"]
        assert one_of_many["curve"]["loss"] == pytest.approx(single["curve"]["loss"], rel=1e-4)  # float32
        assert (one_of_many["train"], one_of_many["test"]) == (single["train"], single["test"])
    wide = make_jobs(replace(short, model_kwargs={"widths": [512]}), kinds, [4])
    assert [job["labels"] for job in wide] == [["true"], ["corrupt:0.5"], ["random"], ["true"]]


def test_rows_are_the_same_in_another_process(tmp_path: Path) -> None:
    jobs = make_jobs(replace(SMALL, settings=replace(SMALL.settings, epochs=4)), choose_kinds(("true", "gaussian"), ()), [0])
    here, there = (run_jobs(run_job, jobs, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert [row.result for row in here] == [row.result for row in there]


def made_up(kind: str, seed: int, steps: int, test: float, *, fitted: bool = True, best: str = "a") -> Row:
    result = {
        "kind": kind,
        "fitted": fitted,
        "steps": steps,
        "train": {"error": 0.0 if fitted else 0.25},
        "test": {"error": test, "interval": [test - 0.01, test + 0.02], "clean_error": test / 2},
        "best": {"name": best, "value": test + 0.3},
        "applicable": 40,
        "vacuous": 30 + seed,
    }
    return Row(f"{kind}{seed}", 0, 1, {"settings": {"seed": seed}}, result, None, {})


def test_lines_over_seeds() -> None:
    rows = [
        made_up("true labels", 0, 100, 0.1),
        made_up("true labels", 1, 200, 0.2),
        made_up("random labels", 0, 300, 0.9, best="b"),
        made_up("random labels", 1, 999, 0.8, fitted=False, best="b"),
        made_up("gaussian", 0, 50, 0.9),
        replace(made_up("gaussian", 1, 50, 0.9), result=None, failed="diverged"),
    ]
    true, random, gaussian = summarize(rows)
    assert (true.kind, true.seeds, true.fitted) == ("true labels", 2, 2)
    assert true.ratio == Interval(1.0, 1.0, 1.0)
    assert true.test_error is not None
    half = scipy.stats.t.interval(0.95, 1, loc=0.15, scale=scipy.stats.sem([0.1, 0.2]))
    assert true.test_interval == pytest.approx(half)
    assert (random.fitted, random.ratio) == (1, Interval(3.0, 3.0, 3.0))  # of the seed that fitted, against its own true labels
    assert random.train_error.mean == 0.125
    assert random.best == ("b", pytest.approx(1.15))
    assert (random.vacuous, random.applicable) == (30.5, 40.0)
    assert (gaussian.seeds, gaussian.test_interval) == (1, (0.89, 0.92))
    assert summarize([]) == []


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Student's interval of three normal numbers: 4,000 trials within five deviations of 95 %."""
    rng = np.random.default_rng(0)
    found = [Interval.of(list(rng.normal(size=3))) for _ in range(4000)]
    covered = np.mean([i is not None and i.low <= 0.0 <= i.high for i in found])
    assert abs(covered - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 4000)
    assert Interval.of([]) is None


def test_every_theorem_is_asked_by_default() -> None:
    assert Training().bounds == tuple(CATALOGUE)
    assert asdict(Training())["effort"] == "quick"
