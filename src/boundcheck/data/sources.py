"""Where data comes from: one word or one file name in, one data set out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.data import cifar, idx
from boundcheck.data.classes import grouped, split_spec
from boundcheck.data.dataset import Dataset, make_dataset
from boundcheck.data.download import Progress, UnavailableError, fetch
from boundcheck.data.npz import read_npz
from boundcheck.data.synthetic import PROBLEMS, draw_samples
from boundcheck.errors import InputError, nearest

DATA_VARIABLE = "BOUNDCHECK_DATA"
_SYNTHETIC = "synthetic:"
_USER_FILE = "FILE.npz"
_DIGITS_TRAIN = 1297

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "digits": "1,797 handwritten digits of 8 x 8 pixels, embedded in scikit-learn",
        "mnist": "70,000 handwritten digits of 28 x 28 pixels",
        "fashion-mnist": "70,000 pieces of clothing of 28 x 28 pixels",
        "cifar10": "60,000 colour photographs of 32 x 32 pixels in 10 classes",
        **{_SYNTHETIC + name: says for name, says in PROBLEMS.items()},
        _USER_FILE: "your own: x_train, y_train, x_test, y_test; float or uint8 inputs, integer labels",
    }
)
"""Every specification that `load_dataset` takes, with one line about it."""


@dataclass(frozen=True)
class _IdxSource:
    """A data set in four IDX files.

    Attributes:
        folder: Its folder below the data folder and in the cache.
        mirrors: Where the files are to be had.
        files: SHA-256 of the compressed files by name: training images and labels, then those for testing.
        label_sha256: SHA-256 of the training labels, uncompressed. MNIST and Fashion-MNIST have files of the same
            names, so that only the contents tell one from the other.
    """

    folder: str
    mirrors: tuple[str, ...]
    files: Mapping[str, str]
    label_sha256: str


_IDX_SOURCES: Mapping[str, _IdxSource] = MappingProxyType(
    {
        "mnist": _IdxSource(
            "mnist",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            {
                "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "fashion-mnist": _IdxSource(
            "fashion-mnist",
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            {
                "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
    }
)
_CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
_CIFAR_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_dataset(
    spec: str,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """The data set of a specification.

    Args:
        spec: One of `SOURCES`, with the path of a file in the place of ``FILE.npz``; ``:0-4/5-9`` after it joins classes to two
            and leaves out what is in none, see `boundcheck.data.classes`.
        data_dir: The folder that holds files of `mnist`, `fashion-mnist` and `cifar10`; else ``$BOUNDCHECK_DATA``.
        download: Whether files that aren't there may be fetched into the user's cache.
        seed: For synthetic problems, the seed of both samples.
        progress: Told about the bytes of a download.

    Returns:
        The data set. Images have a channel axis: (1, 28, 28), (1, 8, 8), (3, 32, 32).

    Raises:
        InputError: No such source, or data that isn't there or can't be used.
    """
    source, groups = split_spec(spec)
    if groups is not None:
        return grouped(load_dataset(source, data_dir, download, seed=seed, progress=progress), groups)
    if spec == "digits":
        return _digits()
    if spec in _IDX_SOURCES:
        return _idx_dataset(spec, _data_root(data_dir), download, progress)
    if spec == "cifar10":
        return _cifar10(_data_root(data_dir), download, progress)
    if spec.startswith(_SYNTHETIC):
        return _synthetic(spec, seed)
    if spec.endswith(".npz"):
        mine = read_npz(Path(spec).expanduser())
        return make_dataset(spec, mine["x_train"], mine["y_train"], mine["x_test"], mine["y_test"])
    advice = "save it as a .npz file" if Path(spec).is_file() else nearest(spec, tuple(SOURCES))
    raise InputError("a data set", f"'{spec}'", advice)


def _data_root(data_dir: str | os.PathLike[str] | None) -> Path | None:
    """The user's data folder, if one is named; a name that leads nowhere is a mistake and not a wish to download."""
    named = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE) or None
    if named is None:
        return None
    root = Path(named).expanduser()
    if not root.is_dir():
        how = "--data-dir" if data_dir is not None else DATA_VARIABLE
        raise InputError(f"a data folder from {how}", f"{root}, which isn't one", f"correct {how} or leave it out")
    return root


def _not_found(names: list[str], folders: list[Path], why: UnavailableError) -> InputError:
    """The line for data that is neither in the data folder nor to be had from the network."""
    places = " or ".join(str(folder) for folder in folders) or "a data folder"
    return InputError(
        f"{', '.join(names)} in {places}",
        f"none of them, and {why}",
        f"fetch the files elsewhere and name their folder by --data-dir or {DATA_VARIABLE}",
    )


def _digits() -> Dataset:
    """scikit-learn's digits, split by a fixed shuffle: they are stored writer by writer."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    # The raw words of a bit generator stay the same across NumPy versions; a Generator's permutation needn't.
    order = np.argsort(np.random.PCG64(1797).random_raw(len(x)), kind="stable")
    images = x.astype(np.uint8).reshape(-1, 1, 8, 8)[order]
    labels = y.astype(np.int64)[order]
    train, test = slice(None, _DIGITS_TRAIN), slice(_DIGITS_TRAIN, None)
    return make_dataset("digits", images[train], labels[train], images[test], labels[test], classes=10, divisor=16.0, high=1.0)


def _local_idx(source: _IdxSource, folders: list[Path]) -> dict[str, Path] | None:
    """The four files in the first folder that has any of them, compressed or not; None where no folder has."""
    for folder in folders:
        found: dict[str, Path] = {}
        for name in source.files:
            for path in (folder / name, folder / name.removesuffix(".gz")):
                if path.is_file():
                    found.setdefault(name, path)
        missing = [name for name in source.files if name not in found]
        if found and missing:
            raise InputError(f"{', '.join(source.files)} in {folder}", f"no {', no '.join(missing)}", "put all four files there")
        if found:
            return found
    return None


def _idx_dataset(name: str, root: Path | None, download: bool, progress: Progress | None) -> Dataset:
    source = _IDX_SOURCES[name]
    folders = [] if root is None else [root / source.folder, root]
    paths = _local_idx(source, folders)
    if paths is None:
        try:
            paths = fetch(source.files, source.folder, source.mirrors, download=download, progress=progress)
        except UnavailableError as why:
            raise _not_found(list(source.files), folders, why) from why
    raws = {key: idx.read_bytes(path) for key, path in paths.items()}
    _check_identity(name, paths, raws)
    arrays: list[NDArray[Any]] = [idx.parse_idx(raw, 3 if "images" in key else 1, str(paths[key])) for key, raw in raws.items()]
    x_train, y_train, x_test, y_test = (arrays[list(raws).index(key)] for key in source.files)
    return make_dataset(name, x_train[:, None], y_train, x_test[:, None], y_test, classes=10)


def _check_identity(name: str, paths: Mapping[str, Path], raws: Mapping[str, bytes]) -> None:
    """Files in the data folder itself could be those of the other data set with the same file names."""
    key = "train-labels-idx1-ubyte.gz"
    digest = hashlib.sha256(raws[key]).hexdigest()
    for other, source in _IDX_SOURCES.items():
        if other != name and digest == source.label_sha256:
            raise InputError(
                f"the labels of {name} in {paths[key]}",
                f"those of {other}",
                f"put the files of {name} into a folder {_IDX_SOURCES[name].folder}",
            )


def _cifar10(root: Path | None, download: bool, progress: Progress | None) -> Dataset:
    files, where = _cifar_files(root, download, progress)
    x_train, y_train, x_test, y_test = cifar.join_batches(files, where)
    return make_dataset("cifar10", x_train, y_train, x_test, y_test, classes=10)


def _cifar_files(root: Path | None, download: bool, progress: Progress | None) -> tuple[dict[str, bytes], str]:
    """The six batches and where they were found: a folder, an archive in the data folder, or the cache."""
    homes = [] if root is None else [root / "cifar10", root]
    folders = [home / cifar.FOLDER for home in homes] + homes
    for folder in folders:
        if any((folder / name).is_file() for name in cifar.BATCHES):
            return cifar.read_folder(folder), str(folder)
    for home in homes:
        if (home / cifar.ARCHIVE).is_file():
            return cifar.read_archive(home / cifar.ARCHIVE), str(home / cifar.ARCHIVE)
    try:
        wanted = {cifar.ARCHIVE: _CIFAR_SHA256}
        path = fetch(wanted, "cifar10", _CIFAR_MIRRORS, download=download, progress=progress)[cifar.ARCHIVE]
    except UnavailableError as why:
        raise _not_found([*cifar.BATCHES, f"or {cifar.ARCHIVE}"], folders[:2], why) from why
    return cifar.read_archive(path), str(path)


def _synthetic(spec: str, seed: int) -> Dataset:
    name = spec.removeprefix(_SYNTHETIC)
    problem, (x_train, y_train), (x_test, y_test) = draw_samples(name, seed)
    low, high = problem.domain or (None, None)
    return make_dataset(spec, x_train, y_train, x_test, y_test, classes=problem.classes, low=low, high=high)
