"""From a recursive certificate's checkpoint to the record of its chain: fresh pairs of networks, one pair per example."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import ratio_up
from boundcheck.bounds.lemmas.variance_mixture import cheapest, kl_divergences
from boundcheck.evidence.recursive import Recursive, RecursiveStep
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.mistakes import Mask
from boundcheck.pac_bayes.diagonal import Diagonal, State, divergence_between
from boundcheck.pac_bayes.measure_stored import Sampler, overlap_of
from boundcheck.pac_bayes.stored import StoredPosterior
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject

_STREAM = 128  # streams of random numbers from here on are this module's
_SPEED = _STREAM + 1


def measure_recursive(subject: Subject, stored: StoredPosterior) -> Recursive:
    """Divergence of each posterior from the one before it, and the errors of pairs drawn from both.

    Args:
        subject: The network with the last posterior's mean as weights; its reference has those that training started from.
            Its draws are pairs a step, about.
        stored: What the checkpoint says of the chain.

    Raises:
        Unavailable: The certificate is no chain, or the network can't be drawn afresh for each example.
    """
    if not stored.stages or stored.rows is None:
        raise Unavailable("no chain of posteriors was trained")
    (x, y), order, seed = subject.train, stored.rows, subject.seed
    if int(order.min()) < 0 or int(order.max()) >= len(y):
        raise Unavailable(f"the certificate counts rows that a sample of {len(y)} does not have")
    chain = _chain(subject.network, subject.reference, stored)
    firsts = [*(stage.first for stage in stored.stages), stored.first]
    gammas = [*(stage.gamma for stage in stored.stages), stored.gamma]
    if firsts[0] != 0 or any(a > b for a, b in pairwise(firsts)) or firsts[-1] >= len(order):
        raise Unavailable("the certificate's steps take up rows in another order than theirs")
    steps = []
    for t, (network, posterior) in enumerate(chain):
        subject.progress(f"drawing pairs of networks, step {t + 1} of {len(chain)}", t / len(chain))
        counted = (x[order[firsts[t] :]], y[order[firsts[t] :]])
        nats = _first_divergence(posterior, stored) if t == 0 else divergence_between(posterior, chain[t - 1][1])
        source = generator(seed, _STREAM, t)
        sampler = Sampler.of(network, posterior, counted[0], subject.effort)
        # A pair is two networks; the steps share the time in equal parts.
        shares = len(chain) if t == 0 else 2 * len(chain)
        seconds = None if subject.time_budget is None else subject.time_budget / shares
        many = subject.draws or sampler.draws_within(seconds, counted, generator(seed, _SPEED, t))
        passes = sampler.passes(len(counted[1]), many)
        if t == 0:
            risk, made = sampler.risk(counted, many, source)
            steps.append(RecursiveStep(len(counted[1]), nats, 0.0, made, risk, 1.0, 0.0))
            continue
        before = Sampler.of(*chain[t - 1], counted[0], subject.effort)
        events, made = _pairs(sampler, before, counted, passes, source)
        steps.append(RecursiveStep(len(counted[1]), nats, gammas[t], made, *events))
    held, test_error = subject.test, None
    if held is not None:
        last = Sampler.of(*chain[-1], held[0], subject.effort)
        test_error = subject.error(*last.masks(held, generator(seed, _STREAM, len(chain))))
    overlap = overlap_of(stored, order[stored.first :])
    return Recursive(tuple(steps), overlap, stored.configurations, test_error)


def _chain(module: nn.Module, initial: nn.Module | None, stored: StoredPosterior) -> list[tuple[nn.Module, Diagonal]]:
    """Network and posterior of each step, the last one the certificate's own."""
    found = []
    start = replace(stored, prior="initial", prior_state=None, stages=(), first=0)
    for stage in stored.stages:
        network = _with(module, stage.state)
        found.append((network, replace(start, scales=stage.scales).posterior(network, initial)))
    network = copy.deepcopy(module).eval()
    return [*found, (network, start.posterior(network, initial))]


def _with(module: nn.Module, state: State) -> nn.Module:
    network = copy.deepcopy(module).eval()
    network.load_state_dict(dict(state))
    return network


def _first_divergence(posterior: Diagonal, stored: StoredPosterior) -> float:
    """KL from the mixture over prior scales around the initial weights, the choice paid for, rounded up."""
    drawn = posterior.draw(torch.Generator(), torch.float64)  # the sums of a draw are part of a block's; they are not read here
    groups = list(posterior.summaries(drawn).values())
    table = kl_divergences(
        [g.parameters for g in groups],
        [g.variance_sum for g in groups],
        [g.log_variance_sum for g in groups],
        [g.squared_distance for g in groups],
        stored.prior_scales,
    )
    nats = cheapest(table, stored.prior_scales).nats
    if not math.isfinite(nats):
        raise Unavailable("the divergence of the first posterior from its prior is too large for a float")
    return nats


def _pairs(
    sampler: Sampler, before: Sampler, sample: tuple[torch.Tensor, torch.Tensor], passes: int, source: torch.Generator
) -> tuple[tuple[float, float, float], int]:
    """Shares of the three events over independent pairs, each on one example, rounded up, and the number of pairs.

    Raises:
        Unavailable: One of the networks can't be drawn afresh for each example.
    """
    if sampler.fresh is None or before.fresh is None:
        raise Unavailable("a recursive certificate needs a network that can be drawn afresh for each example")
    counts, total = [0, 0, 0], passes * len(sample[1])
    for _ in range(passes):
        mine: Mask = sampler.fresh.draw(*sample, 1, source)[0]
        theirs: Mask = before.fresh.draw(*sample, 1, source)[0]
        for i, event in enumerate((mine, mine | ~theirs, mine & ~theirs)):
            counts[i] += int(event.sum())
    risk, not_better, worse = (ratio_up(count, total) for count in counts)
    return (risk, not_better, worse), total
