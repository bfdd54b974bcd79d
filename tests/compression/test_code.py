"""The decoder reads the message and what is older than the data, nothing else; the search finds short messages."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.code import LEVEL_BITS, LEVELS, STEP_BITS, STEPS, Message, decode
from boundcheck.compression.quantize import Differences, quantize
from boundcheck.compression.search import measure_code
from boundcheck.evidence.unavailable import Unavailable


def mlp(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3)).eval()


def sample(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return x, mlp(7)(x).argmax(1)


def test_tables_fit_their_bits() -> None:
    assert len(LEVELS) == 2**LEVEL_BITS
    assert len(STEPS) == 2**STEP_BITS
    assert all(k % 2 == 1 and k <= 256 for k in LEVELS)


@pytest.mark.parametrize("levels", LEVELS)
def test_the_decoder_reads_the_message_alone(levels: int) -> None:
    network, before = mlp(0), mlp(1)
    message = quantize(Differences.of(network, before), levels, (0.5, 1.0, 0.3, 0.0), {})
    decoded = decode(message, mlp(5), before)  # any weights in the architecture
    start = 0
    for (name, p), index in zip(decoded.named_parameters(), message.steps, strict=True):
        symbols = message.symbols[start : start + p.numel()].astype(float).reshape(p.shape) - (levels - 1) / 2
        expected = dict(before.named_parameters())[name].double() + torch.from_numpy(symbols * 2.0 ** ((index - 208) / 8))
        assert torch.equal(p, expected.float())
        start += p.numel()
    assert start == message.symbols.size == sum(message.counts)
    assert len(message.counts) == levels
    assert message.side_bits == 3 + 8 * 4


def test_a_message_of_symbols_alone_is_recovered_from_the_decoded_network() -> None:
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 7, size=6 * 40 + 40 + 120 + 3).astype(np.uint8)
    message = Message(7, (200, 201, 199, 180), symbols, {})
    decoded = decode(message, mlp(2).double(), None)
    flat = torch.cat([p.detach().flatten() / STEPS[i] for p, i in zip(decoded.parameters(), message.steps, strict=True)])
    assert np.array_equal(np.round(flat.numpy()) + 3, symbols)


def test_densities_are_kept_and_large_entries_first() -> None:
    network = mlp(3)
    differences = Differences.of(network, None)
    message = quantize(differences, 3, (0.25, 0.0, 1.0, 0.5), {})
    first = message.symbols[:240].astype(int) - 1
    assert np.count_nonzero(first) == 60
    kept, dropped = np.abs(differences.values[0][first != 0]), np.abs(differences.values[0][first == 0])
    assert kept.min() >= dropped.max()
    assert (np.sign(differences.values[0][first != 0]) == first[first != 0]).all()
    assert not (message.symbols[240:280] != 1).any()


def test_many_levels_come_close() -> None:
    network = mlp(3)
    decoded = decode(quantize(Differences.of(network, None), 255, (1.0,) * 4, {}), network, None)
    for p, q in zip(network.parameters(), decoded.parameters(), strict=True):
        # Half a step (9 % above the 127th part of the 99.5 % quantile at most); beyond the outermost level entries are clipped.
        limit = 0.6 * float(p.detach().abs().max()) / 127
        assert float((p - q).detach().abs().quantile(0.95)) <= limit


def test_a_message_for_another_architecture_is_refused() -> None:
    message = quantize(Differences.of(mlp(), None), 3, (0.5,) * 4, {})
    with pytest.raises(ValueError, match="expected a message"):
        decode(message, nn.Linear(6, 3), None)


def test_the_record_is_that_of_the_decoded_network() -> None:
    x, y = sample()
    network, before = mlp(7), mlp(1)
    code = measure_code(network, before, x, y, x[:100], y[:100], classes=3, seed=0)
    assert code == measure_code(network, before, x, y, x[:100], y[:100], classes=3, seed=0)
    assert sum(code.counts) == 6 * 40 + 40 + 120 + 3
    assert len(code.counts) == code.settings["levels"]
    assert code.side_bits == 3 + 8 * 4
    assert code.errors.n == 400
    assert code.errors.test_n == 100
    assert code.errors.errors < 0.4 * 400  # it still classifies: guessing errs on two thirds
    assert code_nats(code.counts, code.side_bits) < 403 * 8  # far below the 32 bits of each weight


def test_learned_buffers_are_written_down() -> None:
    network = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3))
    before = copy.deepcopy(network)
    network.train()
    x, y = sample()
    network(x * 3 + 1)
    network.eval()
    code = measure_code(network, before, x, y, classes=3, seed=0)
    assert code.side_bits == 3 + 8 * 4 + 2 * 6 * 32 + 2  # that both were changed is something that the data chose
    assert "0.running_mean, 0.running_var" in code.detail


def test_unchanged_buffers_cost_the_bit_that_says_so() -> None:
    network = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).eval()
    x, y = sample()
    code = measure_code(network, copy.deepcopy(network), x, y, classes=3, seed=0)
    assert code.side_bits == 3 + 8 * 4 + 2
    assert measure_code(network, None, x, y, classes=3, seed=0).side_bits == 3 + 8 * 4 + 2 * 6 * 32


def test_predictions_that_depend_on_each_other_are_refused() -> None:
    network = nn.Sequential(nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3)).eval()
    x, y = sample()
    with pytest.raises(Unavailable, match="no code: 0 normalizes with the statistics of the batch"):
        measure_code(network, None, x, y, classes=3, seed=0)


def test_a_network_without_numbers_is_refused() -> None:
    network = mlp()
    with torch.no_grad():
        network[0].bias[0] = float("inf")
    x, y = sample()
    with pytest.raises(Unavailable, match=r"0\.bias"):
        measure_code(network, None, x, y, classes=3, seed=0)
