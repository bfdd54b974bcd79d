r"""Networks of one architecture fitted to random signs: members of a class of losses that correlate with the signs.

For one draw of signs the network is trained towards the label of an example where its sign is -1 and towards a wrong label,
drawn at random, where it is +1. What comes out is judged by what it computes, not by how it was found: any member of the class
gives a lower bound (``rademacher.lower``). Three classes are served by one network:

* the programs of the architecture, judged as they run;
* its networks in exact arithmetic: an example counts only where the margin of the predicted class, lowered by all that rounding
  can have added, is positive;
* balls of a norm that grows linearly with the output, with the ramp loss at a margin gamma: the last layer is scaled until the
  norm is that of the ball, so the network lies inside whatever its own norm was, and its margins are scaled alike.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.bounds import CATALOGUE
from boundcheck.evidence.collect import collect
from boundcheck.evidence.record import Evidence
from boundcheck.networks.mistakes import CHUNK, mistakes
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import div_down, exp_down, mul_down, sub_down
from boundcheck.rademacher.lower import correlation_lower
from boundcheck.runs.measurement import Measurement
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.stacked import train_stacked
from boundcheck.runs.training import Epoch, Settings, Trained, logits_of, train_epochs
from boundcheck.theorem import NotApplicable

LogNorm = Callable[[Mapping[str, Any]], float]


def _frobenius(symbols: Mapping[str, Any]) -> float:
    return log_product_up([symbols["top"], *symbols["frobenius"], *symbols["factors"]])


def _path(symbols: Mapping[str, Any]) -> float:
    return float(symbols["log_path"])


BALLS: Mapping[str, LogNorm] = {"golowich2018chevet": _frobenius, "gonon2024peeling": _path}
"""Theorems on a ball of one norm, linear in the output's scale, and the logarithm of that norm by the theorem's symbols."""


@dataclass(frozen=True)
class Ball:
    """The networks whose norm is at most that of the trained one, with the ramp loss at a margin.

    Attributes:
        theorem: Name of the theorem whose norm it is.
        log_norm: Logarithm of the norm.
        margin: The margin gamma.
        upper: The theorem's upper bound of the complexity.
    """

    theorem: str
    log_norm: float
    margin: float
    upper: float


@dataclass(frozen=True)
class Draw:
    """What one draw of signs gave.

    Attributes:
        draw: Its number, from 0; signs, wrong labels and initial weights depend on it and on the seed alone.
        epochs: Epochs of training.
        fitted: Whether training ended without an error.
        program: Examples whose loss is as the signs ask, for the program as it ran.
        exact: Those of the network in exact arithmetic; ``None`` where margins can't be rounded down.
        balls: For each ball the mean of sign times (ramp loss less 1/2), from below.
        seconds: CPU seconds.
    """

    draw: int
    epochs: int
    fitted: bool
    program: int
    exact: int | None
    balls: Mapping[str, float]
    seconds: float

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def signs_and_targets(y: NDArray[np.int64], classes: int, seed: int, draw: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fair signs (n,), and labels to train towards: the label where the sign is -1, another one, uniformly, where it is +1."""
    rng = np.random.default_rng([seed, draw, 17])
    signs = 2 * rng.integers(0, 2, len(y)) - 1
    wrong = (y + rng.integers(1, classes, len(y))) % classes
    return signs, np.where(signs < 0, y, wrong)


@dataclass(frozen=True, eq=False)
class _Start:
    """A draw before its training: signs, labels to train towards, and a network with weights of its own."""

    draw: int
    seed: int
    signs: NDArray[np.int64]
    targets: NDArray[np.int64]
    network: nn.Module

    @staticmethod
    def of(run: Run, seed: int, draw: int) -> _Start:
        signs, targets = signs_and_targets(run.train.y, run.classes, seed, draw)
        own = int(np.random.SeedSequence([seed, draw]).generate_state(1, np.uint32)[0])
        return _Start(draw, own, signs, targets, fresh(run.network, own))


def fit_draws(
    run: Run, settings: Settings, balls: Mapping[str, Ball], evidence: Evidence, *, numbers: Sequence[int],
    on_epoch: Callable[[int, Epoch], None],
) -> list[Draw]:  # fmt: skip
    """Train on some draws of signs and see what comes out; several are trained together, in one stack.

    Args:
        run: The trained network, for its architecture, and its sample.
        settings: How to train; the seed is that of all draws. More than one draw needs what a stack can be trained with.
        balls: The balls of the trained network.
        evidence: Its evidence; norms of the inputs are taken from here.
        numbers: Numbers of the draws.
        on_epoch: Told the number of a draw and each of its epochs.

    Returns:
        One record a draw; processor seconds of what was done together are shared out evenly.
    """
    start = time.process_time()
    starts = [_Start.of(run, settings.seed, number) for number in numbers]
    if len(starts) == 1:
        (one,) = starts
        sample, own = Sample(run.train.x, one.targets), replace(settings, seed=one.seed)
        trained = [train_epochs(one.network, sample, own, on_epoch=lambda epoch, _: on_epoch(one.draw, epoch))]
    else:
        trained = train_stacked(
            [each.network for each in starts],
            run.train.x,
            np.stack([each.targets for each in starts]),
            settings,
            seeds=[each.seed for each in starts],
            on_epoch=lambda place, epoch: on_epoch(starts[place].draw, epoch),
        )
    shared = (time.process_time() - start) / len(starts)
    return [_judged(run, each, ends, balls, evidence, shared) for each, ends in zip(starts, trained, strict=True)]


def _judged(run: Run, start: _Start, trained: Trained, balls: Mapping[str, Ball], evidence: Evidence, seconds: float) -> Draw:
    """What a trained network computes, against the signs."""
    begin = time.process_time()
    y, signs, network = run.train.y, start.signs, start.network
    predictions, wrong = _as_it_runs(network, run.train)
    labels = np.where(signs < 0, y, np.where(predictions != y, predictions, start.targets))
    fitted = replace(run, network=network, reference=None, reference_kind="zero", train=Sample(run.train.x, labels), test=None)
    margins = Measurement(fitted).train_margins
    inside = {name: _in_ball(ball, fitted, evidence, signs) for name, ball in balls.items()}
    return Draw(
        start.draw,
        len(trained.history),
        trained.fitted,
        int((wrong == (signs > 0)).sum()),
        int((margins.values > 0.0).sum()) if margins.lowered else None,
        inside,
        seconds + time.process_time() - begin,
    )


def fresh(network: nn.Module, seed: int) -> nn.Module:
    """A copy with newly drawn weights, where its modules know how; what they don't draw stays, and any start is as good."""
    copied = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in copied.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return copied


def _as_it_runs(network: nn.Module, sample: Sample) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Predicted classes, and which of them are errors, ties among them."""
    x, y = torch.from_numpy(np.ascontiguousarray(sample.x)), torch.from_numpy(sample.y)
    dtype = next(p.dtype for p in network.parameters())
    predictions, wrong = [], []
    with torch.no_grad():
        for start in range(0, len(y), CHUNK):
            outputs = logits_of(network, x[start : start + CHUNK].to(dtype))
            predictions.append(outputs.argmax(dim=1))
            wrong.append(mistakes(outputs, y[start : start + CHUNK])[0])
    return torch.cat(predictions).numpy(), torch.cat(wrong).numpy()


def _in_ball(ball: Ball, fitted: Run, evidence: Evidence, signs: NDArray[np.int64]) -> float:
    """The correlation of the network scaled into the ball, from below; that of no network, -1/2, where its norm is unknown.

    Where the sign is +1 the loss counts 1 if the predicted class is certainly wrong, and 0 otherwise; where it is -1, the ramp.
    """
    theorem = CATALOGUE[ball.theorem]
    sections = [name for name in theorem.reads if name not in ("inputs", "problem")]
    found = replace(collect(fitted, sections), inputs=evidence.inputs)
    try:
        log_norm = BALLS[ball.theorem](theorem.measure(found))
    except NotApplicable:
        return -0.5
    # Subtracting and exponentiating from below keep the scaled network inside.
    scale = exp_down(sub_down(ball.log_norm, log_norm))
    margins = np.asarray(found.margins)
    scaled = np.where(margins > 0.0, mul_down(np.maximum(margins, 0.0), np.full(len(margins), scale)), margins)
    n, minus = len(signs), signs < 0
    surely_wrong = int((margins[~minus] > 0.0).sum())
    kept = float(ramp_average_up(scaled[minus], ball.margin)) * int(minus.sum()) if minus.any() else 0.0
    # Counts are exact; the product and the differences round, by far less than this.
    total = surely_wrong - 0.5 * int((~minus).sum()) + 0.5 * int(minus.sum()) - kept * (1.0 + 1e-12) - 1e-9
    return max(div_down(total, float(n)) if total >= 0.0 else math.nextafter(total / n, -math.inf), -0.5)


def correlations(draws: list[Draw], n: int, which: str) -> list[float] | None:
    """Means of sign times (loss less 1/2) of all draws, from below, for ``program``, ``exact`` or the name of a ball."""
    if which in BALLS:
        return [draw.balls[which] for draw in draws]
    counts = [draw.program if which == "program" else draw.exact for draw in draws]
    return [correlation_lower(count, n) for count in counts if count is not None] if None not in counts else None
