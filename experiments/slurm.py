"""An example: the jobs of a study on a cluster that Slurm runs, through dask-jobqueue.

Run on a login node, after pip install dask-jobqueue 'boundcheck[dask]': python experiments/slurm.py
Slurm starts the workers as its own jobs, of one thread each; rows come back to the folder here, and a study that was interrupted
goes on where it was. Partition, account and times are those of no real cluster: write your own.
"""

from __future__ import annotations

from dask_jobqueue import SLURMCluster

from boundcheck.runs.training import Settings
from boundcheck.studies.engine import run_jobs
from boundcheck.studies.randomization import KINDS, Training, choose_kinds, make_jobs
from boundcheck.studies.randomization.job import run_job


def main() -> None:
    """Ask Slurm for sixteen workers at most, and hand them the jobs of one randomization test."""
    training = Training(data="mnist", model_kwargs={"widths": [512]}, n=10_000, settings=Settings(epochs=400))
    jobs = make_jobs(training, choose_kinds(KINDS, (0.25, 0.5, 0.75)), seeds=range(5))
    with SLURMCluster(
        queue="normal",
        account="theory",
        walltime="04:00:00",
        cores=1,
        processes=1,
        memory="4GB",
        job_script_prologue=["export BOUNDCHECK_DATA=$HOME/data"],  # where the workers find the data of the plan
    ) as cluster:
        cluster.adapt(minimum_jobs=1, maximum_jobs=16)
        rows = run_jobs(run_job, jobs, "mnist-512", dask=cluster.scheduler_address, progress=lambda what, _: print(what))
    print(f"{sum(row.failed is None for row in rows)} of {len(rows)} rows in mnist-512")


if __name__ == "__main__":
    main()
