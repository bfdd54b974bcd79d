"""Data: where it comes from, how it is corrupted, and problems whose risk is known."""

from __future__ import annotations

from boundcheck.data.choice import chosen_examples
from boundcheck.data.corruption import LabelLaw, corrupt, expected_error, parse_labels
from boundcheck.data.dataset import Dataset, make_dataset
from boundcheck.data.fingerprint import count_duplicates, count_overlap, fingerprint, row_digests
from boundcheck.data.inputs import INPUT_KINDS, center_crop, channel_moments, corrupt_inputs, standardize, standardized_radius
from boundcheck.data.matrix import read_matrix
from boundcheck.data.sources import SOURCES, load_dataset
from boundcheck.data.synthetic import PROBLEMS, FiniteProblem, GaussianPair, KnownRiskProblem, LinearRule, make_problem

__all__ = [
    "INPUT_KINDS",
    "PROBLEMS",
    "SOURCES",
    "Dataset",
    "FiniteProblem",
    "GaussianPair",
    "KnownRiskProblem",
    "LabelLaw",
    "LinearRule",
    "center_crop",
    "channel_moments",
    "chosen_examples",
    "corrupt",
    "corrupt_inputs",
    "count_duplicates",
    "count_overlap",
    "expected_error",
    "fingerprint",
    "load_dataset",
    "make_dataset",
    "make_problem",
    "parse_labels",
    "read_matrix",
    "row_digests",
    "standardize",
    "standardized_radius",
]
