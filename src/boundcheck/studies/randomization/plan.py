"""The jobs of a randomization test: what each trains on what, in words that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import nn

from boundcheck.data import Dataset, center_crop, load_dataset, parse_labels
from boundcheck.errors import InputError, nearest
from boundcheck.evaluation import check_delta, check_effort, chosen_theorems
from boundcheck.runs.job import make_network
from boundcheck.runs.loading import fit_input_shape
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.stacked import pays
from boundcheck.runs.training import Settings
from boundcheck.studies.randomization.kinds import Kind

REGULARIZERS: Mapping[str, str] = {
    "weight-decay": "5e-4 times the weights is added to the gradient",
    "dropout": "a hidden unit is left out with probability 0.2 while training (mlp, alexnet, inception)",
    "augment": "images move by up to 2 pixels either way while training",
}
"""What ``--regularize`` switches on, with what it does."""
_WEIGHT_DECAY, _DROPOUT, _PIXELS = 5e-4, 0.2, 2


@dataclass(frozen=True)
class Training:
    """What all kinds of one test have in common.

    Attributes:
        data: Name or path of the data.
        model: A built-in architecture, or ``package.module:factory``.
        model_kwargs: Settings of the architecture or arguments of the factory.
        n: Training examples used; ``None`` for all.
        crop: Side of the square cut from the middle of each image; ``None`` for all of it.
        standardize: Whether each input is standardized by itself.
        settings: How to train; the seed is each job's own.
        regularize: Words among :data:`REGULARIZERS`.
        bounds: Names of the theorems that are asked; empty for none.
        delta: Confidence parameter.
        effort: ``quick`` or ``full``.
        watch: Held-out examples on which the error is taken after each epoch.
    """

    data: str = "digits"
    model: str = "mlp"
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    n: int | None = None
    crop: int | None = None
    standardize: bool = False
    settings: Settings = field(default_factory=Settings)
    regularize: tuple[str, ...] = ()
    bounds: tuple[str, ...] = field(default_factory=lambda: chosen_theorems(None))
    delta: float = 0.05
    effort: str = "quick"
    watch: int = 2000

    def regularized(self) -> Training:
        """The same with what its regularizers change.

        Raises:
            InputError: An unknown word.
        """
        for word in self.regularize:
            if word not in REGULARIZERS:
                raise InputError("a regularizer", repr(word), nearest(word, tuple(REGULARIZERS)))
        settings, kwargs = self.settings, dict(self.model_kwargs)
        if "weight-decay" in self.regularize:
            settings = replace(settings, weight_decay=_WEIGHT_DECAY)
        if "augment" in self.regularize:
            settings = replace(settings, augment=_PIXELS)
        if "dropout" in self.regularize:
            kwargs["dropout"] = _DROPOUT
        return replace(self, settings=settings, model_kwargs=kwargs)


def make_jobs(
    training: Training, kinds: Sequence[Kind], seeds: Sequence[int], data_dir: str | None = None
) -> list[dict[str, Any]]:
    """The jobs of some kinds and seeds; everything that could not be used is refused here, before any work.

    Where it is faster to train networks together, the kinds of one seed that differ in their labels alone are one job.

    Args:
        training: What they have in common.
        kinds: What is randomized.
        seeds: Of weights, order, choice of examples, labels and inputs.
        data_dir: Folder of the named data sets, for a look at them.

    Raises:
        InputError: Something can't be used.
    """
    check_delta(training.delta)
    check_effort(training.effort)
    chosen = training.regularized()
    dataset = load_dataset(chosen.data, data_dir=data_dir)
    for kind in kinds:
        parse_labels(kind.labels)
    together = pays(_tried(chosen, dataset), chosen.settings)
    common = asdict(chosen) | {"data_sha256": dataset.sha256}
    settings = common.pop("settings")
    groups = _grouped(kinds) if together else [[kind] for kind in kinds]
    return [
        common | {"inputs": group[0].inputs, "labels": [kind.labels for kind in group], "settings": settings | {"seed": seed}}
        for seed in seeds
        for group in groups
    ]


def _grouped(kinds: Sequence[Kind]) -> list[list[Kind]]:
    """Kinds of the same inputs together."""
    groups: dict[str, list[Kind]] = {}
    for kind in kinds:
        groups.setdefault(kind.inputs, []).append(kind)
    return list(groups.values())


def _tried(training: Training, dataset: Dataset) -> nn.Module:
    """The network, once it is known from two examples that it takes the data."""
    if training.n is not None and not 1 <= training.n <= len(dataset.y_train):
        advice = "leave it out to use every training example"
        raise InputError(f"--n between 1 and {len(dataset.y_train)}", str(training.n), advice)
    x = dataset.x_train[:2].astype("float32")
    x = x if training.crop is None else center_crop(x, training.crop)
    if training.settings.augment and x.ndim < 3:
        raise InputError("images, for augmentation", f"examples of shape {x.shape[1:]}", "leave augment out of --regularize")
    network, _ = make_network(training.model, training.model_kwargs, x.shape[1:], dataset.classes, 0)
    two = Sample(x, dataset.labels("train")[:2])
    fit_input_shape(Run(network.eval(), None, "zero", two, None, dataset.classes, parse_labels("true")))
    return network
