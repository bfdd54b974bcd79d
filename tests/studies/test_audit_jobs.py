"""The long audit in batches: the counts of one uninterrupted audit, never two states of the code in one sum."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError
from boundcheck.studies import audit_jobs, machine
from boundcheck.studies.audit import Audit, Plan
from boundcheck.studies.audit_jobs import batch, costs, gathered, jobs
from boundcheck.studies.engine import run_jobs
from boundcheck.studies.settings import settings

CONFIG = {"trials": 22, "delta": 0.2, "joint": True, "seed": 5, "workers": 1}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two quick settings, two theorems."""
    some = {name: settings()[name] for name in ("gaussians", "ridge")}
    theorems = {name: CATALOGUE[name] for name in ("langford2005testset", "bousquet2002stability")}
    monkeypatch.setattr(audit_jobs, "settings", lambda: some)
    monkeypatch.setattr(audit_jobs, "CATALOGUE", theorems)


def straight() -> Audit:
    plan = audit_jobs.plan_of(CONFIG)
    audit = Audit(Plan(plan.theorems, plan.make_settings, 22, 0.2, True, 5))
    assert list(audit.run())[-1] == 44
    return audit


def test_batches_add_up_to_the_audit(tmp_path: Path) -> None:
    rows = run_jobs(batch, jobs(CONFIG, "this"), tmp_path / "out")
    audit = gathered(CONFIG, rows)
    assert audit.rows() == straight().rows()
    assert audit.done == audit.total == 44
    spent = costs(rows)
    assert list(spent) == ["gaussians", "ridge"]
    assert all(cost["cpu_seconds"] >= 0.0 and cost["seconds"] > 0.0 for cost in spent.values())


def test_what_is_finished_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def stopped(plan: Plan, name: str, trials: Any) -> Any:
        done.append((name, trials))
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(plan, name, trials)

    real = audit_jobs.run_batch
    monkeypatch.setattr(audit_jobs, "run_batch", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_jobs(batch, jobs(CONFIG, "this"), tmp_path / "out")
    rows = run_jobs(batch, jobs(CONFIG, "this"), tmp_path / "out")
    assert len(done) == 5  # four batches, one of them begun twice
    assert gathered(CONFIG, rows).rows() == straight().rows()


def test_other_code_and_other_questions_are_refused(tmp_path: Path) -> None:
    run_jobs(batch, jobs(CONFIG, "this")[:1], tmp_path / "out")
    for config, code in ((CONFIG, "that"), ({**CONFIG, "seed": 6}, "this"), ({**CONFIG, "trials": 23}, "this")):
        with pytest.raises(InputError, match="same plan"):
            run_jobs(batch, jobs(config, code), tmp_path / "out")


def test_a_batch_that_failed_is_no_batch_without_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plan: Plan, name: str, trials: Any) -> Any:
        raise ValueError("no such thing")

    monkeypatch.setattr(audit_jobs, "run_batch", broken)
    rows = run_jobs(batch, jobs(CONFIG, "this"), tmp_path / "out")
    with pytest.raises(InputError, match="gaussians, trials 0 to 19: ValueError: no such thing"):
        gathered(CONFIG, rows)


def test_the_code_is_the_commit_or_the_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "boundcheck" / "studies"
    package.mkdir(parents=True)
    file = package / "machine.py"
    file.write_text("")
    monkeypatch.setattr(machine, "__file__", str(file))

    def git(*words: str) -> str:
        name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        return subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    assert machine.code().startswith("version ")
    git("init", "-q")
    (tmp_path / "other").write_text("")
    git("add", "other")
    git("commit", "-qm", "other")
    assert machine.code().startswith("version ")  # inside of a repository that does not hold it
    git("add", ".")
    git("commit", "-qm", "this")
    assert machine.code() == git("rev-parse", "HEAD")
    file.write_text("changed")
    assert machine.code() == git("rev-parse", "HEAD") + " with changes"
