"""Many jobs, wherever they run: a job is a small JSON, a pure function turns it into rows, the engine decides where.

Rows are appended one job at a time to a folder that carries its plan, so that a study that was interrupted or killed at any point
finishes what is missing when it is started again, and repeats nothing.
"""

from __future__ import annotations

from boundcheck.studies.engine.cluster import check_address
from boundcheck.studies.engine.ledger import Row, read_rows
from boundcheck.studies.engine.plan import Job, Plan
from boundcheck.studies.engine.run import check_folder, run_jobs

__all__ = ["Job", "Plan", "Row", "check_address", "check_folder", "read_rows", "run_jobs"]
