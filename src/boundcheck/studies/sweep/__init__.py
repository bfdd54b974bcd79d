"""Many trainings and their measures: a grid or a random design over hyper-parameters, one row a network, for rankings."""

from boundcheck.studies.sweep.design import Design, read_design
from boundcheck.studies.sweep.job import run_job
from boundcheck.studies.sweep.plan import make_jobs

__all__ = ["Design", "make_jobs", "read_design", "run_job"]
