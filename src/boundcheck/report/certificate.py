"""The certificate that ``boundcheck certify`` was asked for, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boundcheck.report.display import closest, upward

if TYPE_CHECKING:
    from boundcheck.report.report import Report
    from boundcheck.theorem import Certificate

_ABOUT = {
    "gibbs": "the stochastic network, which draws new weights for each prediction",
    "compressed": "the decoded network",
    "sample": "one network drawn from the posterior",
    "network": "the network itself",
    "prior": "the network at the centre of the prior",
}


def smallest(report: Report) -> Certificate | None:
    """The certificate of the smallest value; ``None`` where no theorem applies."""
    found = [c for c in report if c.value is not None]
    return min(found, key=lambda c: c.value if c.value is not None else 1.0, default=None)


def headline(report: Report) -> list[str]:
    """What is certified, of what, with which confidence; and the error of the stored network, of which it says nothing.

    Args:
        report: Of theorems that share delta, so that the smallest may be taken.
    """
    best = smallest(report)
    if best is None:
        return ["no certificate:", *(f"  {c.name}: {c.why}" for c in report)]
    value = upward(best.value if best.value is not None else 1.0, 4)
    verdict = "" if best.value is not None and best.value < best.vacuous_at else ", which says nothing"
    among = "" if len(report) == 1 else f", the smallest of {len(report)} that share delta"
    lines = [
        f"certificate: error at most {value} with probability {1.0 - report.delta:g}{verdict} ({best.name}{among})",
        f"  about {_ABOUT.get(best.about, best.about)}",
    ]
    if best.about in ("gibbs", "sample") and report.errors.test_error is not None:
        lines.append(
            f"  the network with the mean weights errs on {closest(report.errors.test_error)} of the held-out sample; that is "
            "measured, and not what is certified"
        )
    return lines
