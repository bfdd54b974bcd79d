"""``--method pac-bayes``: a prior, a posterior trained along its own bound, and what a checkpoint needs to measure it again."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES
from boundcheck.errors import InputError
from boundcheck.networks.frozen import Parts
from boundcheck.pac_bayes.basis import Turned
from boundcheck.pac_bayes.diagonal import Diagonal, Weights, centre_of
from boundcheck.pac_bayes.settings import PacBayesSettings
from boundcheck.pac_bayes.stored import Stage, StoredPosterior
from boundcheck.pac_bayes.training import Descending, Stand
from boundcheck.runs.certifying import SAVE_EVERY, Certified, Task
from boundcheck.runs.first_network import FirstDescent

_TRAINING_SHARE = 0.85  # of a time budget; the rest is for measuring what was trained
_PRIOR_SHARE = 0.7  # of the time for training, where a prior is learned first


def certify(task: Task) -> Certified:
    """Train prior and posterior of a task.

    Args:
        task: What :func:`boundcheck.runs.certifying.run_certify` hands over.

    Returns:
        The posterior's mean as state, and the certificate that :class:`StoredPosterior` reads.

    Raises:
        InputError: A setting or the network can't be used, with the name of what is in the way.
    """
    settings = PacBayesSettings.of(task.job.settings, delta=task.job.delta, seed=task.job.seed)
    return _Course(task, settings).run()


class _Course:
    """One run of the method: where it is, and how to write that down."""

    def __init__(self, task: Task, settings: PacBayesSettings) -> None:
        self.task, self.settings = task, settings
        self.network = copy.deepcopy(task.network).eval()
        self.history: list[Mapping[str, Any]] = [dict(record) for record in task.history]
        self.resumed: dict[str, Any] = dict(task.resumed or {})
        self.deadline = self._training_ends()
        self.saved = time.monotonic()
        self.stages: list[Stage] = []
        self.turned: Turned | None = None
        order = np.random.default_rng([task.job.seed, 2]).permutation(len(task.y))
        self.cuts = settings.prior.cuts(len(order))
        self.order = torch.from_numpy(order)

    def _training_ends(self) -> float:
        now = time.monotonic()
        return now + _TRAINING_SHARE * (self.task.deadline - now) if math.isfinite(self.task.deadline) else math.inf

    def run(self) -> Certified:
        """Prior first, then the posterior, or the chain of posteriors one after the other."""
        kind = self.settings.prior.kind
        if kind == "split":
            self._learn_prior()
        names = drawn_names(self.network, frozen_norms=kind == "split")
        mean = {k: p.detach().clone() for k, p in self.network.named_parameters() if k in names}
        start = around(mean, self.settings.posterior, self.settings.descent.start_scale, centre_of(kind, mean, tuple(mean)))
        self.before = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.stages = [Stage(**stage) for stage in self.resumed.get("stages", ())]
        if kind != "recursive":
            return self._finish(self._descend(start, None, 0.0, 1.0))
        for index in range(len(self.stages), len(self.cuts)):
            prior = self._last(start) if self.stages else None
            share = (1.0 / len(self.cuts)) * index, (1.0 / len(self.cuts)) * (index + 1)
            descending = self._descend(prior or start, prior, *share)
            if index + 1 == len(self.cuts):
                return self._finish(descending)
            at = descending.posterior
            gamma = self.settings.gamma if self.stages else 0.0
            self.stages.append(Stage({**self.before, **at.mean}, at.scales, self.cuts[index], gamma))
            self.resumed.pop("posterior", None)
        raise ValueError(f"expected a step that is not done; all {len(self.cuts)} are")

    def _last(self, start: Diagonal) -> Diagonal:
        """The posterior of the step before, the prior of the next."""
        stage = self.stages[-1]
        mean = {k: stage.state[k].clone() for k in start.mean}
        return Diagonal(start.law, mean, {k: stage.scales[k].clone() for k in mean}, mean)

    def _rows(self) -> tuple[torch.Tensor, int]:
        """Rows that the present step trains on, and how many its certificate counts."""
        first, total = self.cuts[len(self.stages)], len(self.order)
        if self.settings.prior.kind == "split":
            return self.order[first:], total - first
        last = len(self.stages) + 1 == len(self.cuts)
        return self.order[: total if last else self.cuts[len(self.stages) + 1]], total - first

    def _descend(self, start: Diagonal, prior: Diagonal | None, begin: float, end: float) -> Descending:
        rows, counted = self._rows()
        x, y = self.task.x[rows], self.task.y[rows]
        how = replace(self.settings.descent, seed=self.settings.descent.seed + len(self.stages))
        parts = Parts.of(self.network, start.mean)
        x = parts.features(x)
        wanted = self.settings.basis
        if wanted == "inputs" or (wanted == "auto" and Turned.fits(parts.rest, start, x)):
            self.turned = Turned.of(parts.rest, start, x)
            x, start = x @ self.turned.basis, self.turned.into(start)
        descending = Descending(parts.rest, start, x, y, counted, how, self.resumed.get("posterior"), prior)

        def tell(stand: Stand, epochs: float) -> None:
            about = f"certificate about {stand.certificate:.4f} (risk {stand.risk:.4f}, {stand.divergence:,.0f} nats)"
            self.task.progress(f"epoch {stand.epoch}: {about}", begin + (end - begin) * min(1.0, epochs / descending.epochs))

        def on_step(at: Descending) -> None:
            self._at_times(lambda: self._certified(at.posterior, self._resume(at)))
            if at.step % 20 == 0:
                tell(at.stand(), at.epoch)

        def on_epoch(stand: Stand) -> None:
            self._record(stand)
            tell(stand, descending.epoch)
            self._save(lambda: self._certified(descending.posterior, self._resume(descending)))

        now, steps = time.monotonic(), len(self.cuts) - len(self.stages) if self.settings.prior.kind == "recursive" else 1
        until = now + (self.deadline - now) / steps if math.isfinite(self.deadline) else math.inf
        descending.run(deadline=until, on_step=on_step, on_epoch=on_epoch)
        return descending

    def _finish(self, descending: Descending) -> Certified:
        if not self.history:
            self._record(descending.stand())
        return self._certified(descending.posterior, None)

    def _learn_prior(self) -> None:
        """Train the network on the prior's rows, or take what an interrupted run had."""
        if "prior_state" in self.resumed:
            self.network.load_state_dict(self.resumed["prior_state"])
            return
        rows = self.order[: self.cuts[0]]
        x, y = self.task.x[rows], self.task.y[rows]
        learning = FirstDescent(self.network, x, y, self.settings.learned, self.resumed.get("prior"))
        now = time.monotonic()
        end = now + _PRIOR_SHARE * (self.deadline - now) if math.isfinite(self.deadline) else math.inf

        def told(epoch: int, loss: float, errors: int) -> None:
            self.history.append({"epoch": len(self.history) + 1, "loss": loss, "errors": errors, "of": "prior"})
            what = f"prior, epoch {epoch}: loss {loss:.4f}, {errors:,} of {len(y):,} wrong"
            self.task.progress(what, 0.5 * epoch / self.settings.learned.epochs)
            self._save(lambda: self._unfinished({"prior": learning.state()}))

        def on_step() -> None:
            self._at_times(lambda: self._unfinished({"prior": learning.state()}))

        learning.run(deadline=end, on_step=on_step, on_epoch=told)
        self.network.eval()

    def _unfinished(self, resume: Mapping[str, Any]) -> Certified:
        """A prior that is not finished is no posterior yet: it is stored with the scales that training would start from."""
        names = drawn_names(self.network, frozen_norms=True)
        mean = {k: p.detach().clone() for k, p in self.network.named_parameters() if k in names}
        self.before = {k: v.clone() for k, v in self.network.state_dict().items()}
        return self._certified(around(mean, self.settings.posterior, self.settings.descent.start_scale, mean), resume)

    def _resume(self, at: Descending) -> dict[str, Any]:
        split = {"prior_state": dict(self.before)} if self.settings.prior.kind == "split" else {}
        return {"posterior": at.state(), "stages": [vars(stage).copy() for stage in self.stages], **split}

    def _record(self, stand: Stand) -> None:
        self.history.append(asdict(stand) | {"epoch": len(self.history) + 1})

    def _at_times(self, make: Callable[[], Certified]) -> None:
        if time.monotonic() - self.saved >= SAVE_EVERY:
            self._save(make)

    def _save(self, make: Callable[[], Certified]) -> None:
        self.task.save(make())
        self.saved = time.monotonic()

    def _certified(self, at: Diagonal, resume: Mapping[str, Any] | None) -> Certified:
        settings, kind = self.settings, self.settings.prior.kind
        fixed, first = settings.descent.prior_scale, self.cuts[len(self.stages)]
        grid = PRIOR_VARIANCES if fixed is None else (fixed**2 if settings.posterior == "gaussian" else fixed,)
        chain = bool(self.stages)
        at = at if self.turned is None else self.turned.back(at)
        learned = {"split": self.before, "recursive": self.stages[-1].state if chain else None}.get(kind)
        stored = StoredPosterior(
            law=settings.posterior,
            scales=at.scales,
            prior="initial" if kind == "recursive" and not chain else kind,
            prior_scales=grid,
            prior_state=None if learned is None else dict(learned),
            prior_rows=torch.sort(self.order[:first]).values if learned is not None else None,
            rows=self.order if learned is not None else None,
            configurations=self.task.job.configurations,
            stages=tuple(self.stages),
            first=first,
            gamma=settings.gamma if chain else 0.0,
            settings={"descent": asdict(settings.descent), "learned": asdict(settings.learned) if kind == "split" else {}},
            bases=at.bases,
        )
        history = tuple(self.history) or ({"epoch": 1, "loss": 0.0, "errors": 0},)
        return Certified({**self.before, **at.mean}, stored.plain(), history, resume)


def drawn_names(network: nn.Module, *, frozen_norms: bool) -> tuple[str, ...]:
    """Parameters that a posterior draws: all that are trained, but for normalizations that a prior's own examples have settled.

    Args:
        network: With its initial weights, or a prior's.
        frozen_norms: Whether batch normalizations keep what the prior's examples taught them.

    Raises:
        InputError: A batch normalization would learn from the examples that are counted, or nothing is trained.
    """
    norms = [name for name, part in network.named_modules() if isinstance(part, _BatchNorm)]
    if norms and not frozen_norms:
        raise InputError(
            "a network whose numbers can all be drawn",
            f"{norms[0]}, which learns statistics from the examples that are counted",
            "leave batch normalization out, or learn it from other examples with --prior split:0.5",
        )
    inside = {f"{norm}.{leaf}" for norm in norms for leaf in ("weight", "bias")}
    names = tuple(name for name, p in network.named_parameters() if p.requires_grad and name not in inside)
    if not names:
        raise InputError("a network with parameters to train", "none", "check --model")
    return names


def around(mean: Weights, law: str, factor: float, centre: Weights) -> Diagonal:
    """The law that training starts from: scales in proportion to the size of each module's weights.

    Args:
        mean: Weights that are drawn.
        law: ``gaussian`` or ``laplace``.
        factor: Scale over the root mean square of the module's weights.
        centre: The prior's mean.
    """
    scales = {}
    for names in Diagonal(law, mean, mean, centre).blocks.values():
        size = sum(mean[k].numel() for k in names)
        rms = math.sqrt(sum(float(mean[k].double().square().sum()) for k in names) / size) or 0.1
        for k in names:
            scales[k] = torch.full_like(mean[k], factor * rms)
    return Diagonal(law, mean, scales, centre)
