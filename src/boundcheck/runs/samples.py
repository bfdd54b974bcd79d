"""From a data set to the samples of a run: the choice of examples, the law of the labels, and their fingerprint."""

from __future__ import annotations

from boundcheck.data import Dataset, LabelLaw, chosen_examples, corrupt, fingerprint, load_dataset
from boundcheck.data.classes import split_spec
from boundcheck.errors import InputError
from boundcheck.runs.checkpoint import DataDescription
from boundcheck.runs.run import Sample


def make_samples(dataset: Dataset, law: LabelLaw, seed: int, n: int | None) -> tuple[Sample, Sample]:
    """Training sample with labels drawn from the law, and held-out sample with clean labels.

    Args:
        dataset: The data.
        law: Law of the training labels.
        seed: Seed of the labels and of the choice of examples.
        n: Size of the training sample, ``None`` for all.
    """
    y = corrupt(dataset.labels("train"), dataset.classes, law, seed)
    index = chosen_examples(n, len(y), seed)
    train = Sample(dataset.inputs("train", index), y if index is None else y[index])
    return train, Sample(dataset.inputs("test"), dataset.labels("test"))


def describe(dataset: Dataset, law: LabelLaw, seed: int, n: int | None, train: Sample) -> DataDescription:
    """What a checkpoint says of its data."""
    labels = fingerprint({"y": train.y})
    return DataDescription(dataset.name, dataset.sha256, law.spec, seed, n, labels)


def find_data(description: DataDescription, data: str | None, data_dir: str | None) -> Dataset:
    """The data that a checkpoint was trained on.

    Args:
        description: What the checkpoint says.
        data: Where the data is now, if not where the checkpoint says.
        data_dir: Folder of the named data sets.

    Raises:
        InputError: It is not to be found, or is not the data of the checkpoint's hash.
    """
    try:
        dataset = load_dataset(data or description.name, data_dir=data_dir)
    except InputError as why:
        if data is not None or not split_spec(description.name)[0].endswith(".npz"):
            raise
        wanted = f"the data that the checkpoint was trained on, {description.name}"
        raise InputError(wanted, f"{why.got} where {why.expected} was expected", "name where it is now with --data") from why
    if dataset.sha256 != description.sha256:
        raise InputError(
            f"the data that the checkpoint was trained on ({description.name}, SHA-256 {description.sha256[:12]}…)",
            f"{dataset.name} with SHA-256 {dataset.sha256[:12]}…",
            "name the right file with --data, or its folder with --data-dir",
        )
    return dataset


def check_labels(description: DataDescription, train: Sample) -> None:
    """Refuse a sample whose labels are not those that were trained on.

    Raises:
        InputError: The fingerprints differ.
    """
    found = fingerprint({"y": train.y})
    if found != description.labels_sha256:
        raise InputError(
            f"training labels with SHA-256 {description.labels_sha256[:12]}…",
            f"{found[:12]}… from labels {description.labels}, seed {description.seed}",
            "the checkpoint was changed or written by another version; train it again",
        )
