"""Sweeps: what a plan stands for, the same rows whatever the workers, rows that rank, and plans that can't be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from boundcheck.cli.main import main
from boundcheck.errors import InputError
from boundcheck.ranking.rows import from_results
from boundcheck.runs.training import Settings
from boundcheck.studies.engine import read_rows
from boundcheck.studies.randomization.job import untrained
from boundcheck.studies.sweep import make_jobs, read_design, run_job
from boundcheck.studies.sweep.design import design_of
from boundcheck.studies.sweep.plan import COSTLY


def content(**changes: object) -> dict[str, object]:
    return {"vary": {"width": [4, 8], "depth": [1, 2, 3]}, **changes}


def test_a_grid_has_every_combination_once(plan: Path) -> None:
    design = read_design(plan)
    points = [tuple(point.items()) for point in design.points()]
    assert len(set(points)) == len(points) == design.combinations == 4
    assert design.total == 8


def test_a_random_design_draws_without_repetition_and_by_its_seed() -> None:
    drawn = [design_of(content(design="random", networks=4, seed=seed), "plan") for seed in (0, 0, 1, 2)]
    points = [[tuple(point.items()) for point in design.points()] for design in drawn]
    assert points[0] == points[1]
    assert len({tuple(p) for p in points}) > 1
    assert all(len(set(p)) == 4 for p in points)


def test_width_and_depth_in_the_words_of_each_architecture() -> None:
    shapes = {}
    for model in ("mlp", "conv", "residual"):
        design = design_of({"fixed": {"model": model, "width": 6}, "vary": {"depth": [1, 2]}}, "plan")
        shapes[model] = make_jobs(design)[-1]["model_kwargs"]
    assert shapes == {"mlp": {"widths": [6, 6]}, "conv": {"channels": [6, 12]}, "residual": {"channels": [6, 12]}}


def test_cheap_measures_draw_no_networks_and_bounds_do_not_see_the_held_out_error() -> None:
    from boundcheck.bounds import CATALOGUE
    from boundcheck.measures import MEASURES

    job = make_jobs(design_of(content(), "plan"))[0]
    assert not any(COSTLY & set(MEASURES[name].reads) for name in job["measures"])
    assert not any(COSTLY & set(CATALOGUE[name].reads) or CATALOGUE[name].family == "test-set" for name in job["bounds"])
    assert len(job["measures"]) > 20


def test_rows_depend_on_the_job_alone_and_can_be_ranked(plan: Path) -> None:
    """Samples are kept from job to job; rows must not tell which jobs came before."""
    jobs = make_jobs(read_design(plan))
    rows = [run_job(job) for job in jobs]
    again = [run_job(job) for job in reversed(jobs)][::-1]
    assert rows == again
    results = [result for (result,) in rows]
    assert {(r["settings"]["width"], r["settings"]["lr"], r["settings"]["seed"]) for r in results} == {
        (width, lr, seed) for width in (4, 8) for lr in (0.02, 0.1) for seed in (0, 1)
    }
    assert {result["fitted"] for result in results} == {True, False}
    assert all(result["fitted"] == (result["level"] <= 0.3) for result in results)
    networks = from_results([result | {"fitted": True} for result in results])
    assert set(networks.settings) == {"width", "lr"}
    assert "bound:bartlett2017spectral" in networks.measures


@pytest.mark.slow
def test_rows_do_not_depend_on_the_workers(plan: Path, tmp_path: Path) -> None:
    text = plan.read_text().replace("seeds = 2", "seeds = 1").replace("epochs = 30", "epochs = 2")
    plan.write_text(text.replace("[0.02, 0.1]", "[0.1]"))
    for workers in (1, 2):
        assert main(["sweep", str(plan), "--out", str(tmp_path / str(workers)), "--workers", str(workers)]) == 0
    one, two = ([row.result for row in read_rows(tmp_path / str(workers))] for workers in (1, 2))
    assert one == two


def test_networks_on_the_same_samples_follow_each_other(plan: Path) -> None:
    seeds = [job["settings"]["seed"] for job in make_jobs(read_design(plan))]
    assert seeds == [0] * 4 + [1] * 4


def test_what_was_computed_on_samples_is_kept_for_the_next_network(plan: Path) -> None:
    first, second, other = (untrained(job, "true", Settings(**job["settings"])) for job in make_jobs(read_design(plan))[2:5])
    assert first.train is second.train
    assert first.test is second.test
    assert other.train is not first.train


def test_a_dry_run_says_what_it_costs_and_writes_no_rows(plan: Path, tmp_path: Path) -> None:
    report = tmp_path / "dry.json"
    assert main(["sweep", str(plan), "--out", str(tmp_path / "rows"), "--dry-run", "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    assert found["networks"] == 8
    assert found["most_seconds"] > 0
    assert found["memory"] > 2**20
    assert not (tmp_path / "rows").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"varry": {}}, "did you mean 'vary'"),
        ({"vary": {"witdh": [1, 2]}}, "did you mean 'width'"),
        ({"vary": {"width": []}}, "a list of values of width"),
        ({"vary": {"width": [4]}}, "with two values"),
        ({"vary": {}}, "with two values"),
        ({"vary": {"width": [4, 4]}}, "different values"),
        ({"fixed": {"width": 4}}, "in both"),
        ({"fixed": 3}, r"a table \[fixed\]"),
        ({"design": "gird"}, "did you mean 'grid'"),
        ({"design": "random"}, "networks = N"),
        ({"networks": 3}, "networks = N"),
        ({"design": "random", "networks": 7}, "7 of 6 combinations"),
        ({"seeds": 0}, "usable seeds"),
        ({"delta": 1.0}, "usable delta"),
        ({"bounds": "some"}, "usable bounds"),
        ({"fixed": {"n": 5000}}, "n from 1 to"),
        ({"fixed": {"labels": "wrong"}}, "'wrong'"),
        ({"fixed": {"lr": -1.0}}, "usable --lr"),
        ({"fixed": {"data": "mnits"}}, "mnist"),
        ({"fixed": {"model": "linear"}}, "width and depth of"),
        ({"bounds": ["bartlett2017spectrum"]}, "did you mean 'bartlett2017spectral'"),
        ({"stop": "never"}, "never"),
    ],
)
def test_plans_that_can_not_be_used_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_jobs(design_of(content(**change), "plan"))


@pytest.mark.parametrize("text", ["vary = [", "\xff"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(text.encode("latin-1"))
    assert main(["sweep", str(path), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
