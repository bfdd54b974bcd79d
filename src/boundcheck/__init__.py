"""boundcheck checks theorems about generalization against trained networks."""

from __future__ import annotations

__version__ = "0.1.0"
