"""What ``--method pac-bayes`` is told: where the prior comes from, and how prior and posterior are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from boundcheck.errors import InputError, nearest
from boundcheck.pac_bayes.diagonal import LAWS
from boundcheck.pac_bayes.stored import PRIORS
from boundcheck.pac_bayes.training import Descent
from boundcheck.runs.first_network import FirstSettings

BASES = ("auto", "weights", "inputs")
"""Where the noise of the first random layer is independent: for each weight, or along the eigenvectors of the second moments of
the layer's inputs (``basis``); ``auto``: the second where it can be had. Prior and price are the same, so nobody pays for it."""

_NEAR_A_LEARNED_PRIOR = 0.1
"""Scales to start from around weights that are trained already, which more noise would only undo."""


@dataclass(frozen=True)
class Prior:
    """What ``--prior`` says.

    Attributes:
        kind: One of :data:`boundcheck.pac_bayes.stored.PRIORS`.
        share: Of the examples that a split gives to the prior.
        steps: Of a recursion.
    """

    kind: str
    share: float = 0.0
    steps: int = 1

    @classmethod
    def parse(cls, text: str) -> Prior:
        """Read ``zero``, ``initial``, ``split:0.5`` or ``recursive:4``.

        Raises:
            InputError: It is none of these.
        """
        kind, _, argument = text.partition(":")
        try:
            if kind in ("zero", "initial") and not argument:
                return cls(kind)
            if kind == "split" and 0.0 < (share := float(argument or "0.5")) < 1.0:
                return cls(kind, share=share)
            if kind == "recursive" and 2 <= (steps := int(argument or "4")) <= 20:
                return cls(kind, steps=steps)
        except ValueError:
            pass
        known = ("zero", "initial", "split:0.5", "recursive:4")
        raise InputError("a prior", repr(text), nearest(text, known) if kind not in PRIORS else "known: " + ", ".join(known))

    def cuts(self, n: int) -> tuple[int, ...]:
        """For each step the position of the first row that its prior has not seen.

        A recursion takes up twice as many rows in each step as in all before it, so that the last one has half of them.

        Raises:
            InputError: The sample is too small for it.
        """
        if self.kind == "split":
            return (min(max(1, round(self.share * n)), n - 1),)
        if self.kind != "recursive":
            return (0,)
        cuts = (0, *(n // 2 ** (self.steps - t) for t in range(1, self.steps)))
        if cuts[1] < 1:
            raise InputError(f"at least {2 ** (self.steps - 1)} examples for {self.steps} steps", str(n), "take fewer steps")
        return cuts


@dataclass(frozen=True)
class PacBayesSettings:
    """What the method understands.

    Attributes:
        prior: As :meth:`Prior.parse` reads it.
        posterior: ``gaussian`` or ``laplace``.
        descent: How the posterior is trained.
        learned: How a prior's mean is trained on its part of a split.
        gamma: How much of the risk of the step before it each step of a recursion takes over.
        basis: One of :data:`BASES`.
    """

    prior: Prior
    posterior: str
    descent: Descent
    learned: FirstSettings
    gamma: float = 0.5
    basis: str = "auto"

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, delta: float, seed: int) -> PacBayesSettings:
        """Read the settings of a job.

        Args:
            settings: ``prior``, ``posterior``, ``gamma``, ``basis``, fields of :class:`Descent`, and fields of
                :class:`FirstSettings` with ``prior_`` before their names.
            delta: Of the job.
            seed: Of the job.

        Raises:
            InputError: One is not known or out of its range.
        """
        given = dict(settings)
        prior, posterior = Prior.parse(str(given.pop("prior", "initial"))), str(given.pop("posterior", "gaussian"))
        gamma = float(given.pop("gamma", 0.5))
        if not 0.0 < gamma < 1.0:
            raise InputError("a gamma in (0, 1)", repr(gamma), "0.5 is usual")
        if posterior not in LAWS:
            raise InputError("a posterior", repr(posterior), nearest(posterior, LAWS))
        basis = str(given.pop("basis", "auto"))
        if basis not in BASES:
            raise InputError("a basis of the noise", repr(basis), nearest(basis, BASES))
        turns = posterior == "gaussian" and prior.kind != "recursive"
        if basis == "auto" and not turns:
            basis = "weights"
        if basis == "inputs" and not turns:
            came = f"a {posterior} posterior with the prior {prior.kind}"
            raise InputError("a Gaussian prior that looks the same in every basis", came, "leave the basis out")
        if prior.kind == "split":
            given.setdefault("start_scale", _NEAR_A_LEARNED_PRIOR)
        own = {f.name for f in fields(Descent)} - {"delta", "seed"}
        learned = {f"prior_{f.name}" for f in fields(FirstSettings)} - {"prior_seed"}
        for name in given:
            if name not in own | learned:
                raise InputError("a setting of pac-bayes", repr(name), nearest(name, tuple(sorted(own | learned))))
        try:
            descent = Descent(**{k: v for k, v in given.items() if k in own}, delta=delta, seed=seed)
            taught = FirstSettings(**{k.removeprefix("prior_"): v for k, v in given.items() if k in learned}, seed=seed)
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError("settings of pac-bayes that are numbers", str(error), "see 'boundcheck certify --help'") from error
        return cls(prior, posterior, descent, taught, gamma, basis)
