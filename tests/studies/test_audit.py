"""The audit: its truths are true, its adversaries are the worst, correct theorems pass and broken ones do not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.blumer1987bits import Blumer1987Bits
from boundcheck.bounds.langford2005testset import Langford2005TestSet
from boundcheck.cli.main import main
from boundcheck.evidence.record import Evidence
from boundcheck.studies.audit import TOGETHER, Audit, Plan, Tally
from boundcheck.studies.finite import WorstOfGrid
from boundcheck.studies.ridge import Ridge
from boundcheck.studies.settings import settings
from boundcheck.theorem import Theorem


def stream(trial: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(17, spawn_key=(trial,))


def audited(theorems: Mapping[str, Theorem], trials: int, only: tuple[str, ...], **options: Any) -> Audit:
    chosen = {name: settings()[name] for name in only}
    audit = Audit(Plan(theorems, lambda: chosen, trials, options.pop("delta", 0.05), **options))
    for _ in audit.run():
        pass
    return audit


class TestSetOnTraining(Langford2005TestSet):
    """The classical mistake: the training errors are read as if they were those of a held-out sample."""

    __test__ = False

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        return {**super().measure(evidence), "m": evidence.errors.n, "errors": evidence.errors.errors, "invalid": 0}


class FreeBits(Blumer1987Bits):
    """Occam's razor without the price of the choice."""

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        return {**super().measure(evidence), "bits": 0}


@pytest.mark.parametrize("broken", [TestSetOnTraining, FreeBits])
@pytest.mark.parametrize("setting", ["conv", "gaussians"])
def test_a_broken_theorem_fails(broken: type[Theorem], setting: str) -> None:
    (row,) = audited({"broken": broken()}, 60, (setting,)).rows()
    assert not row.holds
    assert row.misses > 4 * 60 * 0.05


def test_a_correct_theorem_misses_now_and_then_and_holds() -> None:
    """The test-set bound is exact up to the steps of the binomial, so at a large delta misses must be seen, and not too many."""
    (row,) = audited({"langford2005testset": CATALOGUE["langford2005testset"]}, 200, ("gaussians",), delta=0.3).rows()
    assert row.holds
    # The mean lies between 0.3 * 200 and what the steps of Bin(60, p) leave of it, a third less; 5 deviations are 33.
    assert 7 <= row.misses <= 93
    assert row.applicable == row.trials == 200


def test_a_small_audit_of_the_catalogue() -> None:
    fast = {name: theorem for name, theorem in CATALOGUE.items() if "posterior" not in theorem.reads}
    audit = audited(fast, 4, ("relu", "conv", "patches", "memorizer", "gaussians", "ridge"))
    applied = {row.theorem for row in audit.rows() if row.applicable}
    assert applied >= {"vapnik1998growth", "blumer1987bits", "golowich2018size", "galanti2023patches", "bousquet2002stability"}
    assert all(row.holds for row in audit.rows())


def test_every_theorem_has_a_setting_that_holds_it_to_the_truth() -> None:
    assert Plan(dict(CATALOGUE.items()), settings, 1, 0.05).uncovered == ()


@pytest.mark.slow
def test_an_audit_of_the_whole_catalogue() -> None:
    audit = audited(dict(CATALOGUE.items()), 6, tuple(settings()), delta=0.2)
    assert [row for row in audit.rows() if not row.holds] == []
    assert {row.theorem for row in audit.rows() if row.applicable} == set(CATALOGUE)


def test_risk_on_a_finite_domain_is_the_exact_sum() -> None:
    setting = settings()["relu"]
    assert isinstance(setting, WorstOfGrid)
    trial = setting.trial(["precision"], stream(0))
    w, train = chosen(setting, 0)
    assert trial.risks["network"] == risk_of(w, setting)
    assert trial.evidence.errors.errors == errors_of(w, *train)


def chosen(setting: WorstOfGrid, trial: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The weights and the sample of a trial, from its stream of random numbers."""
    train = setting.problem.sample(setting.n, rng := np.random.default_rng(stream(trial)))
    setting.problem.sample(setting.held_out, rng)
    return setting.worst(train, rng), train


def errors_of(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    logits = np.maximum(x @ w[:4].reshape(2, 2).T, 0.0) @ w[4:].reshape(3, 2).T
    own = logits[np.arange(len(y)), y]
    logits[np.arange(len(y)), y] = -np.inf
    return int(np.sum(~(own > logits.max(axis=1))))


def risk_of(w: np.ndarray, setting: WorstOfGrid) -> Fraction:
    weights, total = setting.problem.weights, int(setting.problem.weights.sum())
    wrong = sum(
        int(weights[i, label]) * errors_of(w, setting.problem.atoms[i : i + 1], np.array([label]))
        for i in range(len(weights))
        for label in range(3)
    )
    return Fraction(wrong, total)


def test_candidates_are_evaluated_as_the_network_runs() -> None:
    setting = settings()["relu"]
    assert isinstance(setting, WorstOfGrid)
    for i in (0, 1234, 29524, 40001, 59048):
        assert setting.risks[i] == pytest.approx(float(risk_of(setting.candidates[i], setting)), abs=1e-6)  # float32 sums


def test_gibbs_risk_by_mpmath() -> None:
    setting = settings()["linear"]
    assert isinstance(setting, WorstOfGrid)
    trial = setting.trial(["posterior"], stream(3))
    w = chosen(setting, 3)[0].reshape(2, 5)
    posterior = trial.evidence.posterior
    assert posterior is not None
    (group,) = posterior.groups.values()
    sigma = mpmath.sqrt(mpmath.mpf(group.variance_sum) / group.parameters)
    risk, total = mpmath.mpf(0), int(setting.problem.weights.sum())
    for atom, cell in zip(setting.problem.atoms, setting.problem.weights, strict=True):
        for label in (0, 1):
            length = mpmath.sqrt(2 * int(atom @ atom))
            mean = float((w[label] - w[1 - label]) @ atom)
            wrong = mpmath.mpf(1) if length == 0 else mpmath.ncdf(-mean / (sigma * length))
            risk += int(cell[label]) * wrong / total
    assert float(risk) * (1 - 2e-12) <= trial.risks["gibbs"] <= float(risk)
    assert posterior.test_error == pytest.approx(float(risk), abs=0.03)  # 20,000 fresh networks, correlated over cells


def test_gibbs_risk_of_noise_by_magnitude() -> None:
    """Against fresh networks drawn here, 4000 of them on the whole population."""
    setting = settings()["noisy"]
    assert isinstance(setting, WorstOfGrid)
    trial = setting.trial(["magnitude"], stream(2))
    w, found = chosen(setting, 2)[0].reshape(2, 4), trial.evidence.magnitude
    assert found is not None
    noise = np.random.default_rng(0).standard_normal((4000, 2, 4))
    drawn = w + noise * np.sqrt(found.floor**2 + (found.slope * w) ** 2)
    score = (drawn[:, 1] - drawn[:, 0]) @ setting.problem.atoms.T
    wrong = np.stack([score >= 0.0, score <= 0.0], axis=2).mean(axis=0)
    risk = float((wrong * setting.problem.weights).sum() / setting.problem.weights.sum())
    assert trial.risks["magnitude"] == pytest.approx(risk, abs=0.03)  # four deviations of 4000 networks at most


def test_a_learned_prior_has_not_seen_what_is_counted() -> None:
    setting = settings()["split"]
    assert isinstance(setting, WorstOfGrid)
    trial = setting.trial(["posterior"], stream(4))
    posterior = trial.evidence.posterior
    assert posterior is not None
    assert (posterior.prior_mean, posterior.certified, trial.evidence.problem.n) == ("split", setting.n, setting.n)
    rng = np.random.default_rng(stream(4))
    first, train = setting.problem.sample(setting.n, rng), setting.problem.sample(setting.n, rng)
    setting.problem.sample(setting.held_out, rng)
    prior, worst = setting.candidates[int(np.argmin(setting.errors(first)))], setting.worst(train, rng)
    (group,) = posterior.groups.values()
    assert group.squared_distance == pytest.approx(float(np.square(prior - worst).sum()))
    split, whole = (CATALOGUE[name](trial.evidence, 0.05) for name in ("ambroladze2007split", "maurer2004kl"))
    assert split.why is whole.why is None
    assert split.value == whole.value  # one split, and neither counts an example that the prior has seen


def test_the_ridge_is_the_minimizer() -> None:
    """Least squares on the sample with the root of the penalty appended to it, another way to the same numbers."""
    setting = settings()["ridge"]
    assert isinstance(setting, Ridge)
    trial = setting.trial(["kernel", "margins"], stream(6))
    x, y = setting.problem.sample(setting.n, np.random.default_rng(stream(6)))
    d, kernel = x.shape[1], trial.evidence.kernel
    assert kernel is not None
    root = math.sqrt(setting.n * setting.penalty)
    stacked = np.concatenate([x, root * np.eye(d)])
    w = np.linalg.lstsq(stacked, np.concatenate([np.eye(2)[y], np.zeros((d, 2))]), rcond=None)[0]
    assert kernel.norm == pytest.approx(float(np.linalg.norm(w)), rel=1e-6)  # weights run in float32
    assert kernel.trace >= float(np.square(x).sum())
    assert kernel.gap is not None
    assert 0.0 < kernel.gap < 1e-9
    assert kernel.diagonal is not None
    assert kernel.diagonal >= max(float(row @ row) for row in setting.problem.atoms)
    wrong = [
        int(setting.problem.weights[i, label])
        for i, row in enumerate(setting.problem.atoms)
        for label in (0, 1)
        if not row @ w[:, label] > row @ w[:, 1 - label]
    ]
    assert trial.risks["network"] == Fraction(sum(wrong), int(setting.problem.weights.sum()))


def test_the_chain_of_convolutions_leaves_room_for_its_theorem() -> None:
    """Below the error of guessing the audit can tell a number that is too small from one that says nothing."""
    rows = audited({"galanti2023patches": CATALOGUE["galanti2023patches"]}, 12, ("patches",)).rows()
    assert rows[0].applicable == 12
    assert rows[0].informative >= 3


def test_the_adversary_takes_the_worst() -> None:
    setting = settings()["linear"]
    assert isinstance(setting, WorstOfGrid)
    train = setting.problem.sample(150, np.random.default_rng(1))
    sensible = [i for i, w in enumerate(setting.candidates) if setting.risks[i] <= 0.5 + 1e-9]

    def gap(w: np.ndarray, risk: float) -> float:
        score = train[0] @ (w[5:] - w[:5])
        return risk - float(np.mean(~(np.where(train[1] == 1, score, -score) > 0.0)))

    gaps = [gap(setting.candidates[i], setting.risks[i]) for i in sensible]
    found = {setting.worst(train, np.random.default_rng(seed)).tobytes() for seed in range(8)}
    assert setting.candidates[sensible[int(np.argmax(gaps))]].tobytes() in found
    assert len(found) <= 2


def test_the_memorizer_knows_the_sample_and_nothing_else() -> None:
    trial = settings()["memorizer"].trial(["margins", "structure"], stream(5))
    # 24 draws of 16 vertices: labels of a vertex seen twice may disagree, and the minority is then an error.
    assert trial.evidence.errors.train_error < 0.5
    assert trial.risks["network"] >= 0.5 - 1e-15  # labels are fair coins, and vertices not seen are ties


@pytest.mark.slow
def test_trials_are_the_same_whatever_the_workers() -> None:
    theorems = {"langford2005testset": CATALOGUE["langford2005testset"]}
    some = {name: settings()[name] for name in ("memorizer", "gaussians")}
    rows = []
    for workers in (1, 2):
        audit = Audit(Plan(theorems, lambda: some, 21, 0.2, seed=4))
        assert list(audit.run(workers))[-1] == audit.total
        rows.append(audit.rows())
    assert rows[0] == rows[1]


def test_a_joint_audit_counts_trials_with_any_miss() -> None:
    theorems = {"first": TestSetOnTraining(), "second": FreeBits()}
    rows = {row.theorem: row for row in audited(theorems, 20, ("conv",), joint=True).rows()}
    assert rows["first"].delta == rows["second"].delta == 0.025
    assert rows[TOGETHER].delta == 0.05
    assert max(rows["first"].misses, rows["second"].misses) <= rows[TOGETHER].misses <= 20


def test_a_number_below_the_risk_is_a_miss_and_an_equal_one_is_not() -> None:
    from boundcheck.studies.audit import _judged

    assert _judged(0.25, Fraction(1, 4), 0.5) == Tally(1, 1, 0, 1, 1.0)
    assert _judged(0.25, Fraction(1, 4) + Fraction(1, 10**30), 0.5).misses == 1
    assert _judged(None, Fraction(1, 4), 0.5) == Tally(1, 1)  # too large for a float


def test_a_predictor_that_a_trial_does_not_have_needs_no_risk() -> None:
    """Certificates are trained around one kind of prior at a time; where none was learned there is no network of the prior."""
    names = ("langford2005holdout", "wu2024recursive", "maurer2004kl")
    rows = audited({name: CATALOGUE[name] for name in names}, 8, ("certified",)).rows()
    applied = {row.theorem: row.applicable for row in rows}
    assert set(applied) == set(names)
    assert 0 < applied["langford2005holdout"] < 8
    assert 0 < applied["wu2024recursive"] < 8


def test_what_no_setting_covers_is_said() -> None:
    class Elsewhere(FreeBits):
        reads = ("precision", "errors", "code", "margins")
        about = "gibbs"

    plan = Plan({"elsewhere": Elsewhere()}, lambda: {"conv": settings()["conv"]}, 1, 0.05)
    assert plan.uncovered == ("elsewhere",)
    assert plan.settings == {}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.json"
    words = ["audit", "--theorems", "langford2005testset", "--trials", "5", "--workers", "1", "--json", str(file)]
    assert main(words) == 0
    assert "langford2005testset" in capsys.readouterr().out
    content = json.loads(file.read_text())
    assert content["format"] == "boundcheck-audit/1"
    assert content["holds"] is True
    of_noise = {"noisy", "split", "certified"}  # these know the risk of noise alone
    assert {row["setting"] for row in content["rows"]} == set(settings()) - of_noise
    assert main(["audit", "--theorems", "langford", "--json", str(tmp_path / "none.json")]) == 2
    assert not (tmp_path / "none.json").exists()


def test_the_command_ends_with_1_when_a_theorem_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--theorems", "blumer1987bits", "--trials", "2", "--workers", "1"]) == 0
    monkeypatch.setattr(Blumer1987Bits, "measure", lambda self, e: {"n": e.errors.n, "errors": e.errors.errors, "bits": 0})
    assert main(["audit", "--theorems", "blumer1987bits", "--trials", "40", "--workers", "1"]) == 1
    assert "FAILS" in capsys.readouterr().out


def test_an_interrupt_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from boundcheck.studies import audit as module

    real = module.run_batch

    def stopped(plan: Plan, name: str, trials: Any) -> Any:
        if name == "conv":
            raise KeyboardInterrupt
        return real(plan, name, trials)

    monkeypatch.setattr(module, "run_batch", stopped)
    assert main(["audit", "--theorems", "blumer1987bits", "--trials", "3", "--workers", "1"]) == 130
    out = capsys.readouterr().out
    assert "Interrupted: 12 of 27" in out
    assert "blumer1987bits" in out


def test_no_thread_setting_is_left_changed() -> None:
    before = torch.get_num_threads()
    audited({"langford2005testset": CATALOGUE["langford2005testset"]}, 1, ("conv",))
    assert torch.get_num_threads() == before
