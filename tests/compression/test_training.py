"""Training for the code length: the message says what was trained, training goes on where it stopped, pressure shortens."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.code import STEPS, decode
from boundcheck.compression.settings import LEAST_PASSES, LEAST_STEPS, CodeTraining
from boundcheck.compression.training import CodeDescent, Stand
from boundcheck.errors import InputError
from boundcheck.networks.architectures import build
from boundcheck.networks.mistakes import program_mistakes


def sample(n: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] + x[:, 1] > 0).long() + (x[:, 2] > 1).long()


def trained(**settings: object) -> tuple[CodeDescent, list[Stand]]:
    x, y = sample()
    network = build("mlp", (6,), 3, widths=[10], seed=1).eval()
    how = CodeTraining(**{"epochs": 12, "batch_size": 100, "lr": 0.1, "step": 0.5, "start": 1.0, "factor": 0.5, **settings})
    descent, stands = CodeDescent(network, x, y, how), []
    descent.run(deadline=math.inf, on_epoch=stands.append)
    return descent, stands


@pytest.mark.parametrize("alphabet", ["uniform", "ternary", "codebook"])
@pytest.mark.parametrize("reference", ["zero", "initial"])
def test_the_message_is_the_network_that_was_counted(alphabet: str, reference: str) -> None:
    descent, stands = trained(alphabet=alphabet, reference=reference)
    x, y = sample()
    message, network = descent.message(), build("mlp", (6,), 3, widths=[10], seed=1).eval()
    decoded = decode(message, network, network if reference == "initial" else None)
    assert int(program_mistakes(decoded, x, y)[0].sum()) == stands[-1].errors
    assert stands[-1].errors < 0.45 * len(y)  # it learned something: the commonest class is right on less than half
    assert stands[-1].nats == code_nats(message.counts, message.side_bits)
    if alphabet == "ternary":
        assert all(int(np.abs(tensor.symbols).max()) <= 1 for tensor in message.tensors)
    assert all((tensor.codebook is not None) == (alphabet == "codebook") for tensor in message.tensors)


def test_steps_come_from_the_initial_weights_alone() -> None:
    descent, _ = trained()
    for p, tensor in zip(build("mlp", (6,), 3, widths=[10], seed=1).parameters(), descent.message().tensors, strict=True):
        rms = float(p.detach().double().square().mean().sqrt())
        # The table's steps are 2^(1/8) apart, so the nearest is within half of that.
        assert STEPS[tensor.step] / (0.5 * rms) == pytest.approx(1.0, abs=0.045)


def test_one_matrix_has_whole_numbers_and_several_have_steps() -> None:
    x, y = sample()
    for name, settings, whole in (("linear", {"bias": False}, True), ("mlp", {"widths": [10]}, False)):
        stands: list[Stand] = []
        how = CodeTraining(epochs=12, batch_size=100, lr=0.1, factor=0.5)
        descent = CodeDescent(build(name, (6,), 3, seed=1, **settings).eval(), x, y, how)
        descent.run(deadline=math.inf, on_epoch=stands.append)
        assert all((tensor.step is None) == whole for tensor in descent.message().tensors)
        assert stands[-1].errors < 0.45 * len(y)


def test_pressure_shortens_the_message() -> None:
    nats = [trained(factor=factor)[1][-1].nats for factor in (0.0, 2.0, 30.0)]
    assert nats[0] > nats[1] > nats[2]


def test_it_goes_on_where_it_stopped() -> None:
    x, y = sample()
    how = CodeTraining(epochs=6, batch_size=100, lr=0.1, step=0.5, start=1.0)
    network, whole = build("mlp", (6,), 3, widths=[10], seed=1).eval(), []
    CodeDescent(network, x, y, how).run(deadline=math.inf, on_epoch=whole.append)

    class StopError(Exception):
        pass

    first, parts = CodeDescent(network, x, y, how), []

    def stop(stand: Stand) -> None:
        parts.append(stand)
        if stand.epoch == 3:
            raise StopError

    with pytest.raises(StopError):
        first.run(deadline=math.inf, on_epoch=stop)
    CodeDescent(network, x, y, how, first.state()).run(deadline=math.inf, on_epoch=parts.append)
    assert [asdict(stand) for stand in parts] == [asdict(stand) for stand in whole]


def test_a_deadline_ends_it() -> None:
    x, y = sample()
    stands: list[Stand] = []
    network = build("mlp", (6,), 3, widths=[10], seed=1).eval()
    CodeDescent(network, x, y, CodeTraining(epochs=10_000)).run(deadline=0.0, on_epoch=stands.append)
    assert len(stands) == 1


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"lr": 0.0}, {"alphabet": "binary"}, {"reference": "other"}, {"step": -1.0}, {"factor": -1.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        CodeTraining(**wrong)


@pytest.mark.parametrize("n", [30, 1437, 10_000, 60_000])
def test_a_small_sample_gets_no_fewer_steps_than_a_large_one(n: int) -> None:
    how = CodeTraining()
    assert how.passes(n) >= LEAST_PASSES
    assert how.passes(n) * how.steps(n) >= LEAST_STEPS
    assert n / how.steps(n) <= 1000.0 * (1.0 + 1.0 / how.steps(n))  # batches of about 1,000 at most
    assert CodeTraining(epochs=2, lr=0.5, batch_size=10).passes(n) == 2
    assert CodeTraining(lr=0.5).rate(n) == 0.5
    assert how.rate(n) >= how.rate(2 * n)
