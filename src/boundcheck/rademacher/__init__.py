"""Empirical Rademacher complexity: exact, as an interval with a confidence, or from below by predictors that fit random signs."""

from __future__ import annotations

from boundcheck.rademacher.by_name import CLASSES, closed_class
from boundcheck.rademacher.classes import ClosedClass, FiniteClass, KernelBall, L1Ball, LinearBall
from boundcheck.rademacher.complexity import Complexity, analytic_bracket, complexity
from boundcheck.rademacher.dual_norms import GroupBall, LInfBall
from boundcheck.rademacher.lower import SHARES, complexity_lower, uniform_gap_lower

__all__ = [
    "CLASSES",
    "SHARES",
    "ClosedClass",
    "Complexity",
    "FiniteClass",
    "GroupBall",
    "KernelBall",
    "L1Ball",
    "LInfBall",
    "LinearBall",
    "analytic_bracket",
    "closed_class",
    "complexity",
    "complexity_lower",
    "uniform_gap_lower",
]
