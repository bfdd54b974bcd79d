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
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.cost import affordable, operations_per_example
from boundcheck.networks.fusing import fused, learned_buffers, refuse_batch_statistics
from boundcheck.networks.mistakes import HeldOutError, count_errors, dtype_of, error_of
from boundcheck.pac_bayes.gaussian import Gaussian, Weights
from boundcheck.pac_bayes.local_reparametrization import LocalReparametrization
from boundcheck.pac_bayes.monte_carlo import BATCH, ExplicitDraws
from boundcheck.pac_bayes.search import Sigmas, search
from boundcheck.pac_bayes.vote import measure_vote
from boundcheck.progress import Progress, silent
from boundcheck.runs.streams import generator

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


def measure_posterior(
    module: nn.Module,
    reference: nn.Module | None,
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    classes: int,
    seed: int,
    reference_kind: str = "initial",
    effort: str = "quick",
    delta: float = 0.05,
    held_out_error: HeldOutError | None = None,
    overlap: int = 0,
    fixed: Collection[str] = (),
    progress: Progress = silent,
    time_budget: float | None = None,
) -> Posterior:
    """Choose a Gaussian around the weights, estimate its risk on fresh draws, and draw one network from it.

    Args:
        module: The trained network; left as it is.
        reference: The network before training, the prior's mean; zero without one.
        x: Training inputs, shape (n, ...), as the network takes them.
        y: Training labels as trained on, shape (n,), integers.
        x_test: Held-out inputs.
        y_test: Held-out labels, clean.
        classes: Number of classes.
        seed: Seed of every random draw.
        reference_kind: What the reference is, for the record.
        effort: ``quick`` or ``full``.
        delta: Confidence that the certificate will be asked for; it only guides the search.
        held_out_error: From masks of wrong and invalid held-out predictions to the error under the law of the labels.
        overlap: Held-out rows that occur in the training sample.
        fixed: Names of buffers that are older than the data.
        progress: Told what is being done.
        time_budget: Seconds after which the search and the draws end early; ``None``: the same work on every machine.

    Returns:
        The record.

    Raises:
        Unavailable: The network holds numbers that the data chose and that are no parameters, or weights that are not finite.
    """
    plan, start = _EFFORTS[effort], time.monotonic()
    network, prior = fused(module), None if reference is None else fused(reference)
    refuse_learned_buffers(network, prior, fixed)
    gaussian = Gaussian.around(network, prior)
    train = (torch.as_tensor(x), torch.as_tensor(y))
    test = None if y_test is None or len(y_test) == 0 else (torch.as_tensor(x_test), torch.as_tensor(y_test))
    local = LocalReparametrization.of(network, train[0][:2])
    sampler = local or ExplicitDraws(network, gaussian)
    if local is None:
        plan = _within_reach(plan, network, train[0])
    sigmas = search(
        gaussian,
        _cheap_risk(sampler, train, plan, seed),
        n=len(train[1]),
        delta=delta,
        guess=1.0 - 1.0 / classes,
        evaluations=plan.evaluations,
        deadline=math.inf if time_budget is None else start + 0.4 * time_budget,
        progress=lambda fraction: progress("searching a posterior", 0.5 * fraction),
    )
    sigmas = gaussian.as_applied(sigmas)
    progress("drawing networks from the posterior", 0.5)
    rounds = _rounds(sampler, plan, len(train[1]))
    if time_budget is not None:
        rounds = _affordable(sampler, sigmas, train, rounds, start + 0.85 * time_budget)
    wrong, joint = sampler.draw_pairs(sigmas, *train, rounds, generator(seed, _CERTIFY))
    test_error, vote = None, None
    if test is not None:
        passes = rounds if local is None else max(1, _TEST_NETWORKS // len(test[1]))
        masks = sampler.draw(sigmas, *test, passes, generator(seed, _TEST))
        test_error = error_of(*masks, held_out_error)
        sizes = {"networks": plan.voters, "examples": plan.asked}
        vote = measure_vote(sampler, sigmas, test, **sizes, seed=seed, stream=_VOTE, held_out_error=held_out_error)
    progress("drawing networks from the posterior", 0.9)
    drawn = gaussian.draw(sigmas, generator(seed, _DRAWN), torch.float64)
    errors = _errors_of(network, drawn, train, test, held_out_error, overlap)
    return Posterior(
        groups=gaussian.summaries(sigmas, drawn),
        prior_mean="zero" if reference is None else reference_kind,
        prior_variances=PRIOR_VARIANCES,
        draws=len(wrong) if local else rounds,
        mean_loss=ratio_up(int(wrong.sum()), len(wrong)),
        drawing=sampler.drawing.format(passes=rounds, batch=BATCH, dtype=str(dtype_of(network)).removeprefix("torch.")),
        candidates=1,
        test_error=test_error,
        drawn=errors,
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


def _errors_of(
    network: nn.Module,
    drawn: Weights,
    train: tuple[Any, Any],
    test: tuple[Any, Any] | None,
    held_out_error: HeldOutError | None,
    overlap: int,
) -> Errors:
    """Errors of the program with drawn weights, rounded to its number format: a fixed function of the draw."""
    program = copy.deepcopy(network)
    with torch.no_grad():
        for name, parameter in program.named_parameters():
            parameter.copy_(drawn[name])
    return count_errors(program, train, test, held_out_error, overlap)
