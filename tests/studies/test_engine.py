"""The engine: the same rows wherever jobs run, each job once, and nothing lost whatever happens to the writer."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from boundcheck.errors import InputError
from boundcheck.studies.engine import Plan, Row, read_rows, run_jobs

# Workers import the function by its name, as they would a study's: from a module on their path.
MODULE = '''
import os, signal, time
import numpy as np
from boundcheck.errors import InputError

def traced(job):
    """Says that it was done, then gives x rows (one at least) of numbers that depend on the order of a sum."""
    with open(job["trace"], "a") as file:
        file.write(f"{job['x']}\\n")
    time.sleep(job.get("sleep", 0.0))
    matrix = np.random.default_rng(job["x"]).normal(size=(200, 200)).astype(np.float32)
    product = matrix @ matrix
    return [{"value": float(product.sum()), "i": i} for i in range(max(job["x"], 1))]

def stumbling(job):
    if job["x"] == 1:
        raise InputError("a usable x", "1", "take another")
    if job["x"] == 2:
        raise ZeroDivisionError("two lines\\nof words")
    if job["x"] == 3:
        return [{"value": float("nan")}]
    return [] if job["x"] == 4 else [{"value": job["x"]}]

def dying(job):
    if job["x"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return [{"pid": os.getpid()}]

def threads(job):
    import threadpoolctl, torch
    torch.ones(2, 2) @ torch.ones(2, 2)
    return [{"most": max(pool["num_threads"] for pool in threadpoolctl.threadpool_info()), "torch": torch.get_num_threads()}]
'''


@pytest.fixture(scope="module")
def jobs_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "engine_jobs.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.setattr(sys, "dont_write_bytecode", True)
        yield importlib.import_module("engine_jobs")
        sys.modules.pop("engine_jobs")


def jobs(trace: Path, count: int = 5, **more: Any) -> list[dict[str, Any]]:
    return [{"x": x, "trace": str(trace), **more} for x in range(count)]


def told(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Everything but the cost, which differs from run to run."""
    return [(row.job, row.row, row.of, row.config, row.result, row.failed) for row in rows]


def test_the_same_rows_wherever_jobs_run(jobs_module: ModuleType, tmp_path: Path) -> None:
    plan = jobs(tmp_path / "trace")
    alone = run_jobs(jobs_module.traced, plan, tmp_path / "a")
    beside = run_jobs(jobs_module.traced, plan, tmp_path / "b", workers=2)
    assert told(alone) == told(beside)
    assert [row.config["x"] for row in alone] == [0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert all(row.cost["cpu_seconds"] >= 0.0 and row.cost["machine"]["cores"] for row in alone)


def test_a_cut_at_any_byte_is_made_good(jobs_module: ModuleType, tmp_path: Path) -> None:
    """The brute force of being killed: every length that a write may have reached."""
    trace = tmp_path / "trace"
    plan = jobs(trace, 3)
    whole = run_jobs(jobs_module.traced, plan, tmp_path / "whole")
    data = (tmp_path / "whole" / "rows.jsonl").read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    jobs_end = [ends[0], ends[1], ends[3]]  # jobs of one, one and two rows
    for length in [*range(0, len(data), 37), *ends, *(end - 1 for end in ends)]:
        (tmp_path / "whole" / "rows.jsonl").write_bytes(data[:length])
        trace.write_text("")
        assert told(run_jobs(jobs_module.traced, plan, tmp_path / "whole")) == told(whole)
        missing = [x for x in range(3) if length < jobs_end[x]]
        assert [int(line) for line in trace.read_text().split()] == missing


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_started_again(workers: int, jobs_module: ModuleType, tmp_path: Path) -> None:
    trace, out = tmp_path / "trace", tmp_path / "out"
    plan = jobs(trace, 6, sleep=0.15)
    words = "import engine_jobs, json, sys; from boundcheck.studies.engine import run_jobs; "
    words += f"run_jobs(engine_jobs.traced, json.loads(sys.argv[1]), sys.argv[2], workers={workers})"
    process = subprocess.Popen([sys.executable, "-c", words, json.dumps(plan), str(out)], start_new_session=True)
    deadline = time.monotonic() + 60
    while not (out / "rows.jsonl").exists() or (out / "rows.jsonl").read_bytes().count(b"\n") < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {row.config["x"] for row in read_rows(out)}
    assert kept
    trace.write_text("")
    rows = run_jobs(jobs_module.traced, plan, out)
    assert not kept & {int(line) for line in trace.read_text().split()}
    assert told(rows) == told(run_jobs(jobs_module.traced, plan, tmp_path / "undisturbed"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"}


def test_a_folder_of_another_plan_is_refused(jobs_module: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_jobs(jobs_module.traced, jobs(tmp_path / "trace", 3), out)
    before = snapshot(out)
    with pytest.raises(InputError, match="of whose 3 jobs 3 are among these 4"):
        run_jobs(jobs_module.traced, jobs(tmp_path / "trace", 4), out)
    with pytest.raises(InputError, match=r"another study \(engine_jobs.traced\)"):
        run_jobs(jobs_module.stumbling, jobs(tmp_path / "trace", 3), out)
    assert snapshot(out) == before
    plan = json.loads(before["plan.json"])
    for change in ({"boundcheck": "0.0.0"}, {"jobs": plan["jobs"][:2]}, {"format": "other"}):
        (out / "plan.json").write_text(json.dumps(plan | change))
        with pytest.raises(InputError, match=r"plan|version"):
            run_jobs(jobs_module.traced, jobs(tmp_path / "trace", 3), out)
        assert (out / "rows.jsonl").read_bytes() == before["rows.jsonl"]
    (out / "plan.json").unlink()
    with pytest.raises(InputError, match="has rows without it"):
        run_jobs(jobs_module.traced, jobs(tmp_path / "trace", 3), out)
    with pytest.raises(InputError, match="a folder with a plan"):
        read_rows(out)


def test_a_damaged_row_is_refused_not_dropped(jobs_module: ModuleType, tmp_path: Path) -> None:
    out, plan = tmp_path / "out", jobs(tmp_path / "trace", 3)
    run_jobs(jobs_module.traced, plan, out)
    lines = (out / "rows.jsonl").read_bytes().splitlines(keepends=True)
    for damaged in (b"{}\n", b"[1]\n", b"{broken\n", lines[0].replace(b"boundcheck-row/1", b"boundcheck-row/9")):
        (out / "rows.jsonl").write_bytes(b"".join([damaged, *lines[1:]]))
        with pytest.raises(InputError, match="line 1 of"):
            run_jobs(jobs_module.traced, plan, out)
        assert (out / "rows.jsonl").read_bytes().startswith(damaged)
    run_jobs(jobs_module.stumbling, [{"x": 9}], tmp_path / "other")
    (out / "rows.jsonl").write_bytes(b"".join(lines) + (tmp_path / "other" / "rows.jsonl").read_bytes())
    with pytest.raises(InputError, match="a row of another job"):
        read_rows(out)


def test_one_writer_at_a_time(jobs_module: ModuleType, tmp_path: Path) -> None:
    out, plan = tmp_path / "out", jobs(tmp_path / "trace", 2)

    def meanwhile(_: str, __: float) -> None:
        words = "import engine_jobs, json, sys; from boundcheck.studies.engine import run_jobs; "
        words += "run_jobs(engine_jobs.traced, json.loads(sys.argv[1]), sys.argv[2])"
        done = subprocess.run(
            [sys.executable, "-c", words, json.dumps(plan), str(out)], capture_output=True, text=True, check=False
        )
        refusals.append(done.stderr.splitlines()[-1])

    refusals: list[str] = []
    rows = run_jobs(jobs_module.traced, plan, out, progress=meanwhile)
    assert all("no other process writes to" in line for line in refusals)
    assert len(refusals) == 3
    assert len(rows) == 2
    assert run_jobs(jobs_module.traced, plan, out) == rows


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_job_is_recorded_and_stops_nobody(workers: int, jobs_module: ModuleType, tmp_path: Path) -> None:
    plan = [{"x": x} for x in range(7)]
    rows = run_jobs(jobs_module.stumbling, plan, tmp_path / "out", workers=workers)
    assert [row.config["x"] for row in rows] == list(range(7))
    assert [row.result for row in rows if row.failed is None] == [{"value": x} for x in (0, 5, 6)]
    reasons = {row.config["x"]: row.failed for row in rows if row.failed is not None}
    assert reasons[1] == "expected a usable x; got 1; take another"
    assert reasons[2] is not None
    assert reasons[2].startswith("ZeroDivisionError: two lines (engine_jobs.py, line ")
    assert "JSON compliant" in str(reasons[3])
    assert reasons[4] == "it returned no rows"
    assert run_jobs(jobs_module.stumbling, plan, tmp_path / "out") == rows
    again = run_jobs(jobs_module.stumbling, plan, tmp_path / "out", retry_failed=True)
    assert told(again) == told(rows)
    written = (tmp_path / "out" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["config"]["x"] for line in written[-4:]] == [1, 2, 3, 4]  # only these were done again


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_job_that_kills_its_process_is_recorded_and_stops_nobody(jobs_module: ModuleType, tmp_path: Path) -> None:
    rows = run_jobs(jobs_module.dying, [{"x": x} for x in range(5)], tmp_path / "out", workers=2)
    assert [row.config["x"] for row in rows if row.failed] == [1]
    assert "its process died" in str(rows[1].failed)
    assert len([row for row in rows if row.result is not None]) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_one_thread_each(workers: int, jobs_module: ModuleType, tmp_path: Path) -> None:
    rows = run_jobs(jobs_module.threads, [{"x": x} for x in range(2)], tmp_path / "out", workers=workers)
    assert [row.result for row in rows] == [{"most": 1, "torch": 1}] * 2


def test_what_is_no_plan(jobs_module: ModuleType, tmp_path: Path) -> None:
    for function, plan in (
        (jobs_module.traced, []),
        (jobs_module.traced, [{"x": 1}, {"x": 1}]),
        (lambda job: [job], [{"x": 1}]),
        (jobs_module.traced, [{"x": float("nan")}]),
    ):
        with pytest.raises(ValueError, match=r"expected|JSON"):
            run_jobs(function, plan, tmp_path / "out")
    for address in ("local:0", "local:x", "10.0.0.1:8786", ""):
        with pytest.raises(InputError, match="in --dask"):
            run_jobs(jobs_module.traced, [{"x": 1}], tmp_path / "out", dask=address)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file"):
        run_jobs(jobs_module.traced, [{"x": 1}], tmp_path / "file")


def test_the_plan_tells_studies_apart(jobs_module: ModuleType) -> None:
    one = Plan.of(jobs_module.traced, [{"x": 1, "y": (1, 2)}, {"x": 2}])
    assert one == Plan.of(jobs_module.traced, [{"y": [1, 2], "x": 1}, {"x": 2}])
    assert Plan.from_json(one.to_json()) == one
    others = [Plan.of(jobs_module.traced, [{"x": 1}]), Plan.of(jobs_module.dying, [{"x": 1, "y": (1, 2)}, {"x": 2}])]
    assert len({plan.sha256 for plan in (one, *others)}) == 3


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_dask_cluster_one_of_whose_workers_is_killed(jobs_module: ModuleType, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    plan = jobs(tmp_path / "trace", 8, sleep=0.3)
    killed: list[int] = []

    def kill(_: str, fraction: float) -> None:
        if fraction > 0.0 and not killed:
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            pids: dict[str, int] = client.run(os.getpid)
        rows = run_jobs(jobs_module.traced, plan, tmp_path / "out", dask=cluster.scheduler_address, progress=kill)
    assert killed
    assert told(rows) == told(run_jobs(jobs_module.traced, plan, tmp_path / "alone"))


@pytest.mark.slow
def test_dask_on_this_machine_records_failures_too(jobs_module: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    rows = run_jobs(jobs_module.stumbling, [{"x": x} for x in range(3)], tmp_path / "out", dask="local:1")
    assert [row.failed is None for row in rows] == [True, False, False]


def test_no_scheduler_is_said(jobs_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("boundcheck.studies.engine.cluster._PATIENCE", 0.5)
    with pytest.raises(InputError, match="scheduler that answers"):
        run_jobs(jobs_module.traced, jobs(tmp_path / "trace"), tmp_path / "out", dask="tcp://127.0.0.1:9")
