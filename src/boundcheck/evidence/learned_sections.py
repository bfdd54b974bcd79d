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

        return measure_stored(m.subject, StoredPosterior.of(m.run.certificate))
    from boundcheck.pac_bayes.posterior import measure_posterior

    return measure_posterior(m.subject)


def prior_network(m: Measurement) -> Any:
    """The network at the centre of a prior, or before the first pick: a certificate's own examples have not seen it."""
    if m.run.certificate is not None and m.run.certificate["method"] == "pick-to-learn":
        from boundcheck.compression.measure_picked import measure_first_network

        return measure_first_network(m.subject, m.run.certificate)
    from boundcheck.pac_bayes.stored import METHOD, StoredPosterior

    if m.run.certificate is None or m.run.certificate["method"] != METHOD:
        raise Unavailable("no prior was learned on a part of the sample")
    from boundcheck.pac_bayes.measure_stored import measure_prior_network

    return measure_prior_network(m.subject, StoredPosterior.of(m.run.certificate))


def recursive(m: Measurement) -> Any:
    """A chain of posteriors, each the prior of the next."""
    from boundcheck.pac_bayes.stored import METHOD, StoredPosterior

    if m.run.certificate is None or m.run.certificate["method"] != METHOD:
        raise Unavailable("no chain of posteriors was trained")
    from boundcheck.pac_bayes.measure_recursive import measure_recursive

    return measure_recursive(m.subject, StoredPosterior.of(m.run.certificate))


def magnitude(m: Measurement) -> Any:
    """A posterior whose variances grow with how far each weight has moved."""
    from boundcheck.pac_bayes.magnitude import measure_magnitude

    return measure_magnitude(m.subject)


def code(m: Measurement) -> Any:
    """The network in few bits: from the bytes that a certificate stored, else searched for around the weights."""
    if m.run.certificate is not None and m.run.certificate["method"] == "compression":
        from boundcheck.compression.stored import measure_stored_code

        return measure_stored_code(m.subject, m.run.certificate)
    from boundcheck.compression.search import measure_code

    return measure_code(m.subject)


def picked(m: Measurement) -> Any:
    """The examples that an algorithm picked, which an ordinary training does not do."""
    if m.run.certificate is None or m.run.certificate["method"] != "pick-to-learn":
        raise Unavailable("the network was not trained by picking examples one after another")
    from boundcheck.compression.measure_picked import measure_picked

    return measure_picked(m.run.network, m.run.certificate, m.run.train.x, m.run.train.y)
