"""Reaches of layers in networks with sums, against enumerated paths, against networks that were changed, and in the theorem."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence

import mpmath
import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.bartlett2017covering import log_reaches_up
from boundcheck.bounds.lemmas.wiring import Wire, log_wired_reaches_up
from boundcheck.evidence.collect import collect
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.record import Evidence
from boundcheck.evidence.sanity import contradiction
from boundcheck.evidence.serialize import from_json, to_json
from boundcheck.evidence.step import Step
from boundcheck.networks.architectures import build
from boundcheck.networks.norms import layer_norms
from boundcheck.networks.tracing import trace
from boundcheck.networks.wiring import graph_steps
from boundcheck.runs.live import run_from_objects
from boundcheck.theorem import Status

theorem = CATALOGUE["bartlett2017covering"]


def ways(wiring: Sequence[Wire], start: int) -> Iterator[list[int]]:
    """Every way from a step to the last one, as the steps after the first; a step that reads twice gives two ways."""
    if start == len(wiring) - 1:
        yield []
    for place, (_, reads, _) in enumerate(wiring):
        for _ in range(list(reads).count(start)):
            yield from ([place, *rest] for rest in ways(wiring, place))


def random_wiring(rng: np.random.Generator) -> tuple[list[Wire], int]:
    wiring: list[Wire] = [(-1, [], 1.0)]
    layers = 0
    for place in range(1, 8):
        kind = rng.integers(3)
        if kind == 0:
            wiring.append((layers, [int(rng.integers(place))], 1.0))
            layers += 1
        else:
            reads = [int(rng.integers(place)), place - 1][: int(kind)]
            wiring.append((-1, reads, float(rng.choice([1.0, 2.0, 0.3]))))
    return wiring, layers


def test_reaches_against_all_ways_in_mpmath() -> None:
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(60):
        wiring, layers = random_wiring(rng)
        s, b, t = np.exp(rng.normal(size=(3, layers)))
        q, n, x = rng.integers(0, 4, size=layers), int(rng.integers(2, 10**5)), float(np.exp(rng.normal()))
        found = log_wired_reaches_up(wiring, s.tolist(), b.tolist(), t.tolist(), q.tolist(), range(layers), x, n)
        gain = [mpmath.mpf(rho if i < 0 else float(s[i])) for i, _, rho in wiring]
        stretch = [
            [
                mpmath.fsum(mpmath.fprod(gain[v] for v in way) for way in ways(wiring[: end + 1], start))
                for start in range(end + 1)
            ]
            for end in range(len(wiring))
        ]
        constant = [mpmath.mpf(float(t[i])) * mpmath.sqrt(n * int(q[i])) if i >= 0 else mpmath.mpf(0) for i, _, _ in wiring]
        signal = [x * to[0] + mpmath.fsum(c * to[u] for u, c in enumerate(constant[: end + 1])) for end, to in enumerate(stretch)]
        for place, (i, reads, _) in enumerate(wiring):
            if i < 0:
                continue
            onward = stretch[-1][place]
            if onward == 0:
                assert found[i] == -np.inf
                continue
            exact = mpmath.log(float(b[i]) * onward * mpmath.sqrt(signal[reads[0]] ** 2 + n * int(q[i])))
            assert exact <= found[i] <= exact + 1e-12  # some dozen roundings of logarithms below a hundred
            compared += 1
    assert compared > 60


def test_on_a_chain_it_is_the_chain() -> None:
    rng = np.random.default_rng(1)
    s, b, t, rho = np.exp(rng.normal(size=(4, 3))).tolist()
    q, wiring = [2, 0, 1], [(-1, [], 1.0)]
    for i in range(3):
        wiring += [(i, [2 * i], 1.0), (-1, [2 * i + 1], rho[i])]
    chain = log_reaches_up(s, b, t, q, rho, [0, 2], 3.0, 100)
    assert log_wired_reaches_up(wiring, s, b, t, q, [0, 2], 3.0, 100) == pytest.approx(chain, abs=1e-13)
    common = {"margins": [10.0] * 20, "bias_norms": t, "positions": q, "lipschitz": rho, "parameters": [6, 0, 4]}
    common |= {"spectral": s, "distances": [v / 100 for v in b], "rows": [3, 3, 3], "homogeneous": False}
    common |= {"input_frobenius": 3.0, "classes": 10, "n": 50000, "delta": 0.05}
    one, other = theorem.formula(**common, wiring=[]), theorem.formula(**common, wiring=wiring)
    assert other.value == pytest.approx(one.value, rel=1e-11)
    assert one.terms["complexity"] > 0.0


def test_a_positive_scalar_network_is_moved_by_exactly_its_reach() -> None:
    """f(x) = a x + b c x on one positive input: nothing is lost anywhere."""
    a, b, c, x = 1.5, 0.5, 4.0, 2.0
    wiring = [(-1, [], 1.0), (0, [0], 1.0), (1, [0], 1.0), (2, [2], 1.0), (-1, [1, 3], 1.0)]
    moves = [0.25, 0.125, 2.0]
    found = np.exp(log_wired_reaches_up(wiring, [a, b, c], moves, [0.0] * 3, [0] * 3, [0, 1, 2], x, 1))
    assert found == pytest.approx([0.25 * x, 0.125 * c * x, 2.0 * b * x], rel=1e-13)


def two_networks(name: str, seed: int) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """Two networks that are no chains, whose weights differ by a few percent, and inputs."""
    torch.manual_seed(seed)
    settings = {"residual": {"channels": (3, 4)}, "inception": {"scale": 0.02, "batchnorm": False}}[name]
    one = build(name, (2, 6, 6), 3, seed=seed, **settings).double().eval()
    other = copy.deepcopy(one)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(0.05 * torch.randn_like(p) * p.abs().mean())
    return one, other, torch.randn(20, 2, 6, 6, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["residual", "inception"])
def test_changing_layers_moves_the_outputs_by_at_most_their_reaches(name: str, seed: int) -> None:
    one, other, x = two_networks(name, seed)
    old, new = trace(one, (2, 6, 6)), trace(other, (2, 6, 6))
    assert old.has_skip
    steps, first, second = graph_steps(new), layer_norms(old), layer_norms(new, old)
    names = [step.name for step in steps if step.name in second]
    rows = {step.name: i for i, step in enumerate(steps)}
    wiring = [(names.index(s.name) if s.name in names else -1, [rows[r] for r in s.reads], s.lipschitz) for s in steps]
    layers = [second[name] for name in names]
    reaches = np.exp(
        log_wired_reaches_up(
            wiring,
            [max(first[name].spectral, second[name].spectral) for name in names],
            [a.difference_group_norm for a in layers],
            [max(first[name].bias_norm, second[name].bias_norm) for name in names],
            [a.positions if a.has_bias else 0 for a in layers],
            range(len(names)),
            float(x.norm()),
            len(x),
        )
    )
    modules = dict(one.named_modules())
    with torch.no_grad():
        start, end = one(x), other(x)
        assert float((end - start).norm()) <= reaches.sum()
        for layer, reach in zip(names, reaches, strict=True):
            mixed = copy.deepcopy(one)
            dict(mixed.named_modules())[layer].load_state_dict(dict(other.named_modules())[layer].state_dict())
            moved = float((mixed(x) - start).norm())
            assert isinstance(modules[layer], (nn.Conv2d, nn.Linear))
            assert moved <= reach
            assert moved > 0.0 or name == "inception"  # a branch of one channel may have a dead unit


@pytest.fixture(name="evidence", scope="module")
def _evidence() -> Evidence:
    """Of a residual network, on inputs labelled by itself."""
    network, _, _ = two_networks("residual", 7)
    x = np.random.default_rng(0).normal(size=(30, 2, 6, 6)).astype(np.float32)
    with torch.no_grad():
        y = network.float()(torch.from_numpy(x)).argmax(1).numpy()
    run = run_from_objects(network, (x, y), None, None, labels="true", classes=3, domain=None)
    return collect(run, ("structure", "margins", "inputs", "layers"))


def test_the_theorem_answers_on_a_residual_network(evidence: Evidence) -> None:
    again = from_json(to_json(evidence), "the test")
    assert again == evidence
    certificate = theorem(evidence, 0.05)
    assert certificate.status is Status.VACUOUS
    assert CATALOGUE["bartlett2017spectral"](evidence, 0.05).status is Status.NOT_APPLICABLE
    assert evidence.structure is not None
    assert not evidence.structure.chain
    wiring = theorem.measure(evidence)["wiring"]
    assert sum(len(reads) == 2 for _, reads, _ in wiring) == 2  # one sum a block
    assert theorem.measure(example_evidence())["wiring"] == []


def test_what_can_not_be_placed_is_still_refused(evidence: Evidence) -> None:
    assert evidence.structure is not None
    odd = dataclasses.replace(evidence.structure, unplaced=("gate: a product of signals",), steps=())
    assert "a product of signals" in str(theorem(dataclasses.replace(evidence, structure=odd), 0.05).why)
    bare = dataclasses.replace(evidence.structure, steps=())
    assert "skip connections" in str(theorem(dataclasses.replace(evidence, structure=bare), 0.05).why)


@pytest.mark.parametrize(
    "steps",
    [
        (Step("a", ("b",), 1.0),),
        (Step("a", (), 1.0), Step("b", ("c",), 1.0)),
        (Step("a", (), 1.0), Step("b", (), 1.0)),
        (Step("a", (), 1.0), Step("a", ("a",), 1.0)),
        (Step("a", (), 1.0), Step("b", ("a",), -1.0)),
        (Step("a", (), 1.0), Step("first", ("a", "a"), 1.0)),
    ],
)
def test_steps_that_can_not_be_are_found(steps: tuple[Step, ...]) -> None:
    evidence = example_evidence()
    assert evidence.structure is not None
    broken = dataclasses.replace(evidence, structure=dataclasses.replace(evidence.structure, chain=(), steps=steps))
    assert "a step" in str(contradiction(broken))
