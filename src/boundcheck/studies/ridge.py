"""Kernel ridge regression with the linear kernel: a kernel machine whose weights can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from boundcheck.data import parse_labels
from boundcheck.data.synthetic import FiniteProblem
from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.studies.finite import population_risks, run_on
from boundcheck.studies.trial import Setting, Trial, load_weights, measured

_SLACK = 1.0 + 1e-9  # sums of a few thousand float64 products err by less than 1e-12 of their absolute sum
_GRADIENT_FLOOR = 1e-11  # sums of a few hundred float64 products of numbers near 1 err by less
_GAP_FLOOR = 1e-12  # gradients are computed to 1e-14 of numbers near 1; a gap is their square over the penalty


@dataclass(frozen=True, eq=False)
class Ridge(Setting):
    """The minimizer of the average squared error plus a penalty; the distribution is chosen so that it overfits.

    Attributes:
        name: As it stands in the table.
        says: What it is.
        problem: The distribution.
        n: Training examples.
        held_out: Held-out examples of the test-set bounds.
        penalty: Weight of the squared norm, fixed before the sample.
    """

    name: str
    says: str
    problem: FiniteProblem
    n: int
    held_out: int
    penalty: float

    @property
    def sections(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of a kernel predictor; as a network it is one among those of other settings."""
        return ("kernel", "margins")

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, the minimizer on it, and its exact risk."""
        rng = np.random.default_rng(seed)
        train, held_out = self.problem.sample(self.n, rng), self.problem.sample(self.held_out, rng)
        d, k = self.problem.atoms.shape[1], self.problem.classes
        x, targets = train[0], np.eye(k)[train[1]]
        gram = x.T @ x / self.n + self.penalty * np.eye(d)
        network = nn.Sequential(nn.Linear(d, k, bias=False))
        load_weights(network, np.linalg.solve(gram, x.T @ targets / self.n).T.ravel().astype(np.float64))
        (weight,) = network.parameters()
        w = weight.detach().double().numpy()
        run = run_on(self.problem, network, train, (d,), parse_labels("true"))
        evidence = measured(run, [name for name in sections if name != "kernel"], held_out, int(rng.integers(2**62)))
        evidence = replace(evidence, kernel=self.predictor(w, x, targets))
        return Trial(evidence, population_risks(evidence, int(self.problem.weights.sum())))

    def predictor(self, w: NDArray[np.float64], x: NDArray[np.float64], targets: NDArray[np.float64]) -> KernelPredictor:
        """What theorems ask of it.

        Args:
            w: Weights as they run, shape (k, d), rounded to float32: the objective lies a little above its minimum.
            x: Inputs, shape (n, d).
            targets: Unit vectors of the labels, shape (n, k).
        """
        gradient = 2.0 * ((w @ x.T - targets.T) @ x / self.n + self.penalty * w)
        squares = np.square(x).sum(axis=1)
        return KernelPredictor(
            kernel="linear",
            outputs=len(w),
            norm=float(np.linalg.norm(w)) * _SLACK,
            trace=float(squares.sum()) * _SLACK,
            diagonal=float(np.square(self.problem.atoms).sum(axis=1).max()) * _SLACK,
            lowered=True,
            ridge=self.penalty,
            loss="squared",
            loss_scale=1.0,
            # The objective is strongly convex: F(w) - min F <= |grad F(w)|^2 / (4 penalty).
            gap=float(np.square(gradient).sum()) / (4.0 * self.penalty) * _SLACK + _GAP_FLOOR,
            left_out=self.left_out(x, targets),
        )

    def left_out(self, x: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, ...]:
        """At each example the margin of the minimizer without it, from below.

        Args:
            x: Inputs, shape (n, d).
            targets: Unit vectors of the labels, shape (n, k).
        """
        each = x[:, :, None] * x[:, None, :] / self.n
        gram = each.sum(axis=0) - each + self.penalty * np.eye(x.shape[1])
        right = (x.T @ targets)[None] / self.n - x[:, :, None] * targets[:, None, :] / self.n
        w = np.linalg.solve(gram, right)
        # Strong convexity: the minimizer lies within |gradient| / (2 penalty), and margins are sqrt(2)-Lipschitz in the outputs.
        gradient = 2.0 * np.sqrt(np.square(gram @ w - right).sum(axis=(1, 2))) + _GRADIENT_FLOOR
        away = np.sqrt(2.0 * np.square(x).sum(axis=1)) * gradient / (2.0 * self.penalty) * _SLACK
        scores = np.einsum("id,idk->ik", x, w)
        own = (scores * targets).sum(axis=1)
        rivals = np.where(targets > 0.0, -np.inf, scores).max(axis=1)
        return tuple((own - rivals - away - _GRADIENT_FLOOR).tolist())
