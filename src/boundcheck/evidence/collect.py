"""Fill an evidence record from a run: each section that is asked for is measured once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from boundcheck.evidence.measure_hidden_units import measure_hidden_units
from boundcheck.evidence.measure_patches import measure_patches
from boundcheck.evidence.record import Evidence, Inputs, Posterior, Precision, Provenance, Structure
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.fusing import compared_buffers, learned_buffers
from boundcheck.networks.graph import Graph
from boundcheck.networks.growth import growth_layers
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.norms import layer_norms, two_layer_norm
from boundcheck.networks.path import path_norm
from boundcheck.networks.wiring import graph_steps
from boundcheck.numerics.norms import plain_and_augmented_norms, row_norms
from boundcheck.progress import Progress, silent
from boundcheck.runs.measurement import Measurement
from boundcheck.runs.run import Run

# Shares of a quick evaluation of a fully connected network that the sections take, for the progress bar.
_WEIGHTS: Mapping[str, float] = {"errors": 3.0, "inputs": 3.0, "layers": 1.0, "posterior": 6.0, "code": 6.0, "flatness": 1.0}


def precision(m: Measurement) -> Precision:
    """Bits of every number in the network that training could change."""
    numbers: dict[str, int] = {}
    bits = 0
    tensors = [*m.run.network.parameters(), *learned_buffers(m.run.network, m.run.reference).values()]
    for tensor in tensors:
        kind = str(tensor.dtype).removeprefix("torch.")
        numbers[kind] = numbers.get(kind, 0) + tensor.numel()
        bits += tensor.numel() * tensor.element_size() * 8
    parts = [f"{count} {kind}" for kind, count in numbers.items()]
    flags = compared_buffers(m.run.network, m.run.reference)
    if flags:
        parts.append(f"{flags} bits that say which buffers changed")
    return Precision(bits + flags, " + ".join(parts))


def structure(m: Measurement) -> Structure:
    """The shape of the network."""
    graph, chain = m.graph, m.graph.chain()
    return Structure(
        chain=tuple(stage.layer.name for stage in chain.stages),
        why_no_chain=chain.reason,
        unplaced=tuple(f"{name}: {reason}" for name, reason in graph.unplaced),
        has_bias=graph.has_bias,
        has_skip=graph.has_skip,
        has_max_pool=graph.has_max_pool,
        elementwise=graph.slopes,
        lowered=m.train_margins.lowered,
        steps=() if chain.reason is None or graph.unplaced else graph_steps(graph),
    )


def margins(m: Measurement) -> tuple[float, ...]:
    """Margins on the training sample, from below."""
    if not m.train_margins.lowered:
        raise Unavailable(f"margins can't be rounded down: {_unplaced(m.graph)}")
    return tuple(m.train_margins.values.tolist())


def relative_margins(m: Measurement) -> tuple[float, ...]:
    """Margins over the norms of their inputs, from below."""
    values = np.asarray(margins(m))
    norms = row_norms(m.run.train.x.reshape(len(values), -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nextafter(values / norms, -np.inf)
    # A norm from above lowers a positive ratio only; a margin that is not positive is an error at any scale.
    usable = (values > 0.0) & (norms > 0.0) & np.isfinite(ratio)
    return tuple(np.where(usable, ratio, -np.inf).tolist())


def inputs(m: Measurement) -> Inputs:
    """Norms of the matrix of inputs, from above."""
    x = m.run.train.x.reshape(len(m.run.train), -1)
    radius = m.problem.input_radius
    m.progress("norms of the inputs", 0.0)
    plain, augmented = plain_and_augmented_norms(x)
    # Coordinates were held against the domain when the data was read; the slack covers what row_norms rounds up.
    outside = 0 if radius is None else int((row_norms(x) > radius * (1.0 + 1e-12)).sum())
    return Inputs(
        frobenius=plain.frobenius,
        spectral=plain.spectral,
        frobenius_augmented=augmented.frobenius,
        spectral_augmented=augmented.spectral,
        max_column_square=plain.max_column_square_sum,
        outside_radius=outside,
    )


def layers(m: Measurement) -> Any:
    """Norms of each affine layer."""
    if m.graph.unplaced:
        raise Unavailable(_unplaced(m.graph))
    if m.reference_graph is not None and m.reference_graph.unplaced:
        raise Unavailable(f"of the reference: {_unplaced(m.reference_graph)}")
    return layer_norms(m.graph, m.reference_graph)


def two_layer(m: Measurement) -> Any:
    """The norm of the two last layers."""
    return _or_unavailable(two_layer_norm(m.graph))


def hidden_units(m: Measurement) -> Any:
    """How far the units of a two-layer network went from where they started."""
    return measure_hidden_units(m.graph, m.reference_graph)


def patches(m: Measurement) -> Any:
    """A chain of convolutions, patch by patch."""
    return measure_patches(m.graph, m.run.train.x)


def path(m: Measurement) -> Any:
    """The path norm."""
    return _or_unavailable(path_norm(m.graph, nonnegative_input=m.problem.nonnegative))


def growth(m: Measurement) -> Any:
    """Levels of sign tests."""
    if isinstance(m.run.network, Memorizer):
        return m.run.network.growth_layers()
    return _or_unavailable(growth_layers(m.graph))


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


def geometry(m: Measurement) -> Any:
    """How the network lies around its initial weights and acts on the sample."""
    from boundcheck.evidence.measure_geometry import measure_geometry

    return measure_geometry(m.graph, m.reference_graph, m.run.train.x, m.run.train.y, seed=m.seed, effort=m.effort)


def flatness(m: Measurement) -> Any:
    """How far the weights can be moved."""
    from boundcheck.evidence.measure_flatness import measure_flatness

    return measure_flatness(m.graph, m.reference_graph, m.run.train.x, m.run.train.y, seed=m.seed, effort=m.effort)


def kernel(m: Measurement) -> Any:
    """The norm of a kernel predictor, which no network is."""
    raise Unavailable("the network is not a kernel predictor")


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


MEASURED: Mapping[str, Callable[[Measurement], Any]] = {
    "precision": precision,
    "structure": structure,
    "margins": margins,
    "relative_margins": relative_margins,
    "inputs": inputs,
    "layers": layers,
    "two_layer": two_layer,
    "hidden_units": hidden_units,
    "patches": patches,
    "path": path,
    "growth": growth,
    "posterior": posterior,
    "code": code,
    "picked": picked,
    "kernel": kernel,
    "geometry": geometry,
    "flatness": flatness,
    "magnitude": magnitude,
    "prior_network": prior_network,
    "recursive": recursive,
}
"""Section of the record to the function that measures it; problem and errors are always measured."""


def collect(
    run: Run,
    sections: Sequence[str],
    *,
    delta: float = 0.05,
    effort: str = "quick",
    seed: int = 0,
    progress: Progress = silent,
    draws: int | None = None,
    seconds: float | None = None,
) -> Evidence:
    """Measure sections of the evidence.

    Args:
        run: The network and its samples.
        sections: Names of sections, as theorems list them.
        delta: Guides the search for posteriors and codes.
        effort: ``quick`` or ``full``.
        seed: Seed of every random draw.
        progress: Told what is being done.
        draws: Networks that are drawn from the posterior of a certificate; ``None``: as many as the effort has.
        seconds: Time for the searches for posterior and code together; ``None``: the same work on every machine.

    Returns:
        The record; a section that can't be measured is absent with its reason.
    """
    wanted = [name for name in MEASURED if name in sections]
    total = sum(_WEIGHTS.get(name, 0.2) for name in ("errors", *wanted))
    state = {"done": 0.0, "share": _WEIGHTS["errors"]}
    m = Measurement(run, delta, effort, seed, lambda what, f: progress(what, (state["done"] + f * state["share"]) / total))
    m.draws, m.seconds = draws, seconds
    problem, errors = m.problem, m.errors
    state["done"] += state["share"]
    found: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name in wanted:
        state["share"] = _WEIGHTS.get(name, 0.2)
        m.progress(f"measuring {name}", 0.0)
        try:
            found[name] = MEASURED[name](m)
        except Unavailable as reason:
            absent[name] = str(reason)
        state["done"] += state["share"]
    return Evidence(provenance=_provenance(m, found.get("posterior")), problem=problem, errors=errors, absent=absent, **found)


def _provenance(m: Measurement, drawn_from: Posterior | None) -> Provenance:
    run, e = m.run, m.errors
    notes = list(run.notes)
    if m.train_margins.lowered:
        unsure = int((~(m.train_margins.values > 0.0)).sum()) - e.errors
        if unsure > 0:
            notes.append(
                f"the margins of {unsure} training rows are within the rounding error bound: errors where margins are read"
            )
    vote = None if drawn_from is None else drawn_from.vote
    if vote is not None:
        notes.append(
            f"the measured error of the vote is that of {vote.networks} networks drawn from the posterior, "
            f"on {vote.examples} of {e.test_n} held-out rows"
        )
    return Provenance(
        checkpoint=run.checkpoint,
        sha256=run.sha256,
        model=run.model,
        data=run.data,
        labels=run.law.spec,
        reference=run.reference_kind,
        parameters=run.parameters,
        seed=m.seed,
        effort=m.effort,
        modules=tuple((entry.path, entry.kind, entry.outcome) for entry in m.graph.modules()),
        notes=tuple(notes),
    )


def _unplaced(graph: Graph) -> str:
    name, reason = graph.unplaced[0]
    return f"{name}: {reason}"


def _or_unavailable(found: Any) -> Any:
    if isinstance(found, str):
        raise Unavailable(found)
    return found
