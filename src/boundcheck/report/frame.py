"""A report as a data frame."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.report.rows import dominant_term

if TYPE_CHECKING:
    import pandas as pd

    from boundcheck.report.report import Report


def measures_frame(report: Report) -> pd.DataFrame:
    """One row for each measure, the absent ones with their reason."""
    import pandas as pd

    rows = [{"name": name, "value": value, "why": None} for name, value in report.measures]
    rows += [{"name": name, "value": None, "why": why} for name, why in report.unmeasured]
    return pd.DataFrame(rows, columns=["name", "value", "why"]).astype({"value": "float64"})


def layers_frame(report: Report) -> pd.DataFrame:
    """One row for each layer with weights, a column for each field of its norms."""
    import pandas as pd

    columns = ["name", *(f.name for f in fields(LayerNorms))]
    return pd.DataFrame([{"name": name, **asdict(norms)} for name, norms in report.layers.items()], columns=columns)


def frame(report: Report) -> pd.DataFrame:
    """One row for each certificate, numbers as floats (NaN where there is none)."""
    import pandas as pd

    rows = [
        {
            "name": c.name,
            "family": c.family,
            "about": c.about,
            "status": str(c.status),
            "value": c.value,
            "log10_value": c.log10_value,
            "delta": c.delta,
            "test_error": c.test_error,
            "excess": None if c.value is None or c.test_error is None else c.value - c.test_error,
            "vacuous_at": c.vacuous_at,
            "dominant_term": dominant_term(c),
            "why": c.why,
            "seconds": c.seconds,
        }
        for c in report
    ]
    numbers = ("value", "log10_value", "delta", "test_error", "excess", "vacuous_at", "seconds")
    columns = ["name", "family", "about", "status", *numbers[:5], "vacuous_at", "dominant_term", "why", "seconds"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, "float64"))
