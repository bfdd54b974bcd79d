r"""Training for the code length: weights on a grid of whole numbers, an entropy that pushes them together, and rounding.

A weight is a step times a number :math:`\theta`, of which a message will hold the nearest whole number. First :math:`\theta` is
disturbed by noise as large as rounding, so that training feels the grid; then it is rounded, and the gradient passes through
as if it were not. All along, the loss is the cross-entropy plus a factor times :math:`\ln(1/q)/n`, q the probability of the whole
number nearest to :math:`\theta` plus noise under a logistic law, one scale for each block, learned beside.

Nothing of this has to be paid for: the encoder may do what it likes, since the message tells the decoder everything.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up
from boundcheck.bounds.zhou2019compression import code_nats
from boundcheck.compression.code import LEVELS, STEPS, CodedTensor, Message, columns_of
from boundcheck.compression.settings import CodeTraining
from boundcheck.errors import InputError
from boundcheck.networks.frozen import Parts
from boundcheck.networks.mistakes import CHUNK, mistakes

_WARM, _PRESSURE = 0.3, 0.2  # shares of the training with noise, and in which the pressure rises
_LEAST_SCALE = 0.03  # of the logistic law: below it a block is all zero for a message's purposes


@dataclass(frozen=True)
class Stand:
    """Where training stands at the end of an epoch.

    Attributes:
        epoch: Counted from 1.
        loss: Mean cross-entropy of the epoch, nats.
        errors: Training errors of the rounded network.
        nats: Code length of its message.
        certificate: About what the bound is.
    """

    epoch: int
    loss: float
    errors: int
    nats: float
    certificate: float


class _Straight(torch.autograd.Function):
    """Rounding with the gradient of the identity inside the alphabet."""

    @staticmethod
    def forward(ctx: Any, theta: torch.Tensor, most: int) -> torch.Tensor:
        return theta.round().clamp(-most, most)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad, None


class CodeDescent:
    """The training of one network.

    Args:
        network: With its initial weights, in evaluation mode; left as it is.
        x: Training inputs, shape (n, ...).
        y: Labels, shape (n,).
        how: Settings.
        state: What :meth:`state` returned in an earlier run, to go on from there.
    """

    def __init__(
        self, network: nn.Module, x: torch.Tensor, y: torch.Tensor, how: CodeTraining, state: Mapping[str, Any] | None = None
    ) -> None:
        self.how, self.y, self.n = how, y, len(y)
        self.network = copy.deepcopy(network).eval()
        parts = Parts.of(self.network)
        self.rest, self.features = parts.rest, parts.features(x)
        self.names = [name for name, _ in self.network.named_parameters()]
        self.before = [
            p.detach().clone() if how.reference == "initial" else torch.zeros_like(p) for p in self.network.parameters()
        ]
        self.columns = [columns_of(p) for p in self.network.parameters()]
        alone = len(self.columns) == 1  # one matrix: its scale, and that of the outputs with it, decides nothing
        step = how.step if how.step is not None else 0.0 if alone else 0.5
        start = how.start if how.start is not None else 0.0 if alone else 1.0
        self.steps = [_step_of(p, step) for p in self.network.parameters()]
        noise = torch.Generator().manual_seed(how.seed)
        self.theta = [
            (start * torch.randn(p.shape, generator=noise, dtype=p.dtype)).requires_grad_() for p in self.network.parameters()
        ]
        shapes = [
            CodedTensor(np.zeros(p.numel(), dtype=np.int16), c, split=self._split(p))
            for p, c in zip(self.theta, self.columns, strict=True)
        ]
        self.blocks = [torch.from_numpy(shape.block_of()).reshape(p.shape) for shape, p in zip(shapes, self.theta, strict=True)]
        self.scales = [
            torch.zeros(int(b.max()) + 1, dtype=p.dtype, requires_grad=True) for b, p in zip(self.blocks, self.theta, strict=True)
        ]
        self.temperature = torch.zeros((), dtype=self.theta[0].dtype, requires_grad=True)
        self.optimizer = torch.optim.Adam(
            [{"params": self.theta}, {"params": [*self.scales, self.temperature]}], lr=how.rate(self.n), betas=(0.9, 0.99)
        )
        self.epoch = 0
        if state is not None:
            self._load(state)

    def _split(self, p: torch.Tensor) -> bool:
        return self.how.split and p.dim() >= 2

    @property
    def most(self) -> int:
        """The largest symbol."""
        return 1 if self.how.alphabet == "ternary" else LEVELS[-1] // 2

    @property
    def sizes(self) -> list[float]:
        """Step sizes, tensor by tensor."""
        return [1.0 if index is None else float(STEPS[index]) for index in self.steps]

    def _outputs(self, features: torch.Tensor, whole: list[torch.Tensor]) -> torch.Tensor:
        weights = {
            name: before + step * value
            for name, before, step, value in zip(self.names, self.before, self.sizes, whole, strict=True)
        }
        output: torch.Tensor = torch.func.functional_call(self.rest, weights, (features,))
        if output.dim() > 1 and output.shape[1] > 1:
            return output
        flat = output.flatten()  # one output speaks for class 1 against class 0, whose output is zero
        return torch.stack([torch.zeros_like(flat), flat], dim=1)

    def rate(self, noise: torch.Generator) -> torch.Tensor:
        """Nats of all whole numbers under the logistic laws, with noise as large as rounding."""
        total = torch.zeros((), dtype=self.theta[0].dtype)
        for theta, block, scale in zip(self.theta, self.blocks, self.scales, strict=True):
            width = scale.exp().clamp(min=_LEAST_SCALE)[block]
            at = theta + (torch.rand(theta.shape, generator=noise, dtype=theta.dtype) - 0.5)
            mass = torch.sigmoid((at + 0.5) / width) - torch.sigmoid((at - 0.5) / width)
            total = total - (mass + 1e-6).log().sum()
        return total

    def run(self, *, deadline: float, on_epoch: Callable[[Stand], None]) -> None:
        """Train until the epochs are spent; a deadline makes the schedule run faster, by the time that an epoch takes.

        Args:
            deadline: ``time.monotonic()`` at which training should end.
            on_epoch: Called after each.
        """
        planned, start, first = self.how.passes(self.n), time.monotonic(), self.epoch
        while self.epoch < planned:
            loss = self._one_epoch(planned)
            self.epoch += 1
            on_epoch(self.stand(loss))
            each = (time.monotonic() - start) / (self.epoch - first)
            if math.isfinite(deadline):
                planned = min(planned, self.epoch + max(0, int((deadline - time.monotonic()) / each)))

    def _one_epoch(self, planned: int) -> float:
        source = torch.Generator().manual_seed((self.how.seed * 1_000_003 + self.epoch + 1) % 2**63)
        order = torch.randperm(self.n, generator=source)
        steps, total = self.how.steps(self.n), 0.0
        for i, rows in enumerate(torch.tensor_split(order, steps)):
            done = (self.epoch + i / steps) / planned
            self._set_rates(done)
            if done < _WARM:
                whole = [t + (torch.rand(t.shape, generator=source, dtype=t.dtype) - 0.5) for t in self.theta]
            else:
                whole = [_Straight.apply(t, self.most) for t in self.theta]  # type: ignore[no-untyped-call]
            logits = self.temperature.exp() * self._outputs(self.features[rows], whole)
            loss = nn.functional.cross_entropy(logits, self.y[rows])
            whole_loss = loss + self.how.factor * min(1.0, done / _PRESSURE) * self.rate(source) / self.n
            self.optimizer.zero_grad(set_to_none=True)
            whole_loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            with torch.no_grad():
                for theta in self.theta:
                    theta.clamp_(-self.most - 0.49, self.most + 0.49)
            total += float(loss.detach()) * len(rows)
        if not math.isfinite(total):
            raise InputError("a training that converges", f"a loss of {total} in epoch {self.epoch + 1}", "lower --lr")
        return total / self.n

    def _set_rates(self, done: float) -> None:
        fade = 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
        self.optimizer.param_groups[0]["lr"] = self.how.rate(self.n) * fade * min(1.0, 0.02 + 40.0 * done)
        self.optimizer.param_groups[1]["lr"] = 0.02 * max(fade, 0.1)

    def message(self) -> Message:
        """The message of the rounded weights."""
        tensors = []
        for theta, columns, step in zip(self.theta, self.columns, self.steps, strict=True):
            flat = theta.detach().reshape(-1).double().numpy()
            symbols = np.clip(np.round(flat), -self.most, self.most).astype(np.int16)
            tensor = CodedTensor(symbols, columns, step, split=self._split(theta))
            tensors.append(_with_codebook(tensor, flat) if self.how.alphabet == "codebook" else tensor)
        return Message(tuple(tensors), {})  # no buffer changes while the network is in evaluation mode

    def stand(self, loss: float) -> Stand:
        """Errors and code length of the rounded weights."""
        message = self.message()
        with torch.no_grad():
            whole = [
                torch.from_numpy(t.numbers() / size).reshape(p.shape).to(p.dtype)
                for t, p, size in zip(message.tensors, self.theta, self.sizes, strict=True)
            ]
            errors = 0
            for rows in torch.split(torch.arange(self.n), CHUNK):
                errors += int(mistakes(self._outputs(self.features[rows], whole), self.y[rows])[0].sum())
        nats = code_nats(message.counts, message.side_bits)
        return Stand(self.epoch, loss, errors, nats, kl_bound(errors / self.n, nats + log_inverse_up(self.how.delta), self.n))

    def state(self) -> dict[str, Any]:
        """Plain containers and tensors to go on from."""
        return {
            "epoch": self.epoch,
            "theta": [t.detach().clone() for t in self.theta],
            "scales": [s.detach().clone() for s in self.scales],
            "temperature": self.temperature.detach().clone(),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for mine, earlier in zip([*self.theta, *self.scales], [*state["theta"], *state["scales"]], strict=True):
                mine.copy_(earlier)
            self.temperature.copy_(state["temperature"])
        self.optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
        self.epoch = int(state["epoch"])


def _step_of(p: torch.Tensor, factor: float) -> int | None:
    """Index of the step of a tensor, from its initial weights, which no data chose; ``None`` for steps of 1."""
    if factor == 0.0:
        return None
    size = float(p.detach().double().square().mean().sqrt()) or 0.1
    return int(np.clip(np.round(np.log2(factor * size) * 8.0) + 208, 0, len(STEPS) - 1))


def _with_codebook(tensor: CodedTensor, theta: np.ndarray) -> CodedTensor:
    """Each symbol stands for the mean of the numbers that were rounded to it: the centers of one step of k-means."""
    step = 1.0 if tensor.step is None else float(STEPS[tensor.step])
    levels = max(len(counted) for counted in tensor.counts)
    symbols = tensor.symbols.astype(np.int64)
    sums = np.bincount(symbols + levels // 2, weights=theta, minlength=levels)
    counts = np.bincount(symbols + levels // 2, minlength=levels)
    centers = np.where(counts > 0, sums / np.maximum(counts, 1), np.arange(levels) - levels // 2)
    centers[levels // 2] = 0.0
    return CodedTensor(tensor.symbols, tensor.columns, None, (step * centers).astype(np.float16), tensor.split)
