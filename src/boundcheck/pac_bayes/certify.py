"""``--method pac-bayes``: a prior, a posterior trained along its own bound, and what a checkpoint needs to measure it again."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES
from boundcheck.errors import InputError, nearest
from boundcheck.pac_bayes.diagonal import LAWS, Diagonal, Weights, centre_of
from boundcheck.pac_bayes.prior import PriorDescent, PriorSettings
from boundcheck.pac_bayes.stored import PRIORS, StoredPosterior
from boundcheck.pac_bayes.training import Descending, Descent, Stand
from boundcheck.runs.certifying import SAVE_EVERY, Certified, Task

_TRAINING_SHARE = 0.85  # of a time budget; the rest is for measuring what was trained


@dataclass(frozen=True)
class Prior:
    """What ``--prior`` says.

    Attributes:
        kind: One of :data:`boundcheck.pac_bayes.stored.PRIORS`.
        share: Of the examples that a split gives to the prior.
    """

    kind: str
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Prior:
        """Read ``zero``, ``initial`` or ``split:0.5``.

        Raises:
            InputError: It is none of these.
        """
        kind, _, argument = text.partition(":")
        try:
            if kind in ("zero", "initial") and not argument:
                return cls(kind)
            if kind == "split" and 0.0 < (share := float(argument or "0.5")) < 1.0:
                return cls(kind, share=share)
        except ValueError:
            pass
        known = ("zero", "initial", "split:0.5")
        raise InputError("a prior", repr(text), nearest(text, known) if kind not in PRIORS else "known: " + ", ".join(known))


@dataclass(frozen=True)
class PacBayesSettings:
    """What the method understands.

    Attributes:
        prior: As :meth:`Prior.parse` reads it.
        posterior: ``gaussian`` or ``laplace``.
        descent: How the posterior is trained.
        learned: How a prior's mean is trained on its part of a split.
    """

    prior: Prior
    posterior: str
    descent: Descent
    learned: PriorSettings

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, delta: float, seed: int) -> PacBayesSettings:
        """Read the settings of a job.

        Args:
            settings: ``prior``, ``posterior``, fields of :class:`Descent`, and fields of :class:`PriorSettings` with ``prior_``
                before their names.
            delta: Of the job.
            seed: Of the job.

        Raises:
            InputError: One is not known or out of its range.
        """
        given = dict(settings)
        prior, posterior = Prior.parse(str(given.pop("prior", "initial"))), str(given.pop("posterior", "gaussian"))
        if posterior not in LAWS:
            raise InputError("a posterior", repr(posterior), nearest(posterior, LAWS))
        own = {f.name for f in fields(Descent)} - {"delta", "seed"}
        learned = {f"prior_{f.name}" for f in fields(PriorSettings)} - {"prior_seed"}
        for name in given:
            if name not in own | learned:
                raise InputError("a setting of pac-bayes", repr(name), nearest(name, tuple(sorted(own | learned))))
        try:
            descent = Descent(**{k: v for k, v in given.items() if k in own}, delta=delta, seed=seed)
            taught = PriorSettings(**{k.removeprefix("prior_"): v for k, v in given.items() if k in learned}, seed=seed)
        except TypeError as error:
            raise InputError("settings of pac-bayes that are numbers", str(error), "see 'boundcheck certify --help'") from error
        return cls(prior, posterior, descent, taught)


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
        n, first = len(task.y), 0
        order = np.random.default_rng([task.job.seed, 2]).permutation(n)
        if settings.prior.kind == "split":
            first = min(max(1, round(settings.prior.share * n)), n - 1)
        self.prior_rows = torch.from_numpy(np.sort(order[:first]))
        self.rows = torch.from_numpy(np.sort(order[first:]))

    def _training_ends(self) -> float:
        now = time.monotonic()
        return now + _TRAINING_SHARE * (self.task.deadline - now) if math.isfinite(self.task.deadline) else math.inf

    def run(self) -> Certified:
        split = self.settings.prior.kind == "split"
        if split:
            self._learn_prior()
        names = drawn_names(self.network, frozen_norms=split)
        mean = {k: p.detach().clone() for k, p in self.network.named_parameters() if k in names}
        start = around(self.network, mean, self.settings.posterior, self.settings.descent, self._start_scales(mean))
        centre = centre_of(self.settings.prior.kind, mean, tuple(mean))
        start = Diagonal(start.law, start.mean, start.scales, centre)
        x, y = (self.task.x[self.rows], self.task.y[self.rows]) if split else (self.task.x, self.task.y)
        descending = Descending(self.network, start, x, y, len(self.rows), self.settings.descent, self.resumed.get("posterior"))
        before = {k: v.clone() for k, v in self.network.state_dict().items()}
        descending.run(deadline=self.deadline, on_step=self._step(before), on_epoch=self._epoch(before, descending))
        if not self.history:
            self._record(descending.stand())
        return self._certified(before, descending.posterior, None)

    def _start_scales(self, mean: Weights) -> float:
        return self.settings.descent.start_scale

    def _learn_prior(self) -> None:
        """Train the network on the prior's rows, or take what an interrupted run had."""
        if "prior_state" in self.resumed:
            self.network.load_state_dict(self.resumed["prior_state"])
            return
        x, y = self.task.x[self.prior_rows], self.task.y[self.prior_rows]
        learning = PriorDescent(self.network, x, y, self.settings.learned, self.resumed.get("prior"))
        share = 0.7 if math.isfinite(self.deadline) else 1.0
        end = time.monotonic() + share * (self.deadline - time.monotonic()) if math.isfinite(self.deadline) else math.inf

        def told(epoch: int, loss: float, errors: int) -> None:
            self.history.append({"epoch": len(self.history) + 1, "loss": loss, "errors": errors, "of": "prior"})
            what = f"prior, epoch {epoch}: loss {loss:.4f}, {errors:,} of {len(y):,} wrong"
            self.task.progress(what, 0.5 * epoch / self.settings.learned.epochs)
            self._save(lambda: self._unfinished({"prior": learning.state()}))

        learning.run(
            deadline=end, on_step=lambda: self._at_times(lambda: self._unfinished({"prior": learning.state()})), on_epoch=told
        )
        self.network.eval()

    def _unfinished(self, resume: Mapping[str, Any]) -> Certified:
        """A prior that is not finished is no posterior yet: it is stored with the scales that training would start from."""
        names = drawn_names(self.network, frozen_norms=True)
        mean = {k: p.detach().clone() for k, p in self.network.named_parameters() if k in names}
        start = around(self.network, mean, self.settings.posterior, self.settings.descent, self.settings.descent.start_scale)
        before = {k: v.clone() for k, v in self.network.state_dict().items()}
        return self._certified(before, start, resume)

    def _step(self, before: Mapping[str, torch.Tensor]) -> Callable[[Descending], None]:
        def on_step(at: Descending) -> None:
            self._at_times(lambda: self._certified(before, at.posterior, self._resume(before, at)))
            if at.step % 20 == 0:
                self._tell(at.stand(), at)

        return on_step

    def _epoch(self, before: Mapping[str, torch.Tensor], at: Descending) -> Callable[[Stand], None]:
        def on_epoch(stand: Stand) -> None:
            self._record(stand)
            self._tell(stand, at)
            self._save(lambda: self._certified(before, at.posterior, self._resume(before, at)))

        return on_epoch

    def _resume(self, before: Mapping[str, torch.Tensor], at: Descending) -> dict[str, Any]:
        split = {"prior_state": dict(before)} if self.settings.prior.kind == "split" else {}
        return {"posterior": at.state(), **split}

    def _record(self, stand: Stand) -> None:
        self.history.append(asdict(stand) | {"epoch": len(self.history) + 1})

    def _tell(self, stand: Stand, at: Descending) -> None:
        about = f"certificate about {stand.certificate:.4f} (risk {stand.risk:.4f}, {stand.divergence:,.0f} nats)"
        self.task.progress(f"epoch {stand.epoch}: {about}", min(1.0, (at.epoch + 0.5) / self.settings.descent.epochs))

    def _at_times(self, make: Callable[[], Certified]) -> None:
        if time.monotonic() - self.saved >= SAVE_EVERY:
            self._save(make)

    def _save(self, make: Callable[[], Certified]) -> None:
        if self.history or time.monotonic() - self.saved >= SAVE_EVERY:
            self.task.save(make())
            self.saved = time.monotonic()

    def _certified(self, before: Mapping[str, torch.Tensor], at: Diagonal, resume: Mapping[str, Any] | None) -> Certified:
        settings, split = self.settings, self.settings.prior.kind == "split"
        fixed = settings.descent.prior_scale
        grid = PRIOR_VARIANCES if fixed is None else (fixed**2 if settings.posterior == "gaussian" else fixed,)
        stored = StoredPosterior(
            law=settings.posterior,
            scales=at.scales,
            prior=settings.prior.kind,
            prior_scales=grid,
            prior_state=dict(before) if split else None,
            prior_rows=self.prior_rows if split else None,
            rows=self.rows if split else None,
            configurations=self.task.job.configurations,
            settings={"descent": asdict(settings.descent), "learned": asdict(settings.learned) if split else {}},
        )
        history = tuple(self.history) or ({"epoch": 1, "loss": 0.0, "errors": 0},)
        return Certified({**before, **at.mean}, stored.plain(), history, resume)


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


def around(network: nn.Module, mean: Weights, law: str, how: Descent, factor: float) -> Diagonal:
    """The law that training starts from: scales in proportion to the size of each module's weights.

    Args:
        network: Not read but for its structure.
        mean: Weights that are drawn.
        law: ``gaussian`` or ``laplace``.
        how: Settings.
        factor: Scale over the root mean square of the module's weights.
    """
    bare = Diagonal(law, mean, mean, mean)
    scales = {}
    for names in bare.blocks.values():
        size = sum(mean[k].numel() for k in names)
        rms = math.sqrt(sum(float(mean[k].double().square().sum()) for k in names) / size) or 0.1
        for k in names:
            scales[k] = torch.full_like(mean[k], factor * rms)
    return Diagonal(law, mean, scales, mean)
