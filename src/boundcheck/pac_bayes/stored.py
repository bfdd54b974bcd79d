"""A posterior as a checkpoint stores it, and its measurement from the file alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.pac_bayes.diagonal import LAWS, Diagonal, State, centre_of

METHOD = "pac-bayes"
PRIORS = ("zero", "initial", "split", "recursive")
"""What the prior's mean is: zero, the initial weights, or weights learned on rows that are not counted."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of a recursive certificate: a posterior that became the prior of the next.

    Attributes:
        state: Its mean, with all numbers that are not drawn.
        scales: Its scales.
        first: Position, in the order of the rows, of the first row that its prior had not seen.
        gamma: How much of the risk of the step before it is taken over, in (0, 1); 0 in the first step.
    """

    state: State
    scales: State
    first: int
    gamma: float


@dataclass(frozen=True, eq=False)
class StoredPosterior:
    """What a checkpoint's ``certificate`` says of a posterior; its mean is the checkpoint's ``state_dict``.

    Attributes:
        law: ``gaussian`` or ``laplace``.
        scales: Scale of every weight that is drawn, by name of the parameter; all others are fixed.
        prior: One of :data:`PRIORS`.
        prior_state: Weights that the prior is centred at, and all that is not drawn; ``None``: those the training started from.
        prior_scales: The grid of prior variances (Gaussian) or scales (Laplace), fixed before the data.
        prior_rows: Training rows that had a part in the prior, ascending.
        rows: Training rows on which the risk is counted, in the order in which steps of a recursion take them up; ``None``: all.
        configurations: Ways to train among which results chose.
        splits: Ways to split the sample among which results chose.
        stages: Earlier posteriors of a recursive certificate.
        first: Position, in the order of the rows, of the first row that the prior has not seen.
        gamma: Of the last step of a recursive certificate.
        settings: How it was trained, for the reader.
        bases: Bases of the noise (:attr:`Diagonal.bases`).
    """

    law: str
    scales: State
    prior: str
    prior_scales: tuple[float, ...]
    prior_state: State | None = None
    prior_rows: torch.Tensor | None = None
    rows: torch.Tensor | None = None
    configurations: int = 1
    splits: int = 1
    stages: tuple[Stage, ...] = ()
    first: int = 0
    gamma: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    bases: State = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Plain containers and tensors, for a checkpoint."""
        return {
            "method": METHOD,
            "law": self.law,
            "scales": dict(self.scales),
            "prior": self.prior,
            "prior_scales": list(self.prior_scales),
            "prior_state": None if self.prior_state is None else dict(self.prior_state),
            "prior_rows": self.prior_rows,
            "rows": self.rows,
            "configurations": self.configurations,
            "splits": self.splits,
            "stages": [
                {"state": dict(s.state), "scales": dict(s.scales), "first": s.first, "gamma": s.gamma} for s in self.stages
            ],
            "first": self.first,
            "gamma": self.gamma,
            "settings": dict(self.settings),
            "bases": dict(self.bases),
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> StoredPosterior:
        """The posterior in a checkpoint's ``certificate``.

        Raises:
            InputError: A field is missing or is not as :meth:`plain` writes it.
        """
        try:
            found = cls(
                law=content["law"],
                scales=dict(content["scales"]),
                prior=content["prior"],
                prior_scales=tuple(float(s) for s in content["prior_scales"]),
                prior_state=None if content["prior_state"] is None else dict(content["prior_state"]),
                prior_rows=content["prior_rows"],
                rows=content["rows"],
                configurations=int(content["configurations"]),
                splits=int(content["splits"]),
                stages=tuple(
                    Stage(dict(s["state"]), dict(s["scales"]), int(s["first"]), float(s["gamma"])) for s in content["stages"]
                ),
                first=int(content["first"]),
                gamma=float(content["gamma"]),
                settings=dict(content["settings"]),
                bases=dict(content.get("bases", {})),
            )
            _check(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                "a whole certificate in the checkpoint", f"one where {error} is not as it should be", "certify again"
            ) from None
        return found

    def posterior(self, network: nn.Module, initial: nn.Module | None) -> Diagonal:
        """The law of the weights, and the prior's mean.

        Args:
            network: With the posterior's mean as weights.
            initial: With the weights that training started from.

        Raises:
            Unavailable: A number that is not drawn differs from what the counted examples had no part in, or scales don't fit.
        """
        before = self._fixed(initial)
        self._refuse_changed(network, before)
        mean = {name: p.detach() for name, p in network.named_parameters() if name in self.scales}
        if {n: w.shape for n, w in mean.items()} != {n: s.shape for n, s in self.scales.items()}:
            raise Unavailable("the certificate has scales of other names or shapes than the network's parameters")
        names = tuple(mean)
        scales = {n: self.scales[n].to(mean[n].dtype) for n in names}
        bases = {n: basis.to(mean[n].dtype) for n, basis in self.bases.items()}
        for name, basis in bases.items():
            if name not in mean or mean[name].dim() != 2 or basis.shape != (mean[name].shape[1],) * 2:
                raise Unavailable(f"the certificate has a basis for {name} that is none of that layer's inputs")
        centre = centre_of(self.prior, {n: before[n].to(mean[n].dtype) for n in names}, names)
        return Diagonal(self.law, mean, scales, centre, bases)

    def _fixed(self, initial: nn.Module | None) -> State:
        if self.prior_state is not None:
            return self.prior_state
        if initial is None:
            raise Unavailable("the certificate's prior is centred at initial weights, and there are none")
        return initial.state_dict()

    def _refuse_changed(self, network: nn.Module, before: State) -> None:
        """Whatever is not drawn must be older than the examples that are counted, bit for bit."""
        for name, value in network.state_dict().items():
            if name not in self.scales and (name not in before or not torch.equal(value, before[name])):
                raise Unavailable(f"no posterior: {name} is not drawn, and training changed it")


def _check(found: StoredPosterior) -> None:
    """Refuse what no training can have stored.

    Raises:
        ValueError: Names the field.
    """
    tensors = [t for t in (found.prior_rows, found.rows) if t is not None]
    legal = {
        "law": found.law in LAWS,
        "prior": found.prior in PRIORS,
        "prior_scales": len(found.prior_scales) > 0 and all(0.0 < s < math.inf for s in found.prior_scales),
        "scales": len(found.scales) > 0 and all(isinstance(s, torch.Tensor) for s in found.scales.values()),
        "rows": all(isinstance(t, torch.Tensor) and t.dtype == torch.int64 and t.dim() == 1 for t in tensors),
        "configurations": found.configurations >= 1 and found.splits >= 1,
        "stages": (found.prior == "recursive") == bool(found.stages),
        "bases": all(isinstance(b, torch.Tensor) for b in found.bases.values())
        and (not found.bases or (found.law == "gaussian" and found.prior != "recursive")),
    }
    wrong = [name for name, fits in legal.items() if not fits]
    if wrong:
        raise ValueError(wrong[0])
    if found.rows is not None and (len(found.rows) == 0 or len(torch.unique(found.rows)) != len(found.rows)):
        raise ValueError("rows")
