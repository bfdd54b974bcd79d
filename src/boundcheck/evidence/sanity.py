"""What no measurement can have found: evidence from a file that was changed by hand is refused before a theorem reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Evidence


def contradiction(evidence: Evidence) -> str | None:
    """The first thing in a record that can't be so, in words; ``None`` when nothing is found.

    This finds slips, not forgeries: a record that hangs together may still be of no network at all.
    """
    problem, errors = evidence.problem, evidence.errors
    counts = {"the network": (errors, problem.n)}
    if evidence.code is not None:
        counts["the decoded network"] = (evidence.code.errors, problem.n)
    if evidence.posterior is not None:
        counts["the drawn network"] = (evidence.posterior.drawn, evidence.posterior.counted(problem.n))
    rows = {name: getattr(evidence, name) for name in ("margins", "relative_margins")}
    complaints = [
        "fewer than two classes" if problem.classes < 2 else None,
        "no inputs" if problem.d < 1 else None,
        f"a corruption of {problem.corruption}" if not 0.0 <= problem.corruption <= 1.0 else None,
        *_of_draws(evidence),
        *(_of_errors(name, found, n, errors.test_n) for name, (found, n) in counts.items()),
        *(f"{len(v)} {name} of {problem.n} rows" for name, v in rows.items() if v is not None and len(v) != problem.n),
        *_of_learned_priors(evidence),
        *_of_steps(evidence),
        *(f"NaN in {path}" for path, number in _numbers("evidence", evidence) if math.isnan(number)),
    ]
    return next((complaint for complaint in complaints if complaint is not None), None)


def _of_draws(evidence: Evidence) -> Iterator[str]:
    """Complaints about Monte Carlo numbers."""
    posterior, magnitude = evidence.posterior, evidence.magnitude
    found = [(p.draws, p.mean_loss, p.candidates) for p in (posterior, magnitude) if p is not None]
    if posterior is not None:
        if posterior.joint_loss is not None:
            found.append((posterior.pairs, posterior.joint_loss, 1))
        if posterior.vote is not None and not 0.0 <= posterior.vote.test_error <= 1.0:
            yield f"a held-out error of {posterior.vote.test_error} of the vote"
        if posterior.splits < 1 or not 1 <= (posterior.certified or 1) <= evidence.problem.n:
            yield f"{posterior.certified} certified examples of {evidence.problem.n}, {posterior.splits} splits"
    for draws, mean, candidates in found:
        if draws < 1 or candidates < 1 or not 0.0 <= mean <= 1.0:
            yield f"{draws} draws of mean {mean} for {candidates} posteriors"


def _of_learned_priors(evidence: Evidence) -> Iterator[str]:
    """Complaints about what was counted beside priors that were learned on a part of the sample."""
    n, prior, chain, posterior = evidence.problem.n, evidence.prior_network, evidence.recursive, evidence.posterior
    if posterior is not None and not (posterior.configurations >= 1 and 0 <= posterior.overlap <= posterior.counted(n)):
        yield f"{posterior.overlap} examples of the prior among those counted, {posterior.configurations} ways to train"
    if prior is not None and not (0 <= prior.errors <= prior.n <= n and min(prior.configurations, prior.splits) >= 1):
        yield f"{prior.errors} errors of the prior's network on {prior.n} rows of {n}"
    for i, step in enumerate(() if chain is None else chain.steps):
        shares = (step.risk, step.not_better, step.worse)
        fits = 1 <= step.n <= n and step.draws >= 1 and step.divergence >= 0.0 and all(0.0 <= s <= 1.0 for s in shares)
        if not fits or (i > 0 and not 0.0 < step.gamma < 1.0):
            yield f"step {i + 1} of a chain with shares {shares} of {step.draws} draws on {step.n} rows, gamma {step.gamma}"
    if chain is not None and (not chain.steps or chain.configurations < 1):
        yield f"a chain of {len(chain.steps)} steps, {chain.configurations} ways to train"


def _of_steps(evidence: Evidence) -> Iterator[str]:
    """Complaints about what reads what."""
    known: set[str] = set()
    layers, structure = evidence.layers, evidence.structure
    for step in () if structure is None else structure.steps:
        if step.name in known or not known.issuperset(step.reads) or bool(step.reads) != bool(known):
            yield f"a step {step.name!r} that reads {', '.join(step.reads) or 'nothing'} after {', '.join(known) or 'nothing'}"
        if not step.lipschitz >= 0.0 or (step.name in (layers or {}) and (len(step.reads) != 1 or step.lipschitz != 1.0)):
            yield f"a step {step.name!r} of Lipschitz constant {step.lipschitz} that reads {len(step.reads)} signals"
        known.add(step.name)


def _of_errors(name: str, e: Errors, n: int, test_n: int) -> str | None:
    held = (("training", e.n, e.errors, e.invalid), ("held-out", e.test_n, e.test_errors, e.test_invalid))
    if e.n != n or e.n < 1 or e.test_n != test_n:
        return f"errors of {name} on {e.n} training and {e.test_n} held-out rows of {n} and {test_n}"
    for sample, rows, wrong, invalid in held:
        if not 0 <= invalid <= wrong <= rows:
            return f"{wrong} errors of {name}, {invalid} of them ties or NaN, on {rows} {sample} rows"
    if e.test_error is not None and not 0.0 <= e.test_error <= 1.0:
        return f"a held-out error of {e.test_error} of {name}"
    return f"{e.overlap} of {e.test_n} held-out rows in the training sample" if not 0 <= e.overlap <= e.test_n else None


def _numbers(path: str, value: Any) -> Iterator[tuple[str, float]]:
    """Every float in a record with the path to it."""
    if isinstance(value, float):
        yield path, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _numbers(f"{path}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(f"{path}.{key}", item)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _numbers(f"{path}.{i}", item)
