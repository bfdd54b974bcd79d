"""The evidence record: every number that the theorems speak of, and nothing else.

Numbers only: it is written to JSON and read back without PyTorch, so that each theorem can be tested, run again and
taught with numbers alone. Norms are rounded up and margins down when they are measured; nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from boundcheck.evidence.code import Code
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.flatness import Flatness
from boundcheck.evidence.geometry import Geometry
from boundcheck.evidence.growth_layer import GrowthLayer
from boundcheck.evidence.hidden_units import HiddenUnits
from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.magnitude import Magnitude
from boundcheck.evidence.patches import Patches
from boundcheck.evidence.path_norm import PathNorm
from boundcheck.evidence.picked import Picked
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.prior_network import PriorNetwork
from boundcheck.evidence.recursive import Recursive
from boundcheck.evidence.step import Step


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from; what a report prints at its head.

    Attributes:
        checkpoint: Path of the checkpoint, or ``None`` for live objects.
        sha256: Hash of the checkpoint file.
        model: How the network is called, e.g. ``mlp``.
        data: Name of the data.
        labels: ``true``, ``random`` or ``corrupt:P``.
        reference: What the reference weights are: ``initial``, ``file`` or ``zero``.
        parameters: Number of parameters.
        seed: Seed of the measurements that draw random numbers.
        effort: ``quick`` or ``full``.
        modules: Each module of the network with what was made of it.
        notes: What a reader has to know, e.g. that rows gave NaN.
    """

    checkpoint: str | None
    sha256: str | None
    model: str
    data: str
    labels: str
    reference: str
    parameters: int
    seed: int
    effort: str
    modules: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """The sample and what is known of its distribution beforehand.

    Attributes:
        n: Number of training examples.
        d: Number of input coordinates.
        classes: Number of classes k.
        input_radius: A number that no input's Euclidean norm can exceed, known a priori; ``None`` when unknown.
        nonnegative: Whether inputs are non-negative a priori.
        corruption: Probability with which a label is replaced by a uniform one.
        train_duplicates: Training rows that repeat an earlier one bit for bit.
    """

    n: int
    d: int
    classes: int
    input_radius: float | None
    nonnegative: bool
    corruption: float
    train_duplicates: int


@dataclass(frozen=True)
class Precision:
    """The network as a program: what a decoder would have to be told.

    Attributes:
        bits: Bits of all parameters and buffers that training could change.
        detail: How the bits come about, e.g. ``"669706 float32"``.
    """

    bits: int
    detail: str


@dataclass(frozen=True)
class Structure:
    """The shape of the network, as far as theorems ask for it.

    Attributes:
        chain: Names of the affine layers in order when the network is a chain of them, else empty.
        why_no_chain: Reason when it is not a chain.
        unplaced: Modules that the canonical view can't place, with reasons.
        has_bias: Some affine step adds a constant.
        has_skip: Some sum of two signals occurs.
        has_max_pool: Some max-pooling occurs.
        elementwise: Slopes on the negative side of the activations that occur: 0 for ReLU, a for LeakyReLU.
        lowered: Whether margins were lowered by the floating-point error bound.
        steps: What reads what, in order of evaluation and the outputs last, when the network is no chain and all of it is placed.
    """

    chain: tuple[str, ...]
    why_no_chain: str | None
    unplaced: tuple[str, ...]
    has_bias: bool
    has_skip: bool
    has_max_pool: bool
    elementwise: tuple[float, ...]
    lowered: bool
    steps: tuple[Step, ...] = ()

    @property
    def positively_homogeneous(self) -> bool:
        """ReLU-like activations, pooling, and no constants anywhere."""
        return not self.unplaced and not self.has_bias


@dataclass(frozen=True)
class Inputs:
    """Norms of the n x d matrix of inputs, rounded up.

    Attributes:
        frobenius: Root of the sum of all squares.
        spectral: Operator norm.
        frobenius_augmented: The same for the matrix with a column of ones.
        spectral_augmented: The same for the matrix with a column of ones.
        max_column_square: Largest column sum of squares.
        outside_radius: Rows whose norm may exceed ``Problem.input_radius``.
    """

    frobenius: float
    spectral: float
    frobenius_augmented: float
    spectral_augmented: float
    max_column_square: float
    outside_radius: int


@dataclass(frozen=True)
class TwoLayer:
    """Sum over hidden units of |v_j| |w_j| for the two last layers of a chain of dense layers.

    Attributes:
        plain: Without biases, last layer class-centred; rounded up.
        augmented: With |w_j|^2 + b_j^2 in place of |w_j|^2, plus the norm of the last bias; rounded up.
    """

    plain: float
    augmented: float


@dataclass(frozen=True)
class Evidence:
    """All that was measured; a section that was not measured or can't be is ``None``.

    Attributes:
        margins: Margin of each training row, rounded down; ``-inf`` for a row with a tie or NaN.
        relative_margins: Margin over the Euclidean norm of its input, rounded down; ``-inf`` for the zero input.
        absent: Why a section is ``None``, by its name.
    """

    # How boundcheck.evidence.serialize writes it: strict JSON, and nothing unknown is read back.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"ser_json_inf_nan": "strings", "extra": "forbid"}

    provenance: Provenance
    problem: Problem
    errors: Errors
    precision: Precision | None = None
    structure: Structure | None = None
    margins: tuple[float, ...] | None = None
    relative_margins: tuple[float, ...] | None = None
    inputs: Inputs | None = None
    layers: Mapping[str, LayerNorms] | None = None
    two_layer: TwoLayer | None = None
    hidden_units: HiddenUnits | None = None
    patches: Patches | None = None
    path: PathNorm | None = None
    growth: tuple[GrowthLayer, ...] | None = None
    posterior: Posterior | None = None
    code: Code | None = None
    picked: Picked | None = None
    kernel: KernelPredictor | None = None
    geometry: Geometry | None = None
    flatness: Flatness | None = None
    magnitude: Magnitude | None = None
    prior_network: PriorNetwork | None = None
    recursive: Recursive | None = None
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def vacuous_at(self) -> float:
        """The error of guessing a class uniformly at random: 1 - 1/k whatever the distribution."""
        return 1.0 - 1.0 / self.problem.classes

    def lacks(self, section: str) -> str | None:
        """Why a section is not there, or ``None`` when it is.

        Raises:
            KeyError: The record has no such section.
        """
        if section not in SECTIONS:
            raise KeyError(f"no section {section!r} in the evidence; there are {', '.join(SECTIONS)}")
        if getattr(self, section) is not None:
            return None
        return self.absent.get(section, f"the evidence holds no {section}")

    def test_error_of(self, about: str) -> float | None:
        """Measured held-out error of the network, the Gibbs predictor, the vote, the sampled or the decoded network."""
        if about == "gibbs":
            return None if self.posterior is None else self.posterior.test_error
        if about == "sample":
            return None if self.posterior is None else self.posterior.drawn.test_error
        if about == "vote":
            return None if self.posterior is None or self.posterior.vote is None else self.posterior.vote.test_error
        if about == "magnitude":
            return None if self.magnitude is None else self.magnitude.test_error
        if about == "recursive":
            return None if self.recursive is None else self.recursive.test_error
        if about == "prior":
            return None if self.prior_network is None else self.prior_network.test_error
        if about == "compressed":
            return None if self.code is None else self.code.errors.test_error
        return self.errors.test_error


SECTIONS = tuple(f.name for f in fields(Evidence) if f.name not in ("absent", "provenance"))
"""Names that a theorem can list under ``reads``."""
