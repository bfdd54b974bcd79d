"""Numbers on the safe side: every value errs in the direction that keeps a theorem true, rounding included.

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boundcheck.numerics.binomial import binomial_tail_inverse, binomial_tail_inverse_log, clopper_pearson
    from boundcheck.numerics.combinatorics import (
        log_binomial_sum_upper,
        log_binomial_upper,
        log_multinomial_upper,
        log_types_upper,
        maurey_psi_upper,
        milnor_cells_upper,
    )
    from boundcheck.numerics.hypergeometric import hypergeometric_max_errors
    from boundcheck.numerics.kl import kl_inverse, kl_inverse_lower
    from boundcheck.numerics.spectral import spectral_norm, spectral_norm_lower
    from boundcheck.numerics.xi import log_xi_upper

_HOMES = {
    "binomial_tail_inverse": "binomial",
    "binomial_tail_inverse_log": "binomial",
    "clopper_pearson": "binomial",
    "hypergeometric_max_errors": "hypergeometric",
    "kl_inverse": "kl",
    "kl_inverse_lower": "kl",
    "log_binomial_sum_upper": "combinatorics",
    "log_binomial_upper": "combinatorics",
    "log_multinomial_upper": "combinatorics",
    "log_types_upper": "combinatorics",
    "log_xi_upper": "xi",
    "maurey_psi_upper": "combinatorics",
    "milnor_cells_upper": "combinatorics",
    "spectral_norm": "spectral",
    "spectral_norm_lower": "spectral",
}
__all__ = [
    "binomial_tail_inverse",
    "binomial_tail_inverse_log",
    "clopper_pearson",
    "hypergeometric_max_errors",
    "kl_inverse",
    "kl_inverse_lower",
    "log_binomial_sum_upper",
    "log_binomial_upper",
    "log_multinomial_upper",
    "log_types_upper",
    "log_xi_upper",
    "maurey_psi_upper",
    "milnor_cells_upper",
    "spectral_norm",
    "spectral_norm_lower",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
