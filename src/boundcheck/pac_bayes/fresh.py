r"""A fresh network for every example, exactly: at the outputs of dense layers, through the weights of all others.

Dense layers under Gaussian noise follow ``local_reparametrization``: given the input a of a layer that is used once, the output
has independent entries with mean :math:`(\bar W a + \bar b)_i` and variance :math:`\sum_j \sigma_{ij}^2 a_j^2 + \sigma_i^2`,
which is drawn directly. The proof there holds with a standard deviation for each weight.

A convolution uses its weights at every position of an example, so its outputs depend on each other. Here the weights themselves
are drawn, once for each example: the windows of the input are laid out as columns (im2col) and multiplied by the drawn matrix,
one matrix a example, in one batched product. The same is done for dense layers on several positions, and for Laplace noise. For
layers of a few thousand weights this costs little more than drawing the numbers.

Given the sample, the errors of the examples are then independent Bernoulli variables, whose mean over all examples and passes is
the empirical Gibbs risk: the Monte Carlo step of the certificate counts each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F  # noqa: N812

from boundcheck.networks.mistakes import CHUNK, Mask, dtype_of, join, mistakes, predicted
from boundcheck.pac_bayes.diagonal import Diagonal, noise

_MOST_DRAWN = 150_000  # weights that are drawn one by one for each example; more would cost more than what it brings
_ROOM = 2**21  # numbers that one step may hold at a time: weights of all examples of a chunk, and their windows


class _Fresh(fx.Interpreter):
    """Runs a traced network, each layer with noise drawn afresh for each example."""

    def __init__(self, traced: fx.GraphModule, posterior: Diagonal, generator: torch.Generator) -> None:
        super().__init__(traced)
        self.posterior, self.generator = posterior, generator
        self.squares = {name: scale.square() for name, scale in posterior.scales.items()}
        self.kept: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def run(self, *args: Any, **kwargs: Any) -> Any:
        self.input = args[0]
        return super().run(*args, **kwargs)

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer, name = self.fetch_attr(target), str(target)
        if not any(f"{name}.{leaf}" in self.posterior.mean for leaf in ("weight", "bias")):
            return super().call_module(target, args, kwargs)
        (a,) = args
        if type(layer) is nn.Linear and a.dim() == 2 and self.posterior.law == "gaussian":
            return self._at_outputs(layer, name, a)
        if type(layer) is nn.Linear:
            out = self._product(layer, name, a.reshape(len(a), -1, a.shape[-1]).transpose(1, 2))
            return out.transpose(1, 2).reshape(*a.shape[:-1], -1)
        return self._convolution(layer, name, a)

    def _mean(self, layer: nn.Module, name: str, leaf: str) -> torch.Tensor | None:
        found: torch.Tensor | None = self.posterior.mean.get(f"{name}.{leaf}", getattr(layer, leaf))
        return found

    def _at_outputs(self, layer: nn.Linear, name: str, a: torch.Tensor) -> torch.Tensor:
        before = self.kept.get(name)
        if before is not None and _same_view(a, before[0]):
            return torch.addcmul(before[1], noise("gaussian", before[1], self.generator), before[2])
        weight = self._mean(layer, name, "weight")
        if weight is None:
            raise ValueError(f"{name} has no weight")
        out = F.linear(a, weight, self._mean(layer, name, "bias"))
        shift = self.squares.get(f"{name}.bias")
        if f"{name}.weight" in self.squares:
            basis = self.posterior.bases.get(f"{name}.weight")
            along = a if basis is None else a @ basis
            variance = F.linear(along.square(), self.squares[f"{name}.weight"], shift)
        else:
            variance = torch.zeros_like(out) if shift is None else shift.expand_as(out)
        deviation = variance.sqrt()
        if a.untyped_storage().data_ptr() == self.input.untyped_storage().data_ptr():
            self.kept[name] = (a, out, deviation)  # of the input alone: the next pass over the same examples has them again
        return torch.addcmul(out, noise("gaussian", out, self.generator), deviation)

    def _drawn(self, layer: nn.Module, name: str, leaf: str, rows: int) -> torch.Tensor | None:
        """One tensor of weights for each example, shape (rows, ...)."""
        mean, scale = self._mean(layer, name, leaf), self.posterior.scales.get(f"{name}.{leaf}")
        if mean is None or scale is None:
            return None if mean is None else mean.expand(rows, *mean.shape)
        return torch.addcmul(mean, scale, noise(self.posterior.law, mean, self.generator, rows))

    def _product(self, layer: Any, name: str, columns: torch.Tensor, groups: int = 1) -> torch.Tensor:
        """Columns of each example, shape (rows, in * groups, positions), by that example's own matrix."""
        rows, _, positions = columns.shape
        weight, bias = self._drawn(layer, name, "weight", rows), self._drawn(layer, name, "bias", rows)
        if weight is None:
            raise ValueError(f"{name} has no weight")
        matrix = weight.reshape(rows * groups, weight.shape[1] // groups, -1)
        out = torch.bmm(matrix, columns.reshape(rows * groups, -1, positions)).reshape(rows, -1, positions)
        return out if bias is None else out.add_(bias[:, :, None])

    def _convolution(self, layer: Any, name: str, a: torch.Tensor) -> torch.Tensor:
        """A convolution over two axes, or over one as over two of which the first has size one."""
        flat = a.dim() == 3
        x = a[:, :, None] if flat else a
        kernel, stride, dilation = ((1, *v) if flat else v for v in (layer.kernel_size, layer.stride, layer.dilation))
        left = [p for pair in _padding(layer) for p in pair]  # last axis first, as torch pads
        if any(left):
            x = F.pad(x, left, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)
        sizes = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)]
        columns = F.unfold(x, kernel, dilation=dilation, stride=stride)
        out = self._product(layer, name, columns, layer.groups).reshape(len(a), layer.out_channels, *sizes)
        return out[:, :, 0] if flat else out


def _same_view(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same numbers in the same place."""
    place = one.data_ptr() == other.data_ptr() and one.dtype == other.dtype
    return place and one.shape == other.shape and one.stride() == other.stride()


def _padding(layer: Any) -> list[tuple[int, int]]:
    """Zeros or copies on both sides of each axis, the last axis first."""
    if layer.padding == "valid":
        return [(0, 0)] * len(layer.kernel_size)
    if layer.padding == "same":
        missing = [d * (k - 1) for k, d in zip(layer.kernel_size, layer.dilation, strict=True)]
        return [(m // 2, m - m // 2) for m in reversed(missing)]
    return [(p, p) for p in reversed(layer.padding)]


class FreshNetworks:
    """Draws one network per example.

    Attributes:
        drawing: In words, for the record.
    """

    drawing = "one fresh network per example, {passes} for each training example; {dtype} arithmetic"

    def __init__(self, traced: fx.GraphModule, posterior: Diagonal, chunk: int) -> None:
        self._traced, self._posterior, self._chunk = traced, posterior, chunk

    @classmethod
    def of(cls, module: nn.Module, posterior: Diagonal, example: torch.Tensor) -> FreshNetworks | None:
        """The sampler of a posterior, or ``None`` where it would not be exact or would cost too much.

        Args:
            module: In evaluation mode; parameters that the posterior does not name are the module's own.
            posterior: The law of the others.
            example: A batch of inputs, to try it on.
        """
        try:
            traced = fx.symbolic_trace(module)
        except Exception:  # control flow that depends on data: any error type can come out of foreign code
            return None
        layers = random_layers(traced, posterior)
        if layers is None:
            return None
        explicit = sum(
            sum(posterior.mean[n].numel() for n in names)
            for layer, names in layers.items()
            if type(traced.get_submodule(layer)) is not nn.Linear or posterior.law != "gaussian"
        )
        if explicit > _MOST_DRAWN:
            return None
        room = max(explicit, *(columns(traced, example)), 1)
        sampler = cls(traced, posterior, max(8, min(CHUNK, _ROOM // room)))
        try:
            plain = module(example.to(dtype_of(module)))
            out = sampler.outputs(example, torch.Generator())
        except (ValueError, RuntimeError):
            return None
        return sampler if out.shape == plain.shape else None

    def outputs(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Outputs of a fresh network for each example, shape (b, ...)."""
        with torch.no_grad():
            found: torch.Tensor = _Fresh(self._traced, self._posterior, generator).run(x.to(dtype_of(self._traced)))
        return found

    def draw(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        passes: int,
        generator: torch.Generator,
        told: Callable[[int], None] = lambda networks: None,
    ) -> tuple[Mask, Mask]:
        """Errors of ``passes`` networks for each example, all of them independent.

        Args:
            x: Inputs, shape (n, ...).
            y: Labels, shape (n,).
            passes: Draws for each example.
            generator: Source of randomness.
            told: Called with the number of networks drawn so far.

        Returns:
            (wrong, invalid), shape (passes * n,), in an order of their own.
        """
        parts, made = [], 0
        for some, labels in zip(torch.split(x, self._chunk), torch.split(y, self._chunk), strict=True):
            # What a first dense layer makes of these examples before any noise is the same in all passes: it is computed once.
            program = _Fresh(self._traced, self._posterior, generator)
            together = min(passes, max(1, self._chunk // max(len(labels), 1)))  # small samples several passes at a time
            examples, truth = some.to(dtype_of(self._traced)), labels.repeat(together)
            block = examples.repeat(together, *[1] * (some.dim() - 1))
            untouched = block._version
            for done in range(0, passes, together):
                rows = slice(min(together, passes - done) * len(labels))
                with torch.no_grad():
                    parts.append(mistakes(program.run(block[rows]), truth[rows]))
                told(made := made + len(truth[rows]))
                if block._version != untouched:  # a step of the network wrote into its input: the next pass reads it anew
                    block = examples.repeat(together, *[1] * (some.dim() - 1))
                    untouched = block._version
        return join(parts)

    def counts(self, sigmas: Mapping[str, float], x: torch.Tensor, networks: int, generator: torch.Generator) -> torch.Tensor:
        """How many of some networks predict each class, for each example networks of its own.

        Args:
            sigmas: Not read: the posterior has its own scales.
            x: Inputs, shape (n, ...).
            networks: Draws for each example.
            generator: Source of randomness.

        Returns:
            Shape (n, k), integers; a tie or NaN predicts none.
        """
        votes = [
            torch.cat([predicted(self.outputs(part, generator)) for part in torch.split(x, self._chunk)]) for _ in range(networks)
        ]
        return torch.stack(votes).sum(dim=0)


def random_layers(traced: fx.GraphModule, posterior: Diagonal) -> dict[str, tuple[str, ...]] | None:
    """Names of the random parameters of each layer; ``None`` unless each is a dense layer or convolution that is used once."""
    parts = dict(traced.named_modules())
    called = Counter(str(node.target) for node in traced.graph.nodes if node.op == "call_module")
    layers: dict[str, tuple[str, ...]] = {}
    for name in posterior.mean:
        owner, _, leaf = name.rpartition(".")
        if leaf not in ("weight", "bias") or type(parts.get(owner)) not in (nn.Linear, nn.Conv1d, nn.Conv2d):
            return None
        layers[owner] = (*layers.get(owner, ()), name)
    drawn = {id(traced.get_parameter(name)) for name in posterior.mean}
    read = [str(node.target) for node in traced.graph.nodes if node.op == "get_attr"]
    shared = sum(id(p) in drawn for _, p in traced.named_parameters(remove_duplicate=False)) != len(posterior.mean)
    if shared or any(called[layer] != 1 for layer in layers) or any(_is_drawn(traced, name, drawn) for name in read):
        return None
    return layers


def _is_drawn(traced: fx.GraphModule, name: str, drawn: set[int]) -> bool:
    owner, _, leaf = name.rpartition(".")
    return id(getattr(traced.get_submodule(owner), leaf)) in drawn


def columns(traced: fx.GraphModule, example: torch.Tensor) -> list[int]:
    """Numbers that the windows of each convolution hold for one example, from its input: taps times outputs at most."""
    found: list[int] = []

    class Sizes(fx.Interpreter):
        def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            out = super().call_module(target, args, kwargs)
            layer = self.fetch_attr(target)
            if isinstance(layer, (nn.Conv1d, nn.Conv2d)):
                taps = layer.weight[0].numel() * layer.groups
                found.append(taps * out[0, 0].numel())
            return out

    with torch.no_grad():
        Sizes(traced).run(example[:1].to(dtype_of(traced)))
    return found or [1]
