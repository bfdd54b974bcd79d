"""Empirical Rademacher complexity of classes whose supremum can be computed: exactly, or as an interval with a confidence."""

from __future__ import annotations

from boundcheck.rademacher.classes import ClosedClass, FiniteClass, KernelBall, L1Ball, LinearBall
from boundcheck.rademacher.complexity import Complexity, complexity

__all__ = ["ClosedClass", "Complexity", "FiniteClass", "KernelBall", "L1Ball", "LinearBall", "complexity"]
