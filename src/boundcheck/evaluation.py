"""The main job: measure what the chosen theorems name, once, ask each of them, and lay the answers beside the measured error."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from boundcheck.bounds import CATALOGUE
from boundcheck.errors import InputError, nearest
from boundcheck.progress import Progress, silent

if TYPE_CHECKING:
    from torch import nn

    from boundcheck.evidence.record import Evidence
    from boundcheck.report.report import Report
    from boundcheck.runs.run import Run

EFFORTS = ("quick", "full")


def chosen_theorems(names: Iterable[str] | None) -> tuple[str, ...]:
    """The names of theorems to ask, in the order of the catalogue; all when none are given.

    Args:
        names: Names, or one string of names joined by commas.

    Raises:
        InputError: A name is not in the catalogue, or there are no names.
    """
    if names is None:
        return tuple(CATALOGUE)
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    if not wanted:
        raise InputError("at least one bound", "an empty list", "leave it out to ask all of them")
    known = tuple(CATALOGUE)
    for name in wanted:
        if name not in known:
            raise InputError("the name of a bound", repr(name), nearest(str(name), known))
    return tuple(name for name in known if name in wanted)


def check_delta(delta: float) -> None:
    """Refuse a confidence parameter that is not a probability.

    Raises:
        InputError: ``delta`` is not in (0, 1).
    """
    if not isinstance(delta, numbers.Real) or not 0.0 < delta < 1.0:
        raise InputError("delta in (0, 1)", repr(delta), "0.05 means that a bound holds with probability 0.95")


def check_effort(effort: str) -> None:
    """Refuse an effort that is not one of :data:`EFFORTS`.

    Raises:
        InputError: It is none.
    """
    if effort not in EFFORTS:
        raise InputError("an effort", repr(effort), nearest(str(effort), EFFORTS))


def ask(
    evidence: Evidence,
    *,
    delta: float = 0.05,
    bounds: Iterable[str] | None = None,
    joint: bool = False,
    progress: Progress = silent,
) -> Report:
    """Ask theorems about evidence that was measured before; needs no network and no torch.

    Args:
        evidence: The record.
        delta: Confidence parameter in (0, 1): of each bound alone, or of all together when ``joint``.
        bounds: Names of theorems; all when ``None``.
        joint: Divide ``delta`` evenly, so that all bounds hold together with probability 1 - delta.
        progress: Told which theorem is asked.

    Raises:
        InputError: An unknown name, or a ``delta`` that is not in (0, 1).
    """
    from boundcheck.measures import measured
    from boundcheck.report.report import NO_MEASURES, Report

    check_delta(delta)
    names = chosen_theorems(bounds)
    share = delta / len(names) if joint else delta
    certificates = []
    for i, name in enumerate(names):
        progress(f"asking {name}", i / len(names))
        certificates.append(CATALOGUE[name](evidence, share))
    progress("asking theorems", 1.0)
    # Who names some bounds wants those alone.
    measures = measured(evidence) if len(names) == len(CATALOGUE) else NO_MEASURES
    return Report.of(evidence, certificates, delta=delta, joint=joint, measures=measures)


def evaluate(
    model: Run | nn.Module,
    train: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    reference: nn.Module | None = None,
    *,
    delta: float = 0.05,
    bounds: Iterable[str] | None = None,
    joint: bool = False,
    effort: str = "quick",
    labels: str = "true",
    classes: int | None = None,
    domain: tuple[float, float] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Report:
    """Every applicable bound of a trained network beside its measured error.

    Args:
        model: A run, or a live network from inputs (n, ...) to k numbers an example. It is put into evaluation mode on a copy.
        train: Inputs (n, ...) and integer labels (n,) that the network was trained on, arrays or tensors; uint8 is divided
            by 255.
        test: The same of held-out data, with clean labels.
        reference: The network with its initial weights; without it references are zero, and the report says so.
        delta: Confidence parameter in (0, 1).
        bounds: Names of theorems; all when ``None``.
        joint: Divide ``delta``, so that all rows hold together.
        effort: ``quick`` or ``full``: how hard posteriors and compressed networks are searched for.
        labels: Law of the training labels: ``true``, ``random`` or ``corrupt:P``.
        classes: Number of classes; by default one more than the largest label.
        domain: Lowest and highest value of an input coordinate known a priori, e.g. (0, 1) for pixels.
        seed: Seed of every random draw of the measurement.
        progress: Told what is being done.

    Returns:
        The report.

    Raises:
        InputError: Something can't be used; the message says what was expected, what came and what to do.
    """
    evidence = measure(
        as_run(model, train, test, reference, labels=labels, classes=classes, domain=domain),
        delta=delta,
        bounds=bounds,
        effort=effort,
        seed=seed,
        progress=progress,
    )
    return ask(evidence, delta=delta, bounds=bounds, joint=joint, progress=progress)


def measure(
    run: Run,
    *,
    delta: float = 0.05,
    bounds: Iterable[str] | None = None,
    effort: str = "quick",
    seed: int = 0,
    progress: Progress = silent,
    draws: int | None = None,
    seconds: float | None = None,
) -> Evidence:
    """Measure what the chosen theorems name, and nothing else; what measures name too, when all theorems are asked.

    Args:
        run: The network and its samples.
        delta: Only guides the search for posteriors and compressed networks; no number depends on it otherwise.
        bounds: Names of theorems; all when ``None``.
        effort: ``quick`` or ``full``.
        seed: Seed of every random draw.
        progress: Told what is being done.
        draws: Networks that are drawn from the posterior of a certificate; ``None``: as many as the effort has.
        seconds: Time for the searches for posterior and code together, or for drawing from a stored posterior; ``None``: the
            same work on every machine.

    Raises:
        InputError: An unknown name, effort, ``delta``, number of draws or of seconds.
    """
    from boundcheck.evidence.collect import collect
    from boundcheck.measures import MEASURES

    check_delta(delta)
    check_effort(effort)
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError("a seed from 0 to 2**63 - 1", repr(seed), "choose another")
    if draws is not None and not draws >= 1:
        raise InputError("--draws of 1 or more", repr(draws), "leave it out for what the effort has")
    if seconds is not None and not seconds > 0.0:
        raise InputError("a --time of more than 0 seconds", repr(seconds), "leave it out for no limit")
    names = chosen_theorems(bounds)
    sections: list[str] = [section for name in names for section in CATALOGUE[name].reads]
    if len(names) == len(CATALOGUE):
        sections += [section for found in MEASURES.values() for section in found.reads]
    wanted = tuple(dict.fromkeys(sections))
    return collect(run, wanted, delta=delta, effort=effort, seed=seed, progress=progress, draws=draws, seconds=seconds)


def as_run(
    model: Run | nn.Module,
    train: tuple[Any, Any] | None,
    test: tuple[Any, Any] | None,
    reference: nn.Module | None,
    *,
    labels: str,
    classes: int | None,
    domain: tuple[float, float] | None,
) -> Run:
    """A run from live objects, or the run itself.

    Raises:
        InputError: No training sample came with a network, or one came with a run.
    """
    from boundcheck.runs.live import run_from_objects
    from boundcheck.runs.run import Run

    if isinstance(model, Run):
        extra = {"train": train, "test": test, "reference": reference, "classes": classes, "domain": domain}
        given = [name for name, value in extra.items() if value is not None] + ["labels"] * (labels != "true")
        if given:
            raise InputError("a run alone, which says all of this itself", f"also {', '.join(given)}", "leave it out")
        return model
    if train is None:
        raise InputError("train=(inputs, labels) with a network", "no training sample", "pass the sample it was trained on")
    return run_from_objects(model, train, test, reference, labels=labels, classes=classes, domain=domain)
