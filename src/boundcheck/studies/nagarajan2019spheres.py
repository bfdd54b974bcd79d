r"""Two concentric spheres: a trained ReLU network errs on a sample of the law that it was trained on.

After V. Nagarajan and J. Z. Kolter, Uniform convergence may be unable to explain generalization in deep learning, NeurIPS 2019,
section 3.2: a direction is uniform on the sphere, a fair label says whether the radius is 1 or 1.1. The flipped sample S' of S
has each example moved to the other sphere and the other label; as the label is fair, S' has the law of S (also as stored: an
input is its direction times a radius, rounded, in both).

**What follows from independent runs.** Let run k give the gap :math:`G_k = \hat R_{S'}(h_S) - \bar R_k`, where :math:`\bar R_k`
is above the error of h_S with probability at least :math:`1 - \delta_t` (Clopper and Pearson on a fresh sample). For K runs and
:math:`q = \alpha^{1/K}`, with confidence :math:`1 - \alpha` a new run has :math:`G \ge \min_k G_k` with probability at least q:
let c be the largest number with :math:`P(G \ge c) \ge q`; the minimum exceeds c only if all K runs do, each with probability at
most q. So :math:`|R(h_S) - \hat R_{S'}(h_S)| \ge \min_k G_k` with probability at least :math:`q - \delta_t`. A set of samples
of probability at least :math:`1 - \delta_u` with :math:`2 \delta_u < q - \delta_t` holds S and S' for which this is true, so
every two-sided bound that holds on such a set, uniformly over what the algorithm finds on it, is at least :math:`\min_k G_k`.
One-sided bounds are not touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from boundcheck.errors import InputError
from boundcheck.networks.architectures import build
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.numerics import binomial_tail_inverse
from boundcheck.numerics.rounding import div_down, exp_down, log_down, sub_down
from boundcheck.runs.run import Sample
from boundcheck.runs.training import Settings, train_epochs
from boundcheck.studies.engine.plan import Job

RADII = (1.0, 1.1)
TEST_DELTA = 1e-3
"""Probability that the error of one run lies above its bound."""


@dataclass(frozen=True, eq=False)
class Directions:
    """Examples before their radius: directions (n, d), and labels (n,) that choose the sphere."""

    unit: NDArray[np.float32]
    labels: NDArray[np.int64]

    def sample(self) -> Sample:
        """The examples."""
        return Sample(self.unit * np.asarray(RADII, dtype=np.float32)[self.labels][:, None], self.labels)

    def flipped(self) -> Directions:
        """The same directions on the other spheres."""
        return Directions(self.unit, 1 - self.labels)


def draw(n: int, d: int, rng: np.random.Generator) -> Directions:
    """Independent examples."""
    raw = rng.normal(size=(n, d))
    unit = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return Directions(unit, rng.integers(0, 2, n))


def one_run(job: Job) -> list[dict[str, Any]]:
    """Draw, train, and look at the sample, the flipped sample and fresh examples.

    Args:
        job: ``m`` examples, ``d`` dimensions, hidden ``widths``, ``lr``, ``momentum``, ``batch_size``, ``epochs``, ``stop``,
            ``test`` fresh examples and ``seed``.

    Returns:
        One row.

    Raises:
        InputError: A number is out of its range.
    """
    m, d, test = int(job["m"]), int(job["d"]), int(job["test"])
    if min(m, d, test) < 2:
        raise InputError("--m, --d and --test of at least 2", f"{m}, {d} and {test}", "try 2000, 300 and 20000")
    train_seed, test_seed, own = np.random.SeedSequence([int(job["seed"]), 31]).spawn(3)
    drawn = draw(m, d, np.random.default_rng(train_seed))
    seed = int(own.generate_state(1, np.uint32)[0])
    network = build("mlp", (d,), 2, seed=seed, widths=tuple(job["widths"]))
    settings = Settings(
        lr=job["lr"], momentum=job["momentum"], batch_size=job["batch_size"], epochs=job["epochs"], seed=seed, stop=job["stop"]
    )
    trained = train_epochs(network, drawn.sample(), settings)
    flipped, fresh = drawn.flipped().sample(), draw(test, d, np.random.default_rng(test_seed)).sample()
    wrong = [int(program_mistakes(network, torch.from_numpy(s.x), torch.from_numpy(s.y))[0].sum()) for s in (flipped, fresh)]
    upper = float(binomial_tail_inverse(wrong[1], test, TEST_DELTA))
    return [
        {
            "epochs": len(trained.history),
            "stopped": trained.stopped,
            "train_errors": int(trained.history[-1]["errors"]),
            "flipped_errors": wrong[0],
            "test_errors": wrong[1],
            "test_error_upper": upper,
            "gap": sub_down(div_down(float(wrong[0]), float(m)), upper),
        }
    ]


@dataclass(frozen=True)
class Conclusion:
    """What follows from independent runs.

    Attributes:
        lower_bound: What every two-sided uniform-convergence bound is at least; 0 says nothing.
        failure: Bounds that fail with a probability below this are spoken of.
        confidence: Of the statement, over the runs.
        runs: Number of runs.
    """

    lower_bound: float
    failure: float
    confidence: float
    runs: int


def conclude(rows: Sequence[Mapping[str, Any]], alpha: float) -> Conclusion:
    """The smallest gap of all runs.

    Args:
        rows: Rows of :func:`one_run` with different seeds; their number was fixed beforehand.
        alpha: One minus the confidence, in (0, 1).

    Raises:
        InputError: There are no runs or ``alpha`` is out of range.
    """
    if not rows or not 0.0 < alpha < 1.0:
        raise InputError("at least one run and delta in (0, 1)", f"{len(rows)} and {alpha}", "try 5 runs and 0.05")
    share = exp_down(div_down(log_down(alpha), float(len(rows))))
    failure = max(div_down(sub_down(share, TEST_DELTA), 2.0) if share > TEST_DELTA else 0.0, 0.0)
    smallest = max(min(float(row["gap"]) for row in rows), 0.0)
    return Conclusion(smallest if failure > 0.0 else 0.0, failure, 1.0 - alpha, len(rows))
