"""Training of a posterior: mean and scale of every weight descend along a PAC-Bayes bound, by Adam, resumable at every step."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.errors import InputError
from boundcheck.networks.mistakes import mistakes
from boundcheck.pac_bayes.diagonal import Diagonal, Weights
from boundcheck.pac_bayes.objectives import bounded_cross_entropy, objective
from boundcheck.pac_bayes.training_noise import NoisyNetwork
from boundcheck.runs.streams import generator

_STREAM = 64  # streams of random numbers from here on are this module's
LEAST_PASSES = 20
LEAST_STEPS = 3000
"""Steps below which a posterior stays near its prior, and the certificate near that of chance."""
_SMALLEST = 1e-8  # scales that training may not go below, so that their logarithms stay what they are in float32


@dataclass(frozen=True)
class Descent:
    """How a posterior is trained.

    Attributes:
        objective: A key of :data:`boundcheck.pac_bayes.objectives.OBJECTIVES`.
        epochs: Passes over the examples; ``None``: 20, and more on a small sample, until :data:`LEAST_STEPS` steps are made.
        batch_size: Examples a step.
        lr: Learning rate of Adam for the means; it falls to zero along half a cosine.
        scale_lr: The same for the logarithms of the scales.
        p_min: Probability at which the cross-entropy is clipped.
        kl_factor: How much the divergence counts in training; the certificate counts it whole.
        start_scale: Scales that training starts from, in units of the root mean square of each module's initial weights.
        prior_scale: Standard deviation (Gaussian) or b (Laplace) of the prior; ``None``: one for each module, on a grid that is
            paid for.
        delta: Confidence that the certificate will be asked for.
        seed: Seed of the noise and of the order of the examples.
    """

    objective: str = "kl"
    epochs: int | None = None
    batch_size: int = 250
    lr: float = 3e-3
    scale_lr: float = 3e-2
    p_min: float = 1e-4
    kl_factor: float = 0.15
    start_scale: float = 1.0
    prior_scale: float | None = None
    delta: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that can't train anything.

        Raises:
            InputError: A setting is out of its range.
        """
        objective(self.objective)
        positive = ("batch_size", "lr", "scale_lr", "kl_factor", "start_scale")
        checks = {name: float(getattr(self, name)) > 0.0 for name in positive}
        checks["epochs"] = self.epochs is None or self.epochs >= 1
        checks["p_min"] = 0.0 < self.p_min < 1.0
        checks["prior_scale"] = self.prior_scale is None or 0.0 < self.prior_scale < math.inf
        for name, fits in checks.items():
            if not fits:
                advice = "see 'boundcheck certify --help' for its range"
                raise InputError(f"a usable --{name.replace('_', '-')}", repr(getattr(self, name)), advice)

    def passes(self, n: int) -> int:
        """Passes over n examples.

        Args:
            n: Examples that the posterior is trained on.
        """
        return self.epochs or max(LEAST_PASSES, math.ceil(LEAST_STEPS / max(1, math.ceil(n / self.batch_size))))


@dataclass(frozen=True)
class Stand:
    """The record of one epoch.

    Attributes:
        epoch: Counted from 1.
        loss: Mean of the objective during the pass.
        errors: Errors of the noisy networks during the pass.
        risk: Their share, an estimate of the empirical Gibbs risk while it moved.
        divergence: Nats, at the end of the pass, the choice of the prior's scales not yet paid.
        certificate: PAC-Bayes-kl of these two numbers: an estimate, nothing that holds.
    """

    epoch: int
    loss: float
    errors: int
    risk: float
    divergence: float
    certificate: float


class Descending:
    """A posterior on its way down; every step is a function of the state before it, the seed and its number.

    Args:
        module: In evaluation mode; what is not drawn is its own.
        start: The law to start from; its centre is the prior's mean.
        x: Examples to train on, as the network takes them.
        y: Their labels.
        n: Examples on which the certificate will count the risk.
        how: Settings.
        state: What :meth:`state` returned, to go on from.
        prior: The whole law of the prior, where its scales are not those of a grid.
    """

    def __init__(
        self,
        module: nn.Module,
        start: Diagonal,
        x: torch.Tensor,
        y: torch.Tensor,
        n: int,
        how: Descent,
        state: Mapping[str, Any] | None = None,
        prior: Diagonal | None = None,
    ) -> None:
        self.how, self.n, self._x, self._y, self._prior = how, n, x, y, prior
        self.epochs = how.passes(len(y))
        self._start, self._noisy, self._objective = start, NoisyNetwork(module, start), objective(how.objective)
        source = start.mean if state is None else state["mean"]
        logs = {k: s.log() for k, s in start.scales.items()} if state is None else state["log_scales"]
        self._mean = {k: source[k].detach().clone().requires_grad_() for k in start.mean}
        self._logs = {k: logs[k].detach().clone().requires_grad_() for k in start.mean}
        groups = [{"params": list(self._mean.values())}, {"params": list(self._logs.values())}]
        self._optimizer = torch.optim.Adam(groups, lr=how.lr)
        self.epoch, self.step, self._loss, self._wrong, self._seen = 0, 0, 0.0, 0, 0
        if state is not None:
            self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
            self.epoch, self.step = int(state["epoch"]), int(state["step"])
            self._loss, self._wrong, self._seen = float(state["loss"]), int(state["wrong"]), int(state["seen"])

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, in plain containers and tensors."""
        return {
            "mean": {k: v.detach().clone() for k, v in self._mean.items()},
            "log_scales": {k: v.detach().clone() for k, v in self._logs.items()},
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "epoch": self.epoch,
            "step": self.step,
            "loss": self._loss,
            "wrong": self._wrong,
            "seen": self._seen,
        }

    @property
    def posterior(self) -> Diagonal:
        """Where it is now."""
        mean = {k: v.detach().clone() for k, v in self._mean.items()}
        return Diagonal(self._start.law, mean, {k: v.detach().exp() for k, v in self._logs.items()}, self._start.centre)

    def run(
        self, *, deadline: float = math.inf, on_step: Callable[[Descending], None], on_epoch: Callable[[Stand], None]
    ) -> None:
        """Descend until the epochs or the time are spent.

        Args:
            deadline: ``time.monotonic()`` after which no further epoch begins and the present one ends early.
            on_step: Called after every step.
            on_epoch: Called with the record of each whole epoch.

        Raises:
            InputError: The objective became NaN or infinite.
        """
        while self.epoch < self.epochs:
            order = np.random.default_rng([self.how.seed, _STREAM, self.epoch]).permutation(len(self._y))
            batches = np.array_split(order, max(1, math.ceil(len(order) / self.how.batch_size)))
            for index in range(self.step, len(batches)):
                self._one(torch.from_numpy(batches[index]), index, len(batches))
                on_step(self)
                if time.monotonic() >= deadline:
                    return
            self.epoch, self.step = self.epoch + 1, 0
            stand = self.stand()
            self._loss, self._wrong, self._seen = 0.0, 0, 0
            on_epoch(stand)

    def stand(self) -> Stand:
        """The record of the present epoch, as far as it is."""
        with torch.no_grad():
            nats = float(self._divergence())
        seen = max(self._seen, 1)
        risk = self._wrong / seen
        value = kl_bound(min(risk, 1.0), nats + log_xi_over(self.n, log_inverse_up(self.how.delta)), self.n)
        return Stand(max(self.epoch, 1), self._loss / seen, self._wrong, risk, nats, value)

    def _one(self, rows: torch.Tensor, index: int, of: int) -> None:
        done = (self.epoch + index / of) / self.epochs
        for group, rate in zip(self._optimizer.param_groups, (self.how.lr, self.how.scale_lr), strict=True):
            group["lr"] = rate * 0.5 * (1.0 + math.cos(math.pi * done))
        scales = {k: v.exp() for k, v in self._logs.items()}
        source = generator(self.how.seed, _STREAM, self.epoch, index)
        outputs = self._noisy(self._x[rows], self._mean, scales, source)
        losses = bounded_cross_entropy(outputs, self._y[rows], self.how.p_min)
        value = self._objective(losses, self.how.kl_factor * self._divergence(scales), self.n, self.how.delta)
        if not bool(torch.isfinite(value)):
            raise InputError(
                "a training that converges", f"an objective of {float(value)} in epoch {self.epoch + 1}", "lower --lr"
            )
        self._optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        with torch.no_grad():
            for logs in self._logs.values():
                logs.clamp_(min=math.log(_SMALLEST))
        self.step = index + 1
        self._loss += float(value.detach()) * len(rows)
        self._wrong += int(mistakes(outputs, self._y[rows])[0].sum())
        self._seen += len(rows)

    def _divergence(self, scales: Weights | None = None) -> torch.Tensor:
        """KL in nats, the prior's scale of each block the best one unless it is fixed."""
        spread = {k: v.exp() for k, v in self._logs.items()} if scales is None else scales
        if self._prior is not None:
            return _from_law(self._prior, self._mean, self._logs, spread)
        total = torch.zeros(())
        for names in self._start.blocks.values():
            size = sum(self._mean[k].numel() for k in names)
            logs = torch.stack([self._logs[k].sum() for k in names]).sum()
            moments = torch.stack([_moment(self._start, self._mean[k], spread[k], k) for k in names]).sum()
            total = total + _block(self._start.law, size, logs, moments, self.how.prior_scale)
        return total


def _from_law(prior: Diagonal, mean: Weights, logs: Weights, spread: Weights) -> torch.Tensor:
    """KL from a law with scales of its own."""
    total = torch.zeros(())
    for k, w in mean.items():
        t, far = prior.scales[k], (w - prior.mean[k]).abs()
        if prior.law == "gaussian":
            total = total + (0.5 * ((spread[k] / t).square() + (far / t).square() - 1.0) + t.log() - logs[k]).sum()
        else:
            total = total + ((far + spread[k] * (-far / spread[k]).exp()) / t - 1.0 + t.log() - logs[k]).sum()
    return total


def _moment(start: Diagonal, mean: torch.Tensor, scale: torch.Tensor, name: str) -> torch.Tensor:
    moved = mean - start.centre[name]
    if start.law == "gaussian":
        return (scale.square() + moved.square()).sum()
    far = moved.abs()
    return (far + scale * (-far / scale).exp()).sum()


def _block(law: str, size: int, logs: torch.Tensor, moments: torch.Tensor, prior_scale: float | None) -> torch.Tensor:
    """KL of one block; at the best prior scale its derivative with respect to that scale is zero, so it counts as a constant."""
    best = moments.detach() / size
    if law == "gaussian":
        variance = best if prior_scale is None else torch.tensor(prior_scale**2)
        return 0.5 * (moments / variance - size + size * variance.log() - 2.0 * logs)
    beta = best if prior_scale is None else torch.tensor(prior_scale)
    return moments / beta - size + size * beta.log() - logs
