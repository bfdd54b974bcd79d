r"""What posteriors are trained with: the PAC-Bayes bounds as differentiable functions of losses in [0, 1] and of the divergence.

Nothing here certifies: the empirical risk is that of a minibatch and of a surrogate loss, and rounding goes where it likes. The
certificate is computed afterwards by the theorem whose name stands beside each objective.

The surrogate of :func:`bounded_cross_entropy` is :math:`\min(-\ln p_y, \ln(1/p_{min})) / \ln(1/p_{min})`, the cross-entropy with
probabilities clipped from below at :math:`p_{min}` and scaled into [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from boundcheck.bounds.catoni2007grid import GRID as TEMPERATURES
from boundcheck.bounds.mhammedi2019bernstein import GRID as RATES
from boundcheck.errors import InputError, nearest
from boundcheck.numerics import kl_inverse, log_xi_upper

Objective = Callable[[torch.Tensor, torch.Tensor, int, float], torch.Tensor]
"""From losses, shape (b,), the divergence in nats (a scalar), n and delta to what is minimized (a scalar)."""


def bounded_cross_entropy(outputs: torch.Tensor, labels: torch.Tensor, p_min: float) -> torch.Tensor:
    """Cross-entropy clipped and scaled into [0, 1], one number an example.

    Args:
        outputs: Shape (b, k), k >= 2; for k = 1 the output speaks for class 1 against class 0.
        labels: Shape (b,), integers.
        p_min: Probability below which a prediction costs no more, in (0, 1).
    """
    flat = outputs.reshape(len(outputs), -1)
    if flat.shape[1] == 1:
        flat = torch.cat([torch.zeros_like(flat), flat], dim=1)
    worst = math.log(1.0 / p_min)
    return F.cross_entropy(flat, labels, reduction="none").clamp(max=worst) / worst


class _KlInverse(torch.autograd.Function):
    r"""kl^{-1}(q, c) with its derivatives from the equation kl(q || p) = c that defines it.

    :math:`\partial p/\partial c = p(1-p)/(p-q)` and :math:`\partial p/\partial q = \big(\ln\frac{1-q}{1-p} - \ln\frac qp\big)
    \frac{p(1-p)}{p-q}`.
    """

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        p = float(kl_inverse(min(max(float(q), 0.0), 1.0), max(float(c), 0.0)))
        ctx.point = (float(q), p)
        return torch.as_tensor(p, dtype=q.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        q, p = ctx.point
        tiny = 1e-12
        q, p = min(max(q, tiny), 1.0 - tiny), min(max(p, tiny), 1.0 - tiny)
        by_c = p * (1.0 - p) / max(p - q, tiny)
        by_q = (math.log((1.0 - q) / (1.0 - p)) - math.log(q / p)) * by_c
        return grads[0] * by_q, grads[0] * by_c


def kl(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``maurer2004kl``."""
    found: torch.Tensor = _KlInverse.apply(losses.mean(), (nats + log_xi_upper(n) - math.log(delta)) / n)  # type: ignore[no-untyped-call]
    return found


def mcallester(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``mcallester1999averaging``."""
    return losses.mean() + ((nats + _two_root(n, delta)) / (2.0 * n)).sqrt()


def quadratic(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``perezortiz2021quadratic``."""
    a = (nats + _two_root(n, delta)) / (2.0 * n)
    return ((losses.mean() + a).sqrt() + a.sqrt()).square()


def thiemann(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``thiemann2017lambda`` at the lambda that is best for the present numbers."""
    total, risk = nats + _two_root(n, delta), losses.mean()
    chosen = 2.0 / ((2.0 * n * risk.detach() / total.detach() + 1.0).sqrt() + 1.0)
    return risk / (1.0 - chosen / 2.0) + total / (n * chosen * (1.0 - chosen / 2.0))


def catoni(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``catoni2007grid`` at the C of its grid that is best for the present numbers."""
    cost = (nats + math.log(len(TEMPERATURES) / delta)) / n
    risk, complexity = losses.mean(), cost

    def at(c: float) -> torch.Tensor:
        return -torch.expm1(-c * risk - complexity) / -math.expm1(-c)

    return _least([at(c) for c in TEMPERATURES])


def bernstein(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
    """``mhammedi2019bernstein`` at the eta of its grid that is best, the second moment that of the losses themselves."""
    cost = (nats + math.log(len(RATES) / delta)) / n
    first, second = losses.mean(), losses.square().mean()
    return _least([first + (-math.log1p(-eta) / eta - 1.0) * second + cost / eta for eta in RATES])


def _least(values: list[torch.Tensor]) -> torch.Tensor:
    return min(values, key=lambda value: float(value.detach()))


def _two_root(n: int, delta: float) -> float:
    return math.log(2.0 * math.sqrt(n) / delta)


OBJECTIVES: Mapping[str, Objective] = {
    "kl": kl,
    "mcallester": mcallester,
    "catoni": catoni,
    "lambda": thiemann,
    "quadratic": quadratic,
    "bernstein": bernstein,
}
"""Every objective by the name that ``boundcheck certify --objective`` takes."""


def objective(name: str) -> Objective:
    """The objective of a name; it refuses losses outside of [0, 1].

    Raises:
        InputError: There is none.
    """
    if name not in OBJECTIVES:
        raise InputError("an objective", repr(name), nearest(name, tuple(OBJECTIVES)))
    chosen = OBJECTIVES[name]

    def checked(losses: torch.Tensor, nats: torch.Tensor, n: int, delta: float) -> torch.Tensor:
        refuse_unbounded(losses)
        return chosen(losses, nats, n, delta)

    return checked


def refuse_unbounded(losses: torch.Tensor) -> None:
    """Refuse losses that no PAC-Bayes bound of the catalogue speaks of.

    Raises:
        InputError: A loss is not in [0, 1].
    """
    seen = losses.detach()
    if seen.numel() == 0 or not bool(((seen >= 0.0) & (seen <= 1.0)).all()):
        low, high = (float(seen.min()), float(seen.max())) if seen.numel() else (math.nan, math.nan)
        raise InputError(
            "losses in [0, 1]", f"losses from {low:.4g} to {high:.4g}", "clip and scale the loss, as bounded_cross_entropy does"
        )
