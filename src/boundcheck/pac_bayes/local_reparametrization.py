r"""A fresh network for every example at the price of one: exact for networks whose only weights are linear layers.

Let each weight layer l of a network compute :math:`W_l a + b_l` once, with :math:`(W_l, b_l)` independent over l and with
independent entries N(mean, sigma_l^2). Claim: replacing the layer by

.. math:: \bar W_l a + \bar b_l + \sigma_l \sqrt{|a|^2 + 1}\; z, \qquad z \sim N(0, I)

(without the 1 where there is no bias), with z independent over layers and examples, gives for each example exactly the law of the
output of a network with weights drawn afresh for that example.

Proof. Take the layers in the order of evaluation. The input a of layer l is a function of the example and of the weights of
earlier layers, so it is independent of :math:`(W_l, b_l)`; given a, the entries :math:`(W_l a + b_l)_i` use different rows, hence
are independent normal numbers with mean :math:`(\bar W_l a + \bar b_l)_i` and variance :math:`\sigma_l^2 (|a|^2 + 1)`. By
induction the joint law of all layer outputs is that of the replacement. Since a layer is used once, nothing else depends on its
weights. Different examples use independent weights on one side and independent z on the other. (D. P. Kingma, T. Salimans and
M. Welling, Variational dropout and the local reparameterization trick, NIPS 2015, use it for gradients.)

A layer that is used twice, or on several positions of one example (a convolution, a linear layer on a sequence), shares its
weights among them, and the claim fails: such networks are refused here, and drawn explicitly.

The law is that of exact arithmetic; the products are computed in the network's own number format, and the record says which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import fx, nn

from boundcheck.networks.mistakes import CHUNK, Mask, dtype_of, join, mistakes, predicted


class _Noisy(fx.Interpreter):
    """Runs a traced network with noise at the output of every linear layer."""

    def __init__(self, traced: fx.GraphModule, sigmas: Mapping[str, float], generator: torch.Generator) -> None:
        super().__init__(traced)
        self.sigmas, self.generator = sigmas, generator

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.fetch_attr(target)
        if type(layer) is not nn.Linear:
            return super().call_module(target, args, kwargs)
        (a,) = args
        if a.dim() != 2:
            raise ValueError(f"{target} is used on {a.dim() - 1} axes of an example: its weights are shared")
        out = layer(a)
        length = torch.linalg.vector_norm(a, dim=1, keepdim=True).square_()
        spread = (length + (1.0 if layer.bias is not None else 0.0)).sqrt_() * self.sigmas[target]
        noise = torch.empty_like(out).normal_(generator=self.generator)
        return out.addcmul_(noise, spread)


class LocalReparametrization:
    """Draws one network per example.

    Attributes:
        drawing: In words, for the record.
    """

    drawing = (
        "one fresh network per example, drawn layer by layer at the outputs, "
        "{passes} for each training example; {dtype} arithmetic"
    )

    def __init__(self, traced: fx.GraphModule) -> None:
        self._traced = traced

    @classmethod
    def of(cls, module: nn.Module, example: torch.Tensor) -> LocalReparametrization | None:
        """The sampler of a network, or ``None`` where it would not be exact.

        Args:
            module: In evaluation mode.
            example: A batch of inputs, to try it on.
        """
        try:
            traced = fx.symbolic_trace(module)
        except Exception:  # control flow that depends on data: any error type can come out of foreign code
            return None
        names = _linear_layers(traced)
        if names is None or {id(p) for p in module.parameters()} != _owned(traced, names):
            return None
        sampler = cls(traced)
        labels = torch.zeros(len(example), dtype=torch.int64)
        try:
            sampler.draw(dict.fromkeys(names, 0.0), example, labels, 1, torch.Generator())
        except (ValueError, RuntimeError):
            return None
        return sampler

    def draw(
        self, sigmas: Mapping[str, float], x: torch.Tensor, y: torch.Tensor, passes: int, generator: torch.Generator
    ) -> tuple[Mask, Mask]:
        """Errors of ``passes`` networks for each example, all of them independent.

        Args:
            sigmas: Standard deviation of each linear layer, by name.
            x: Inputs, shape (n, ...).
            y: Labels, shape (n,).
            passes: Draws for each example.
            generator: Source of randomness.

        Returns:
            (wrong, invalid), shape (passes * n,).
        """
        outputs = self._outputs(sigmas, x, passes, generator)
        return join([mistakes(found, y[rows]) for rows, found in outputs])

    def counts(self, sigmas: Mapping[str, float], x: torch.Tensor, networks: int, generator: torch.Generator) -> torch.Tensor:
        """How many of some networks predict each class, for each example networks of its own.

        Args:
            sigmas: Standard deviation of each linear layer, by name.
            x: Inputs, shape (n, ...).
            networks: Draws for each example.
            generator: Source of randomness.

        Returns:
            Shape (n, k), integers; a tie or NaN predicts none.
        """
        total: torch.Tensor | None = None
        for rows, found in self._outputs(sigmas, x, networks, generator):
            votes = predicted(found)
            total = torch.zeros((len(x), votes.shape[1]), dtype=votes.dtype) if total is None else total
            total.index_add_(0, rows, votes)
        if total is None:
            raise ValueError(f"expected examples and networks that vote on them; got {len(x)} and {networks}")
        return total

    def _outputs(
        self, sigmas: Mapping[str, float], x: torch.Tensor, passes: int, generator: torch.Generator
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Numbers of rows and outputs of fresh networks there, pass after pass; small samples many passes at a time."""
        network, kind = _Noisy(self._traced, sigmas, generator), dtype_of(self._traced)
        together = max(1, min(passes, CHUNK // max(len(x), 1)))
        stacked = x if together == 1 else x.repeat(together, *(1 for _ in x.shape[1:]))
        with torch.no_grad():
            for done in range(0, passes, together):
                size = min(together, passes - done) * len(x)
                for start in range(0, size, CHUNK):
                    end = min(start + CHUNK, size)
                    yield torch.arange(start, end) % len(x), network.run(stacked[start:end].to(kind))

    def draw_pairs(
        self, sigmas: Mapping[str, float], x: torch.Tensor, y: torch.Tensor, passes: int, generator: torch.Generator
    ) -> tuple[Mask, Mask]:
        """As :meth:`draw`, and where two of these networks err together.

        Two passes draw two independent networks for each example, so passes 1 and 2, 3 and 4, ... give disjoint pairs.

        Args:
            sigmas: Standard deviation of each linear layer, by name.
            x: Inputs, shape (n, ...).
            y: Labels, shape (n,).
            passes: Draws for each example.
            generator: Source of randomness.

        Returns:
            (wrong, joint), shapes (passes * n,) and (passes // 2 * n,).
        """
        wrong, _ = self.draw(sigmas, x, y, passes, generator)
        by_pass = wrong.reshape(passes, len(y))[: passes - passes % 2]
        return wrong, (by_pass[0::2] & by_pass[1::2]).reshape(-1)


def _linear_layers(traced: fx.GraphModule) -> tuple[str, ...] | None:
    """Names of the linear layers when each is used once and no parameter is read in another way."""
    parts = dict(traced.named_modules())
    called = Counter(str(node.target) for node in traced.graph.nodes if node.op == "call_module")
    read = [node for node in traced.graph.nodes if node.op == "get_attr"]
    if any(isinstance(_attribute(traced, str(node.target)), nn.Parameter) for node in read):
        return None
    names = tuple(name for name in called if type(parts[name]) is nn.Linear)
    distinct = len({id(parts[name]) for name in names}) == len(names)
    return names if names and distinct and all(called[name] == 1 for name in names) else None


def _attribute(traced: fx.GraphModule, name: str) -> Any:
    owner, _, leaf = name.rpartition(".")
    return getattr(traced.get_submodule(owner), leaf)


def _owned(traced: fx.GraphModule, names: tuple[str, ...]) -> set[int] | None:
    """The parameters of these layers; ``None`` where two layers share one."""
    owned = [id(p) for name in names for p in traced.get_submodule(name).parameters()]
    return set(owned) if len(set(owned)) == len(owned) else None
