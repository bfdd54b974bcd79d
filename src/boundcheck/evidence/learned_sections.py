"""Sections of the evidence about what was trained, or is searched for, beside the network: posteriors, codes, picked examples."""

from __future__ import annotations

from typing import Any

from boundcheck.evidence.unavailable import Unavailable
from boundcheck.runs.measurement import Measurement


def posterior(m: Measurement) -> Any:
    """The posterior that a certificate stored, else a Gaussian around the weights that is searched for."""
    from boundcheck.pac_bayes.stored import METHOD, StoredPosterior

    if m.run.certificate is not None and m.run.certificate["method"] == METHOD:
        from boundcheck.pac_bayes.measure_stored import measure_stored

        return measure_stored(initial=m.run.reference, stored=StoredPosterior.of(m.run.certificate), **_stored_arguments(m))
    from boundcheck.pac_bayes.posterior import measure_posterior

    return measure_posterior(**_search_arguments(m), time_budget=_part_of_time(m))


def prior_network(m: Measurement) -> Any:
    """The network at the centre of a prior, or before the first pick: a certificate's own examples have not seen it."""
    if m.run.certificate is not None and m.run.certificate["method"] == "pick-to-learn":
        from boundcheck.compression.measure_picked import measure_first_network

        return measure_first_network(certificate=m.run.certificate, **_network_arguments(m))
    from boundcheck.pac_bayes.stored import METHOD, StoredPosterior

    if m.run.certificate is None or m.run.certificate["method"] != METHOD:
        raise Unavailable("no prior was learned on a part of the sample")
    from boundcheck.pac_bayes.measure_stored import measure_prior_network

    return measure_prior_network(stored=StoredPosterior.of(m.run.certificate), **_network_arguments(m))


def recursive(m: Measurement) -> Any:
    """A chain of posteriors, each the prior of the next."""
    from boundcheck.pac_bayes.stored import METHOD, StoredPosterior

    if m.run.certificate is None or m.run.certificate["method"] != METHOD:
        raise Unavailable("no chain of posteriors was trained")
    from boundcheck.pac_bayes.measure_recursive import measure_recursive

    return measure_recursive(initial=m.run.reference, stored=StoredPosterior.of(m.run.certificate), **_stored_arguments(m))


def magnitude(m: Measurement) -> Any:
    """A posterior whose variances grow with how far each weight has moved."""
    from boundcheck.pac_bayes.magnitude import measure_magnitude

    return measure_magnitude(**_search_arguments(m))


def code(m: Measurement) -> Any:
    """The network in few bits: from the bytes that a certificate stored, else searched for around the weights."""
    if m.run.certificate is not None and m.run.certificate["method"] == "compression":
        from boundcheck.compression.stored import measure_stored_code

        given = _network_arguments(m)
        return measure_stored_code(initial=m.run.reference, certificate=m.run.certificate, overlap=m.errors.overlap, **given)
    from boundcheck.compression.search import measure_code

    return measure_code(**_search_arguments(m), time_budget=_part_of_time(m))


def picked(m: Measurement) -> Any:
    """The examples that an algorithm picked, which an ordinary training does not do."""
    if m.run.certificate is None or m.run.certificate["method"] != "pick-to-learn":
        raise Unavailable("the network was not trained by picking examples one after another")
    from boundcheck.compression.measure_picked import measure_picked

    return measure_picked(m.run.network, m.run.certificate, m.run.train.x, m.run.train.y)


def _part_of_time(m: Measurement) -> float | None:
    """Seconds of one of the two searches that take as long as they are given."""
    return None if m.seconds is None else 0.45 * m.seconds


def _network_arguments(m: Measurement) -> dict[str, Any]:
    """What is told where one network is measured and nothing is drawn."""
    told = ("module", "x", "y", "x_test", "y_test", "held_out_error")
    return {name: value for name, value in _search_arguments(m).items() if name in told}


def _stored_arguments(m: Measurement) -> dict[str, Any]:
    """What the measurement of a stored posterior is told."""
    drawing = {"seed": m.seed, "effort": m.effort, "draws": m.draws, "time_budget": _part_of_time(m), "progress": m.progress}
    return _network_arguments(m) | drawing


def _search_arguments(m: Measurement) -> dict[str, Any]:
    """What the searches for a posterior and for a code are told alike."""
    run, test = m.run, m.run.test
    return {
        "module": run.network,
        "reference": run.reference,
        "x": run.train.x,
        "y": run.train.y,
        "x_test": None if test is None else test.x,
        "y_test": None if test is None else test.y,
        "classes": run.classes,
        "seed": m.seed,
        "reference_kind": run.reference_kind,
        "effort": m.effort,
        "delta": m.delta,
        "held_out_error": m.held_out_error,
        "overlap": m.errors.overlap,
        "progress": m.progress,
    }
