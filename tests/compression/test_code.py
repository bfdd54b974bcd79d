"""The decoder reads the message and what is older than the data, nothing else; the search finds short messages."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.code import LEVEL_BITS, LEVELS, STEP_BITS, STEPS, CodedTensor, Message, decode
from boundcheck.compression.quantize import Differences, quantize
from boundcheck.compression.search import measure_code
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.runs.subject import Subject


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
    assert all(k % 2 == 1 for k in LEVELS)
    assert list(LEVELS) == sorted(set(LEVELS))


@pytest.mark.parametrize("levels", [3, 5, 15, 255])
def test_the_decoder_reads_the_message_alone(levels: int) -> None:
    network, before = mlp(0), mlp(1)
    message = quantize(Differences.of(network, before), levels, (0.5, 1.0, 0.3, 0.0), {})
    decoded = decode(message, mlp(5), before)  # any weights in the architecture
    for (name, p), tensor in zip(decoded.named_parameters(), message.tensors, strict=True):
        symbols = torch.from_numpy(tensor.symbols.astype(float)).reshape(p.shape)
        expected = dict(before.named_parameters())[name].double() + symbols * 2.0 ** ((tensor.step - 208) / 8)
        assert torch.equal(p, expected.float())
        assert int(abs(tensor.symbols).max()) <= levels // 2
    assert sum(map(sum, message.counts)) == 6 * 40 + 40 + 120 + 3
    assert len(message.counts[3]) == 1  # nothing but zeros
    assert message.side_bits == (2 + 1 + 8 + 4) * 4


def test_a_message_of_symbols_alone_is_recovered_from_the_decoded_network() -> None:
    rng = np.random.default_rng(0)
    tensors = tuple(
        CodedTensor(rng.integers(-3, 4, size=size).astype(np.int16), columns, step)
        for size, columns, step in ((240, 6, 200), (40, 1, 201), (120, 40, None), (3, 1, 180))
    )
    decoded = decode(Message(tensors, {}), mlp(2).double(), None)
    for p, tensor in zip(decoded.parameters(), tensors, strict=True):
        found = p.detach().flatten() / (1.0 if tensor.step is None else STEPS[tensor.step])
        assert np.array_equal(np.round(found.numpy()), tensor.symbols)


def test_blocks_double_in_columns_and_hold_every_symbol_once() -> None:
    tensor = CodedTensor(np.arange(60, dtype=np.int16) % 20, 20, split=True)
    sizes = [len(block) for block in tensor.blocks]
    assert sizes == [12, 12, 24, 12]  # columns 0-3, 4-7, 8-15, 16-19 of three rows
    assert sorted(np.concatenate(tensor.blocks).tolist()) == sorted(tensor.symbols.tolist())
    assert [max(block) for block in tensor.blocks] == [3, 7, 15, 19]
    assert tensor.side_bits == 2 + 1 + 4 * 4


def test_a_codebook_says_what_symbols_stand_for_and_is_paid_by_entry() -> None:
    book = np.array([-2.5, 0.0, 0.75], dtype=np.float16)
    tensor = CodedTensor(np.array([-1, 0, 1, 1], dtype=np.int16), 2, codebook=book)
    assert tensor.numbers().tolist() == [-2.5, 0.0, 0.75, 0.75]
    assert tensor.side_bits == 2 + 1 + 4 + 3 * 16 + 4


def test_symbols_beyond_the_largest_alphabet_are_refused() -> None:
    with pytest.raises(ValueError, match="symbols up to 127"):
        Message((CodedTensor(np.array([128], dtype=np.int16), 1),), {}).counts  # noqa: B018


def test_densities_are_kept_and_large_entries_first() -> None:
    network = mlp(3)
    differences = Differences.of(network, None)
    message = quantize(differences, 3, (0.25, 0.0, 1.0, 0.5), {})
    first = message.tensors[0].symbols.astype(int)
    assert np.count_nonzero(first) == 60
    kept, dropped = np.abs(differences.values[0][first != 0]), np.abs(differences.values[0][first == 0])
    assert kept.min() >= dropped.max()
    assert (np.sign(differences.values[0][first != 0]) == first[first != 0]).all()
    assert not message.tensors[1].symbols.any()


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
    subject = Subject(network, before, x, y, x[:100], y[:100], classes=3, seed=0)
    code = measure_code(subject)
    assert code == measure_code(subject)
    assert sum(map(sum, code.counts)) == 6 * 40 + 40 + 120 + 3
    assert max(map(len, code.counts)) == code.settings["levels"]
    assert code.side_bits == 15 * 4
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
    code = measure_code(Subject(network, before, x, y, classes=3, seed=0))
    assert code.side_bits == 15 * 4 + 2 * 6 * 32 + 2  # that both were changed is something that the data chose
    assert "0.running_mean, 0.running_var" in code.detail


def test_unchanged_buffers_cost_the_bit_that_says_so() -> None:
    network = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).eval()
    x, y = sample()
    code = measure_code(Subject(network, copy.deepcopy(network), x, y, classes=3, seed=0))
    assert code.side_bits == 15 * 4 + 2
    assert measure_code(Subject(network, None, x, y, classes=3, seed=0)).side_bits == 15 * 4 + 2 * 6 * 32


def test_predictions_that_depend_on_each_other_are_refused() -> None:
    network = nn.Sequential(nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3)).eval()
    x, y = sample()
    with pytest.raises(Unavailable, match="no code: 0 normalizes with the statistics of the batch"):
        measure_code(Subject(network, None, x, y, classes=3, seed=0))


def test_a_network_without_numbers_is_refused() -> None:
    network = mlp()
    with torch.no_grad():
        network[0].bias[0] = float("inf")
    x, y = sample()
    with pytest.raises(Unavailable, match=r"0\.bias"):
        measure_code(Subject(network, None, x, y, classes=3, seed=0))
