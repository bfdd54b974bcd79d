"""From a certificate's checkpoint to the record of its posterior: fresh draws, nothing searched."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import ratio_up
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.prior_network import PriorNetwork
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.cost import affordable, operations_per_example
from boundcheck.networks.frozen import Parts
from boundcheck.networks.fusing import refuse_batch_statistics
from boundcheck.networks.mistakes import Mask, count_errors, dtype_of
from boundcheck.pac_bayes.diagonal import Diagonal, Weights
from boundcheck.pac_bayes.fresh import FreshNetworks
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.stored import StoredPosterior
from boundcheck.pac_bayes.vote import measure_vote
from boundcheck.progress import Progress, silent
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

_STREAM = 32  # streams of random numbers from here on are this module's
_CERTIFY, _TEST, _DRAWN, _VOTE, _SPEED = range(_STREAM, _STREAM + 5)
_VOTERS, _ASKED = 51, 500  # networks that vote on a held-out example, and examples that they vote on, at most
_OPERATIONS: Mapping[str, float] = {"quick": 1e12, "full": 1e13}
_FRESH: Mapping[str, int] = {"quick": 120_000, "full": 1_000_000}
_EXPLICIT: Mapping[str, int] = {"quick": 1000, "full": 20_000}
_TRIED = 2_000  # examples on which the speed of drawing is measured, by draws that are thrown away
_TEST_NETWORKS = 20_000  # fresh networks for the held-out estimate, which no bound reads


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Explicit draws from a posterior whose scales are its own."""

    posterior: Diagonal

    def draw(self, sigmas: Mapping[str, float], generator: torch.Generator) -> Weights:
        """One draw of all random parameters; ``sigmas`` is not read."""
        return self.posterior.draw(generator)


def measure_stored(subject: Subject, stored: StoredPosterior) -> Posterior:
    """Estimate the risk of a stored posterior on fresh draws, and draw one network from it.

    Args:
        subject: The network with the posterior's mean as weights; its reference has those that training started from.
        stored: What the checkpoint says of the posterior.

    Returns:
        The record.

    Raises:
        Unavailable: A number that is not drawn was changed by training, or predictions depend on each other.
    """
    network, seed = copy.deepcopy(subject.network).eval(), subject.seed
    refuse_batch_statistics(network, "posterior")
    posterior = stored.posterior(network, subject.reference)
    x, y = subject.train
    rows = counted_rows(stored, len(y))
    subject.progress("drawing networks from the posterior", 0.0)
    parts = Parts.of(network, posterior.mean)
    features = (parts.features(x[rows]), y[rows])
    sampler = Sampler.of(parts.rest, posterior, features[0], subject.effort)
    draws = subject.draws or sampler.draws_within(subject.time_budget, features, generator(seed, _SPEED))
    mean, made = sampler.risk(features, draws, generator(seed, _CERTIFY), subject.progress)
    joint, pairs = sampler.pairs(features, generator(seed, _CERTIFY, 1))
    test_error, vote, seen = None, None, None
    if subject.test is not None:
        seen = (parts.features(subject.test[0]), subject.test[1])
        test_error = subject.error(*sampler.masks(seen, generator(seed, _TEST)))
        ballot = {"networks": _VOTERS, "examples": _ASKED, "seed": seed, "stream": _VOTE}
        vote = measure_vote(sampler.fresh or sampler.explicit, {}, seen, held_out_error=subject.held_out_error, **ballot)
    drawn = posterior.draw(generator(seed, _DRAWN), torch.float64)
    program = copy.deepcopy(parts.rest)
    with torch.no_grad():
        for name, value in drawn.items():
            program.get_parameter(name).copy_(value)
    split = stored.prior in ("split", "recursive")
    return Posterior(
        groups=posterior.summaries(drawn),
        prior_mean="split" if split else stored.prior,
        prior_variances=stored.prior_scales,
        draws=made,
        mean_loss=mean,
        drawing=sampler.drawing,
        candidates=stored.configurations,
        test_error=test_error,
        drawn=count_errors(program, features, seen, subject.held_out_error, 0),
        pairs=pairs,
        joint_loss=joint,
        certified=len(rows) if split else None,
        splits=stored.splits,
        overlap=overlap_of(stored, rows),
        configurations=stored.configurations,
        law=stored.law,
        vote=vote,
    )


def measure_prior_network(subject: Subject, stored: StoredPosterior) -> PriorNetwork:
    """Count errors of the network at the centre of a learned prior on the examples that the certificate counts.

    Args:
        subject: A network of the architecture, and the samples.
        stored: What the checkpoint says of the posterior and its prior.

    Raises:
        Unavailable: The prior was not learned.
    """
    if stored.prior_state is None:
        raise Unavailable("no prior was learned on a part of the sample")
    network = copy.deepcopy(subject.network).eval()
    network.load_state_dict(dict(stored.prior_state))
    x, y = subject.train
    rows = counted_rows(stored, len(y))
    found = count_errors(network, (x[rows], y[rows]), subject.test, subject.held_out_error, 0)
    return PriorNetwork(
        n=len(rows),
        errors=found.errors,
        overlap=overlap_of(stored, rows),
        configurations=stored.configurations,
        splits=stored.splits,
        test_error=found.test_error,
    )


def counted_rows(stored: StoredPosterior, n: int) -> torch.Tensor:
    """Training rows on which the risk of the posterior is counted: for a recursion those that its prior has not seen.

    Raises:
        Unavailable: The certificate names rows that the sample does not have.
    """
    rows = torch.arange(n) if stored.rows is None else stored.rows
    rows = rows[stored.first :]
    if len(rows) == 0 or int(rows.min()) < 0 or int(rows.max()) >= n:
        raise Unavailable(f"the certificate counts rows that a sample of {n} does not have")
    return rows


def overlap_of(stored: StoredPosterior, rows: torch.Tensor) -> int:
    """How many of the rows that are counted had a part in the prior."""
    return 0 if stored.prior_rows is None else int(np.isin(rows.numpy(), stored.prior_rows.numpy()).sum())


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws from a posterior: one network per example where this is exact, else one per small batch.

    Attributes:
        fresh: One network per example, or ``None``.
        explicit: One network per batch of :data:`boundcheck.pac_bayes.monte_carlo.BATCH` uniform examples.
        effort: How many networks.
        cost: Operations of one example.
        kind: Number format.
    """

    fresh: FreshNetworks | None
    explicit: ExplicitDraws
    effort: str
    cost: float
    kind: str

    @classmethod
    def of(cls, network: nn.Module, posterior: Diagonal, x: torch.Tensor, effort: str) -> Sampler:
        """The best sampler that a network has."""
        cost = operations_per_example(network, x[:1].to(dtype_of(network)))
        fresh = FreshNetworks.of(network, posterior, x[:2])
        kind = str(dtype_of(network)).removeprefix("torch.")
        return cls(fresh, ExplicitDraws(network, _Drawn(posterior)), effort, cost, kind)

    @property
    def drawing(self) -> str:
        """How networks are drawn, in words."""
        if self.fresh is not None:
            return f"one fresh network for each training example of each pass; {self.kind} arithmetic"
        return ExplicitDraws.drawing.format(batch=BATCH, dtype=self.kind)

    def passes(self, n: int, draws: int | None) -> int:
        """Passes over n examples, one fresh network for each of them."""
        if draws is not None:
            return max(1, round(draws / n))
        return affordable(max(1, round(_FRESH[self.effort] / n)), 3.0 * self.cost * n, _OPERATIONS[self.effort], 1)

    def _networks(self, draws: int | None) -> int:
        if draws is not None:
            return max(2, draws)
        return affordable(_EXPLICIT[self.effort], BATCH * self.cost, _OPERATIONS[self.effort], 50)

    def draws_within(
        self, seconds: float | None, sample: tuple[torch.Tensor, torch.Tensor], source: torch.Generator
    ) -> int | None:
        """Draws that fit into a time, by the speed of some that are thrown away: their number is fixed before any draw counts.

        Args:
            seconds: The time; ``None`` for no limit.
            sample: Examples and labels.
            source: Of the draws that are thrown away.

        Returns:
            ``None`` where all that the effort has fit in.
        """
        if seconds is None:
            return None
        x, y = (part[:_TRIED] for part in sample)
        most = self._networks(None) if self.fresh is None else self.passes(len(sample[1]), None) * len(sample[1])
        start = time.monotonic()
        if self.fresh is None:
            self.explicit.draw({}, x, y, tried := 2, source)
        else:
            self.fresh.draw(x, y, 1, source)
            tried = len(y)
        fit = int(tried * seconds / max(time.monotonic() - start, 1e-6))
        return None if fit >= most else max(1, fit)

    def risk(
        self, sample: tuple[torch.Tensor, torch.Tensor], draws: int | None, source: torch.Generator, progress: Progress = silent
    ) -> tuple[float, int]:
        """Mean of independent numbers in [0, 1] whose means average to the empirical Gibbs risk, rounded up, and their number."""
        n = len(sample[1])
        if self.fresh is None:
            made = self._networks(draws)
            wrong, _ = self.explicit.draw({}, *sample, made, source)
            return ratio_up(int(wrong.sum()), len(wrong)), made
        passes = self.passes(n, draws)

        def told(made: int) -> None:
            progress(f"drawing networks from the posterior, {made:,} so far", made / (passes * n))

        errors = int(self.fresh.draw(*sample, passes, source, told)[0].sum())
        return ratio_up(errors, passes * n), passes * n

    def pairs(self, sample: tuple[torch.Tensor, torch.Tensor], source: torch.Generator) -> tuple[float | None, int]:
        """Share of examples on which both networks of disjoint pairs err, rounded up, and the number of pairs."""
        if self.fresh is None:
            made = self._networks(None) // 2
            _, joint = self.explicit.draw_pairs({}, *sample, 2 * made, source)
            return ratio_up(int(joint.sum()), len(joint)), made
        first, _ = self.fresh.draw(*sample, 1, source)
        second, _ = self.fresh.draw(*sample, 1, source)
        return ratio_up(int((first & second).sum()), len(first)), len(first)

    def masks(self, sample: tuple[torch.Tensor, torch.Tensor], source: torch.Generator) -> tuple[Mask, Mask]:
        """Wrong and invalid predictions of drawn networks on any sample, for an estimate that no bound reads."""
        if self.fresh is None:
            return self.explicit.draw({}, *sample, min(self._networks(None), 300), source)
        return self.fresh.draw(*sample, max(1, _TEST_NETWORKS // len(sample[1])), source)
