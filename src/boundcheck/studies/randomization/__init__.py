"""The randomization tests: the same network on true labels, on corrupted ones, and on inputs that have lost their meaning."""

from __future__ import annotations

from boundcheck.studies.randomization.kinds import KINDS, Kind, choose_kinds
from boundcheck.studies.randomization.plan import REGULARIZERS, Training, make_jobs
from boundcheck.studies.randomization.summary import Interval, Line, summarize

__all__ = ["KINDS", "REGULARIZERS", "Interval", "Kind", "Line", "Training", "choose_kinds", "make_jobs", "summarize"]
