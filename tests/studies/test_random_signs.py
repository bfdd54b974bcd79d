"""Fits of random signs: what counts as agreeing, scaled networks in their balls, files of finished draws."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.evidence.collect import collect
from boundcheck.networks.architectures import build
from boundcheck.runs.live import run_from_objects
from boundcheck.runs.run import Run
from boundcheck.runs.training import Settings, train_epochs
from boundcheck.studies import random_signs
from boundcheck.studies.capacity import SECTIONS, balls_of
from boundcheck.studies.draw_file import DrawFile
from boundcheck.studies.random_signs import Plan, study
from boundcheck.studies.sign_fits import BALLS, fresh, signs_and_targets

SETTINGS = Settings(optimizer="adam", lr=0.01, batch_size=20, epochs=40)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 40)


def live(network: nn.Module, x: np.ndarray = X, y: np.ndarray = Y) -> Run:
    return run_from_objects(network, (x, y), None, None, labels="true", classes=None, domain=None)


def trained(*, bias: bool = False, widths: tuple[int, ...] = (64,)) -> Run:
    network = build("mlp", (6,), 3, widths=widths, bias=bias)
    train_epochs(network, live(network).train, SETTINGS)
    return live(network)


RUN = trained()


def test_signs_are_fair_and_targets_obey_them() -> None:
    y = np.random.default_rng(1).integers(0, 4, 4000)
    signs, targets = signs_and_targets(y, 4, 3, 0)
    assert abs(signs.sum()) < 5 * np.sqrt(4000)  # five standard deviations
    assert np.array_equal(targets[signs < 0], y[signs < 0])
    assert (targets[signs > 0] != y[signs > 0]).all()
    shift = (targets - y)[signs > 0] % 4
    assert np.bincount(shift, minlength=4)[1:].min() > 500
    assert not np.array_equal(signs, signs_and_targets(y, 4, 3, 1)[0])
    assert np.array_equal(signs, signs_and_targets(y, 4, 3, 0)[0])


def test_a_fresh_network_is_drawn_anew_and_reproducibly() -> None:
    first, again, other = (fresh(RUN.network, seed) for seed in (1, 1, 2))
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in (first, again, other, RUN.network)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])


def test_counts_are_those_of_the_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fitted network is caught, and its correlation with the signs is computed again in the plainest way."""
    caught: list[nn.Module] = []

    def catching(network: nn.Module, *arguments: object, **named: object) -> object:
        caught.append(network)
        return train_epochs(network, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("boundcheck.studies.sign_fits.train_epochs", catching)
    found = study(RUN, Plan(2, 0.1, replace(SETTINGS, epochs=3)))
    for number, (draw, network) in enumerate(zip(found.draws, caught, strict=True)):
        signs, _ = signs_and_targets(Y, 3, 0, number)
        with torch.no_grad():
            wrong = network(torch.from_numpy(X)).argmax(dim=1).numpy() != Y
        correlation = float((signs * (wrong - 0.5)).mean())
        assert (2 * draw.program - 40) / 80 == pytest.approx(correlation, abs=1e-12)
        assert draw.exact == draw.program  # margins of this size are far above rounding
        for name, value in draw.balls.items():
            assert value <= _correlation_in_ball(network, signs, name) + 1e-6  # float32 outputs here, float64 bounds there


def _correlation_in_ball(network: nn.Module, signs: np.ndarray, name: str) -> float:
    """That of the network with its last layer scaled so that its norm, by the theorem's own measurement, is that of the ball."""
    evidence = collect(RUN, SECTIONS)
    ball = balls_of(evidence, 0.1)[0][name]
    theorem = CATALOGUE[name]
    scaled = fresh(network, 0)
    scaled.load_state_dict(network.state_dict())
    fitted = replace(RUN, network=scaled)
    norm = BALLS[name](theorem.measure(collect(fitted, SECTIONS)))
    with torch.no_grad():
        scaled[-1].weight *= np.exp(ball.log_norm - norm)  # type: ignore[index]
    now = BALLS[name](theorem.measure(collect(fitted, SECTIONS)))
    assert now == pytest.approx(ball.log_norm, abs=1e-5)
    with torch.no_grad():
        out = scaled(torch.from_numpy(X)).double().numpy()
    own = out[np.arange(40), Y].copy()
    out[np.arange(40), Y] = -np.inf
    ramp = np.clip(1.0 - (own - out.max(axis=1)) / ball.margin, 0.0, 1.0)
    return float((signs * (ramp - 0.5)).mean())


def test_a_wide_network_fits_signs_and_the_interval_closes() -> None:
    found = study(RUN, Plan(3, 0.05, replace(SETTINGS, epochs=300)))
    rows = {row.key: row for row in found.rows}
    assert set(rows) == {"program", "exact", *BALLS}
    for key in ("program", "exact"):
        assert rows[key].lower == pytest.approx(0.5 - np.sqrt(np.log(20.0) / 240.0), rel=1e-9)
        assert rows[key].gap is not None
    for row in found.rows:
        assert 0.0 <= row.lower <= row.upper <= 0.5
    for name in BALLS:
        assert rows[name].gap is None


def test_a_small_class_has_an_upper_bound_below_a_half() -> None:
    """One unit in two dimensions: patterns are few, so that counting says something, and no fit rises above it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, 2)).astype(np.float32), rng.integers(0, 2, 3000)
    network = build("linear", (2,), 2, bias=False)
    run = live(network, x, y)
    found = study(run, Plan(2, 0.05, Settings(optimizer="adam", lr=0.05, batch_size=300, epochs=5)))
    exact = next(row for row in found.rows if row.key == "exact")
    assert 0.0 <= exact.lower <= exact.upper < 0.1


def test_finished_draws_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, plan = str(tmp_path / "draws"), Plan(2, 0.05, replace(SETTINGS, epochs=2))
    whole = study(RUN, plan)
    one = study(RUN, replace(plan, draws=1), keep=path)
    calls = []
    real = random_signs.fit_draws
    monkeypatch.setattr(random_signs, "fit_draws", lambda *a, **k: calls.extend(k["numbers"]) or real(*a, **k))
    both = study(RUN, plan, keep=path)
    assert calls == [1]
    assert both.draws[0] == one.draws[0]
    plain = [replace(draw, seconds=0.0) for draw in both.draws]
    assert plain == [replace(draw, seconds=0.0) for draw in whole.draws]
    study(RUN, plan, keep=path)
    assert calls == [1]


@pytest.mark.parametrize("epochs", [3, 200])
def test_draws_fitted_together_are_those_fitted_one_by_one(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Sums in another order move float32 weights by some units, which few epochs of such a small network don't amplify."""
    plan = Plan(3, 0.05, Settings(lr=0.05, batch_size=20, epochs=epochs))
    sizes: list[int] = []
    real = random_signs.fit_draws
    monkeypatch.setattr(random_signs, "fit_draws", lambda *a, **k: sizes.append(len(k["numbers"])) or real(*a, **k))
    stacked = study(RUN, plan)
    monkeypatch.setattr(random_signs, "TOGETHER", 1)
    plain = study(RUN, plan)
    assert sizes == [3, 1, 1, 1]
    if epochs > 3:  # all fit, and agree with every sign whatever their weights
        assert [(draw.fitted, draw.program) for draw in stacked.draws] == [(True, 40)] * 3
        assert [(draw.fitted, draw.program) for draw in plain.draws] == [(True, 40)] * 3
        return
    for one, other in zip(stacked.draws, plain.draws, strict=True):
        assert (one.draw, one.epochs, one.fitted, one.program, one.exact) == (
            other.draw, other.epochs, other.fitted, other.program, other.exact,
        )  # fmt: skip
        assert one.balls == pytest.approx(other.balls, abs=1e-4)


def test_draws_of_another_plan_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "draws"
    plan = Plan(1, 0.05, replace(SETTINGS, epochs=2))
    study(RUN, plan, keep=str(path))
    before = path.read_bytes()
    with pytest.raises(InputError, match="the same plan"):
        study(RUN, replace(plan, settings=replace(plan.settings, lr=0.02)), keep=str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{}\n", "not json\n", '{"format": "boundcheck-draws/1"}\n{"draw": 0}\n'])
def test_files_of_something_else_are_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "draws"
    path.write_text(content)
    with pytest.raises(InputError, match="finished draws"):
        DrawFile(str(path), {"sha256": "a"}).read()
    assert path.read_text() == content


def test_rows_are_json() -> None:
    found = study(trained(bias=True, widths=(8, 8)), Plan(1, 0.05, replace(SETTINGS, epochs=1)))
    content = json.loads(json.dumps(found.content(), allow_nan=False))
    assert content["settings"] == asdict(replace(SETTINGS, epochs=1))
    assert {row["key"] for row in content["classes"]} == {"program", "exact", *BALLS}


def test_a_network_with_unknown_parts_has_its_programs_alone() -> None:
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    found = study(live(network), Plan(1, 0.05, replace(SETTINGS, epochs=2)))
    assert [row.key for row in found.rows] == ["program"]
    assert set(found.absent) == set(BALLS)
