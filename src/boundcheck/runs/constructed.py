"""Runs of networks whose weights were solved for: their sample, and the checkpoint that ``evaluate`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boundcheck.data import Dataset, load_dataset, parse_labels
from boundcheck.networks.architectures import describe
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.runs.checkpoint import Checkpoint
from boundcheck.runs.run import Sample
from boundcheck.runs.samples import describe as describe_data
from boundcheck.runs.samples import make_samples


@dataclass(frozen=True, eq=False)
class LabelledData:
    """A data set with labels drawn, as ``train`` would take it.

    Attributes:
        dataset: The data.
        labels: The law of the labels, in words.
        n: Size of the sample; ``None`` for all examples.
        seed: Seed of labels and of the choice of examples.
        train: The sample to fit.
        test: The held-out sample with clean labels.
    """

    dataset: Dataset
    labels: str
    n: int | None
    seed: int
    train: Sample
    test: Sample


def labelled_data(data: str, labels: str, n: int | None, seed: int, data_dir: str | None = None) -> LabelledData:
    """Load data and draw its labels.

    Raises:
        InputError: There is no such data, law or sample size.
    """
    law = parse_labels(labels)
    dataset = load_dataset(data, data_dir=data_dir)
    return LabelledData(dataset, law.spec, n, seed, *make_samples(dataset, law, seed, n))


def checkpoint_of(network: nn.Module, sample: LabelledData, settings: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a memorizer on a data set; what it started from is zero, since nothing was trained.

    Args:
        network: The memorizer with one output per class.
        sample: The sample that it fits.
        settings: How it was constructed, kept for the reader.
    """
    hinges = int(network.get_parameter("weights").numel())
    dataset, train = sample.dataset, sample.train
    with torch.no_grad():
        logits = network(torch.from_numpy(train.x))
        loss = float(nn.functional.cross_entropy(logits, torch.from_numpy(train.y)))
    errors = int(error_mask(network, train.x, train.y).sum())
    return Checkpoint(
        model=describe("memorizer", dataset.shape, dataset.classes, hinges=hinges),
        state={name: value.clone() for name, value in network.state_dict().items()},
        initial_state={name: torch.zeros_like(value) for name, value in network.state_dict().items()},
        data=describe_data(dataset, parse_labels(sample.labels), sample.seed, sample.n, train),
        training={**settings, "finished": True, "fitted": errors == 0},
        history=({"epoch": 0, "loss": loss, "errors": errors},),
    )


def error_mask(network: nn.Module, x: NDArray[Any], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which predictions are errors, ties and NaN among them, shape (n,)."""
    return program_mistakes(network, x, y, chunk=2**16)[0]
