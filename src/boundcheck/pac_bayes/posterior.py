"""From a trained network to the record of a posterior around it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import ratio_up
from boundcheck.bounds.lemmas.variance_mixture import PRIOR_VARIANCES
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.cost import affordable, operations_per_example
from boundcheck.networks.fusing import fused, learned_buffers, refuse_batch_statistics
from boundcheck.networks.mistakes import dtype_of
from boundcheck.pac_bayes.gaussian import Gaussian, Weights
from boundcheck.pac_bayes.local_reparametrization import LocalReparametrization
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.search import Sigmas, search
from boundcheck.pac_bayes.vote import measure_vote
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

_SEARCH, _CERTIFY, _TEST, _DRAWN, _VOTE = range(5)  # purposes of random numbers: each has a stream of its own
_FEWEST_DRAWS, _FEWEST_TRIES, _FEWEST_ASKED = 50, 12, 50  # a certificate, a search or a vote of fewer would say nothing
_TEST_NETWORKS = 20_000  # fresh networks for the held-out estimate, which no bound reads


@dataclass(frozen=True)
class _Effort:
    """How much is drawn.

    Attributes:
        rows: Training examples that the search looks at.
        evaluations: Posteriors that the search tries.
        networks: Fresh networks for the certificate, one per example and pass.
        explicit: Networks for the certificate where weights are drawn one network at a time.
        explicit_search: The same for each posterior that the search tries.
        operations: Floating point operations that each of search, certificate and held-out estimate may take where weights are
            drawn one network at a time; a network that costs more is drawn less often.
        voters: Networks that vote on each held-out example.
        asked: Held-out examples that they vote on, at most.
    """

    rows: int
    evaluations: int
    networks: int
    explicit: int
    explicit_search: int
    operations: float
    voters: int
    asked: int


_EFFORTS: Mapping[str, _Effort] = {
    "quick": _Effort(
        rows=3000, evaluations=60, networks=180_000, explicit=1000, explicit_search=16, operations=1.5e11, voters=51, asked=1000
    ),
    "full": _Effort(
        rows=12000,
        evaluations=240,
        networks=1_500_000,
        explicit=8000,
        explicit_search=64,
        operations=2e12,
        voters=101,
        asked=10_000,
    ),
}


def measure_posterior(subject: Subject) -> Posterior:
    """Choose a Gaussian around the weights, estimate its risk on fresh draws, and draw one network from it.

    Args:
        subject: The network, its samples and the effort; its reference is the prior's mean.

    Returns:
        The record.

    Raises:
        Unavailable: The network holds numbers that the data chose and that are no parameters, or weights that are not finite.
    """
    plan, start, seconds = _EFFORTS[subject.effort], time.monotonic(), subject.time_budget
    network, prior = fused(subject.network), None if subject.reference is None else fused(subject.reference)
    refuse_learned_buffers(network, prior, subject.fixed)
    gaussian = Gaussian.around(network, prior)
    train, test, seed = subject.train, subject.test, subject.seed
    local = LocalReparametrization.of(network, train[0][:2])
    sampler = local or ExplicitDraws(network, gaussian)
    if local is None:
        plan = _within_reach(plan, network, train[0])
    sigmas = search(
        gaussian,
        _cheap_risk(sampler, train, plan, seed),
        n=len(train[1]),
        delta=subject.delta,
        guess=subject.guess,
        evaluations=plan.evaluations,
        deadline=math.inf if seconds is None else start + 0.4 * seconds,
        progress=lambda fraction: subject.progress("searching a posterior", 0.5 * fraction),
    )
    sigmas = gaussian.as_applied(sigmas)
    subject.progress("drawing networks from the posterior", 0.5)
    rounds = _rounds(sampler, plan, len(train[1]))
    if seconds is not None:
        rounds = _affordable(sampler, sigmas, train, rounds, start + 0.85 * seconds)
    wrong, joint = sampler.draw_pairs(sigmas, *train, rounds, generator(seed, _CERTIFY))
    test_error, vote = None, None
    if test is not None:
        passes = rounds if local is None else max(1, _TEST_NETWORKS // len(test[1]))
        test_error = subject.error(*sampler.draw(sigmas, *test, passes, generator(seed, _TEST)))
        sizes = {"networks": plan.voters, "examples": plan.asked}
        vote = measure_vote(sampler, sigmas, test, **sizes, seed=seed, stream=_VOTE, held_out_error=subject.held_out_error)
    subject.progress("drawing networks from the posterior", 0.9)
    drawn = gaussian.draw(sigmas, generator(seed, _DRAWN), torch.float64)
    return Posterior(
        groups=gaussian.summaries(sigmas, drawn),
        prior_mean=subject.center,
        prior_variances=PRIOR_VARIANCES,
        draws=len(wrong) if local else rounds,
        mean_loss=ratio_up(int(wrong.sum()), len(wrong)),
        drawing=sampler.drawing.format(passes=rounds, batch=BATCH, dtype=str(dtype_of(network)).removeprefix("torch.")),
        candidates=1,
        test_error=test_error,
        drawn=subject.errors(_with_weights(network, drawn)),
        pairs=len(joint) if local else rounds // 2,
        joint_loss=ratio_up(int(joint.sum()), len(joint)) if len(joint) else None,
        vote=vote,
    )


def refuse_learned_buffers(network: nn.Module, prior: nn.Module | None, fixed: Collection[str]) -> None:
    """Refuse networks with numbers that the data chose and that are no parameters, or whose predictions depend on each other.

    Args:
        network: The network, foldable layers folded.
        prior: The network before training.
        fixed: Names of buffers that are older than the data.

    Raises:
        Unavailable: There is such a number, with its name.
    """
    learned = learned_buffers(network, prior, fixed)
    if learned:
        raise Unavailable(
            f"no posterior: {', '.join(sorted(learned))} were learned from the data and are no parameters that can be drawn"
        )
    refuse_batch_statistics(network, "posterior")


def _within_reach(plan: _Effort, network: nn.Module, x: torch.Tensor) -> _Effort:
    """The plan with as many explicit draws as its operations allow; the same on every machine."""
    each = BATCH * operations_per_example(network, x[:1].to(dtype_of(network)))
    tries = affordable(plan.explicit_search, each * _FEWEST_TRIES, plan.operations, 4)
    return replace(
        plan,
        explicit=affordable(plan.explicit, each, plan.operations, _FEWEST_DRAWS),
        explicit_search=tries,
        evaluations=affordable(plan.evaluations, each * tries, plan.operations, _FEWEST_TRIES),
        asked=affordable(plan.asked, each / BATCH * plan.voters, plan.operations, _FEWEST_ASKED),
    )


def _cheap_risk(
    sampler: LocalReparametrization | ExplicitDraws, train: tuple[torch.Tensor, torch.Tensor], plan: _Effort, seed: int
) -> Any:
    """The risk that the search looks at: few examples, few draws, the same random numbers every time."""
    n = len(train[1])
    rows = torch.randperm(n, generator=generator(seed, _SEARCH))[: plan.rows]
    x, y = train[0][rows], train[1][rows]
    local = isinstance(sampler, LocalReparametrization)
    rounds = max(1, min(8, plan.rows // len(y))) if local else plan.explicit_search

    def risk(sigmas: Sigmas) -> float:
        wrong, _ = sampler.draw(sigmas, x, y, rounds, generator(seed, _SEARCH, 1))
        return float(wrong.mean())

    return risk


def _rounds(sampler: LocalReparametrization | ExplicitDraws, plan: _Effort, n: int) -> int:
    return max(2, plan.networks // n) if isinstance(sampler, LocalReparametrization) else plan.explicit


def _affordable(
    sampler: LocalReparametrization | ExplicitDraws,
    sigmas: Sigmas,
    train: tuple[torch.Tensor, torch.Tensor],
    rounds: int,
    end: float,
) -> int:
    """Rounds that fit into the time left, from a trial whose results are thrown away."""
    tried = 1 if isinstance(sampler, LocalReparametrization) else 16
    before = time.monotonic()
    sampler.draw(sigmas, *train, tried, torch.Generator())
    each = (time.monotonic() - before) / tried
    least = 1 if isinstance(sampler, LocalReparametrization) else 200
    return max(least, min(rounds, int((end - time.monotonic()) / max(each, 1e-9))))


def _with_weights(network: nn.Module, drawn: Weights) -> nn.Module:
    """The program with drawn weights, rounded to its number format: a fixed function of the draw."""
    program = copy.deepcopy(network)
    with torch.no_grad():
        for name, parameter in program.named_parameters():
            parameter.copy_(drawn[name])
    return program
