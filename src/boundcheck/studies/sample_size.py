r"""The same network on samples of growing size, trained until the same margin: test error falls, what norm bounds read rises.

After V. Nagarajan and J. Z. Kolter, Uniform convergence may be unable to explain generalization in deep learning, NeurIPS 2019,
section 2: a fully connected network without biases, batches of one example, training ends when 99 % of the examples have a margin
of 10. That rule is the experiment: where it is not met, norms of different samples have no common ground, and such points are
marked and left out of the fitted exponents.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from boundcheck.bounds import CATALOGUE
from boundcheck.data import parse_labels
from boundcheck.evaluation import ask, measure
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.runs.job import Prepared, TrainingJob, prepare
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run
from boundcheck.runs.samples import make_samples
from boundcheck.runs.state import fit_state_dict
from boundcheck.runs.training import Settings
from boundcheck.studies.engine.plan import Job

NORM_BOUNDS = tuple(name for name, theorem in CATALOGUE.items() if theorem.family == "norm")


def run_of(prepared: Prepared) -> Run:
    """The trained network of a job with its initial weights and both samples, in the shape that it takes."""
    job, dataset = prepared.job, prepared.dataset
    law = parse_labels(job.labels)
    train, test = make_samples(dataset, law, job.settings.seed, job.n)
    reference = copy.deepcopy(prepared.network)
    fit_state_dict(reference, prepared.initial, "the initial weights")
    run = Run(prepared.network.eval(), reference.eval(), "initial", train, test, dataset.classes, law, dataset.low, dataset.high)
    return fit_input_shape(run)


def one_size(job: Job) -> list[dict[str, Any]]:
    """Train on one sample and measure every norm bound.

    Args:
        job: ``data``, ``n``, ``seed``, ``widths``, ``xavier`` (see :func:`boundcheck.networks.architectures.mlp`), ``lr``,
            ``batch_size``, ``stop``, ``delta``, ``steps`` (at most this many, in whole epochs) and ``bounds``, names of theorems.

    Returns:
        One row.
    """
    n, batch = int(job["n"]), int(job["batch_size"])
    epochs = math.ceil(job["steps"] * batch / n)
    settings = Settings(lr=job["lr"], momentum=0.0, batch_size=batch, epochs=epochs, seed=job["seed"], stop=job["stop"])
    kwargs = {"widths": list(job["widths"]), "bias": False, "xavier": job["xavier"]}
    prepared = prepare(TrainingJob(job["data"], "mlp", kwargs, "true", n, settings))
    trained = prepared.run()
    last = trained.history[-1]
    evidence = measure(run_of(prepared), delta=job["delta"], bounds=job["bounds"])
    report = ask(evidence, delta=job["delta"], bounds=job["bounds"])
    bounds = {c.name: c.log10_value for c in report.certificates if c.why is None}
    held_out = evidence.errors
    return [
        {
            "n": n,
            "reached": trained.stopped,
            "level": last["level"],
            "epochs": last["epoch"],
            "train_errors": last["errors"],
            "test_n": held_out.test_n,
            "test_errors": held_out.test_errors,
            "log10_bounds": bounds,
            "not_applicable": {c.name: c.why for c in report.certificates if c.why is not None},
            "terms": norm_terms(evidence),
        }
    ]


def norm_terms(evidence: Evidence) -> dict[str, float]:
    """What norm bounds are made of, as decimal logarithms: distances, products of norms, the path norm, the inputs."""
    layers = list((evidence.layers or {}).values())
    found = {
        "distance from the initial weights": 0.5 * math.log(math.fsum(layer.difference_frobenius**2 for layer in layers)),
        "product of spectral norms": log_product_up([layer.spectral for layer in layers]),
        "product of Frobenius norms": log_product_up([layer.frobenius for layer in layers]),
        "spectral norms times relative distances": log_product_up([layer.spectral for layer in layers])
        + 0.5 * math.log(math.fsum((layer.difference_frobenius / layer.spectral) ** 2 for layer in layers)),
    }
    if evidence.two_layer is not None:
        found["Frobenius norms, two last layers joined"] = log_product_up(
            [evidence.two_layer.plain, *(layer.frobenius for layer in layers[:-2])]
        )
    if evidence.path is not None:
        found["path norm"] = evidence.path.log_total
    return {name: value / math.log(10.0) for name, value in found.items()}


@dataclass(frozen=True)
class Exponent:
    """A power law fitted to points.

    Attributes:
        exponent: Slope of the logarithm against the logarithm of n.
        standard_error: Of the slope, from the residuals; ``None`` for two points.
        points: Points fitted.
    """

    exponent: float
    standard_error: float | None
    points: int


def fit_exponent(n: Sequence[float], log10_values: Sequence[float]) -> Exponent:
    """Least squares of the decimal logarithm of a quantity against that of n.

    Raises:
        ValueError: There are fewer than two points, or not two different sizes.
    """
    x, y = np.log10(np.asarray(n, dtype=np.float64)), np.asarray(log10_values, dtype=np.float64)
    if len(x) < 2 or len(x) != len(y) or np.ptp(x) == 0.0:
        raise ValueError(f"expected at least two different sizes and a value for each; got {len(x)} sizes and {len(y)} values")
    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ y) / square
    residuals = y - y.mean() - slope * centred
    error = math.sqrt(float(residuals @ residuals) / (len(x) - 2) / square) if len(x) > 2 else None
    return Exponent(slope, error, len(x))


def exponents(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Exponent]]:
    """Fitted exponents of the test error, of each bound and of each norm term, over the points that reached the rule.

    Args:
        rows: Rows of :func:`one_size`.

    Returns:
        By group (``test error``, ``bounds``, ``terms``) and name; only what every point has.
    """
    used = [row for row in rows if row["reached"]]
    sizes = [row["n"] for row in used]
    found: dict[str, dict[str, Exponent]] = {"test error": {}, "bounds": {}, "terms": {}}
    if all(row["test_errors"] > 0 for row in used):
        logs = [math.log10(row["test_errors"] / row["test_n"]) for row in used]
        found["test error"]["test error"] = fit_exponent(sizes, logs)
    for group, key in (("bounds", "log10_bounds"), ("terms", "terms")):
        for name in used[0][key] if used else ():
            if all(name in row[key] for row in used):
                found[group][name] = fit_exponent(sizes, [row[key][name] for row in used])
    return found
