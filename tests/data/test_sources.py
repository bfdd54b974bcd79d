"""Sources: files in their original layouts in, data sets out; and the one line for everything that can't be used."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from boundcheck.data import SOURCES, load_dataset
from boundcheck.data.idx import parse_idx
from boundcheck.errors import InputError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test here may find, or leave, anything in the real cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    shapes = ((12, 28, 28), (12,), (7, 28, 28), (7,))
    return {n: rng.integers(0, 256 if len(s) == 3 else 10, s).astype(np.uint8) for n, s in zip(NAMES, shapes, strict=True)}


def write_idx(folder: Path, zipped: bool = True) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = idx_arrays()
    for name, array in arrays.items():
        raw = idx_bytes(array)
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw) if zipped else raw)
    return arrays


def refused(spec: str, *parts: str, data_dir: Path | None = None) -> None:
    with pytest.raises(InputError) as caught:
        load_dataset(spec, data_dir, download=False)
    line = str(caught.value)
    assert "\n" not in line
    for part in parts:
        assert part in line


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("folder", ["", "mnist"])
def test_idx_files_are_read_where_they_lie(tmp_path: Path, zipped: bool, folder: str) -> None:
    arrays = write_idx(tmp_path / folder, zipped)
    data = load_dataset("mnist", tmp_path, download=False)
    np.testing.assert_array_equal(data.x_train[:, 0], arrays[NAMES[0]])
    np.testing.assert_array_equal(data.y_train, arrays[NAMES[1]])
    np.testing.assert_array_equal(data.x_test[:, 0], arrays[NAMES[2]])
    np.testing.assert_array_equal(data.y_test, arrays[NAMES[3]])
    assert (data.classes, data.low, data.high, data.norm_bound) == (10, 0.0, 1.0, 28.0)


def test_the_data_folder_comes_from_the_environment_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "fashion-mnist")
    monkeypatch.setenv("BOUNDCHECK_DATA", str(tmp_path))
    assert len(load_dataset("fashion-mnist", download=False).x_train) == 12
    refused("fashion-mnist", "--data-dir", "nowhere", data_dir=tmp_path / "nowhere")
    monkeypatch.setenv("BOUNDCHECK_DATA", str(tmp_path / "nowhere"))
    refused("fashion-mnist", "BOUNDCHECK_DATA", "nowhere")


def test_no_files_and_no_network(tmp_path: Path) -> None:
    refused("mnist", *(n + ".gz" for n in NAMES), str(tmp_path / "mnist"), "--data-dir or BOUNDCHECK_DATA", data_dir=tmp_path)
    refused("cifar10", "data_batch_1", "test_batch", "cifar-10-batches-py", "BOUNDCHECK_DATA", data_dir=tmp_path)


def test_three_of_four_files(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    refused("mnist", "no t10k-labels-idx1-ubyte.gz", data_dir=tmp_path)


@pytest.mark.parametrize("keep", [1, 5, 11, 60, -9, -1])
def test_truncated_gzip(tmp_path: Path, keep: int) -> None:
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:keep])
    refused("mnist", str(path), data_dir=tmp_path)


def test_damaged_gzip(tmp_path: Path) -> None:
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1  # inside the checksum at the end
    path.write_bytes(raw)
    refused("mnist", "damaged", str(path), data_dir=tmp_path)


@pytest.mark.parametrize(
    "change", [lambda r: b"\x89PNG" + r[4:], lambda r: r[:-1], lambda r: r + b"x", lambda r: r[:9], lambda r: b""]
)
def test_wrong_idx(tmp_path: Path, change) -> None:
    arrays = write_idx(tmp_path, zipped=False)
    (tmp_path / NAMES[0]).write_bytes(change(idx_bytes(arrays[NAMES[0]])))
    refused("mnist", NAMES[0], data_dir=tmp_path)


def test_wrong_magic_is_told_in_hexadecimal() -> None:
    with pytest.raises(InputError, match=r"begins with 00000803 in f; got 00000801"):
        parse_idx(idx_bytes(np.zeros(4, np.uint8)), 3, "f")


def test_labels_of_another_data_set_and_lengths_that_differ(tmp_path: Path) -> None:
    write_idx(tmp_path, zipped=False)
    (tmp_path / NAMES[1]).write_bytes(idx_bytes(np.full(12, 10, np.uint8)))
    refused("mnist", "labels from 0 to 9", "a label 10", data_dir=tmp_path)
    (tmp_path / NAMES[1]).write_bytes(idx_bytes(np.zeros(11, np.uint8)))
    refused("mnist", "12 inputs and 11 labels", data_dir=tmp_path)


needs_files = pytest.mark.skipif("BOUNDCHECK_DATA" not in os.environ, reason="BOUNDCHECK_DATA names no data folder")


# Counts published with the files (mnist: http://yann.lecun.com/exdb/mnist; fashion-mnist: 6,000 and 1,000 per class).
@needs_files
def test_mnist_itself() -> None:
    data = load_dataset("mnist", download=False)
    assert np.bincount(data.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (data.x_train.shape, data.x_test.shape, data.y_train[:5].tolist()) == (
        (60000, 1, 28, 28),
        (10000, 1, 28, 28),
        [5, 0, 4, 1, 9],
    )
    assert data.inputs("train").mean() == pytest.approx(0.1307, abs=5e-5)  # the mean that everybody quotes, to 4 digits


@needs_files
def test_fashion_mnist_itself_and_not_in_the_place_of_mnist() -> None:
    data = load_dataset("fashion-mnist", download=False)
    assert np.bincount(data.y_train).tolist() == [6000] * 10
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    refused("mnist", "those of fashion-mnist", data_dir=Path(os.environ["BOUNDCHECK_DATA"]) / "fashion-mnist")


def batch(rows: int, seed: int) -> dict[bytes, object]:
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (rows, 3072)).astype(np.uint8)
    return {
        b"batch_label": b"a batch",
        b"labels": rng.integers(0, 10, rows).tolist(),
        b"data": data,
        b"filenames": [b"a.png"] * rows,
    }


def write_cifar(folder: Path, protocol: int = 2) -> dict[str, dict[bytes, object]]:
    folder.mkdir(parents=True, exist_ok=True)
    batches = {n: batch(4, i) for i, n in enumerate([*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"])}
    for name, content in batches.items():
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    return batches


def python2_batch(data: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 wrote it, opcode by opcode: byte strings, and the module names of NumPy 1."""

    def text(raw: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(raw)) + raw

    dtype = (
        b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shape = b"(" + b"".join(b"J" + struct.pack("<i", s) for s in data.shape) + b"t"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
    array += b"(K\x01" + shape + dtype + b"\x89" + text(data.tobytes()) + b"tb"
    ints = b"](" + b"".join(b"K" + bytes([v]) for v in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + ints + b"u."


@pytest.mark.parametrize("folder", ["cifar10/cifar-10-batches-py", "cifar-10-batches-py", "cifar10", ""])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar_folders(tmp_path: Path, folder: str, protocol: int) -> None:
    batches = write_cifar(tmp_path / folder, protocol)
    data = load_dataset("cifar10", tmp_path, download=False)
    assert data.x_train.shape == (20, 3, 32, 32)
    for i, name in enumerate(list(batches)[:5]):
        np.testing.assert_array_equal(data.x_train[4 * i : 4 * i + 4].reshape(4, -1), batches[name][b"data"])
        assert data.y_train[4 * i : 4 * i + 4].tolist() == batches[name][b"labels"]
    np.testing.assert_array_equal(data.x_test.reshape(4, -1), batches["test_batch"][b"data"])


def test_cifar_as_python_2_wrote_it(tmp_path: Path) -> None:
    batches = write_cifar(tmp_path)
    raw = python2_batch(batches["test_batch"][b"data"], batches["test_batch"][b"labels"])
    theirs = pickle.loads(raw, encoding="bytes")  # the hand-written opcodes are a pickle that everybody's loader reads
    np.testing.assert_array_equal(theirs[b"data"], batches["test_batch"][b"data"])
    (tmp_path / "test_batch").write_bytes(raw)
    data = load_dataset("cifar10", tmp_path, download=False)
    np.testing.assert_array_equal(data.x_test.reshape(4, -1), batches["test_batch"][b"data"])
    assert data.y_test.tolist() == batches["test_batch"][b"labels"]


def test_cifar_archive(tmp_path: Path) -> None:
    write_cifar(tmp_path / "there" / "cifar-10-batches-py")
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "there" / "cifar-10-batches-py", "cifar-10-batches-py")
    assert load_dataset("cifar10", tmp_path, download=False).x_test.shape == (4, 3, 32, 32)
    path.write_bytes(path.read_bytes()[:2000])
    refused("cifar10", "archive", str(path), data_dir=tmp_path)


class _Runs:
    """What an attacker would write: to unpickle it is to call the function with the argument."""

    def __init__(self, function, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.mkdir, "eval", "exec"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_runs_nothing(tmp_path: Path, function, protocol: int) -> None:
    write_cifar(tmp_path)
    trace = tmp_path / "trace"
    if function is os.mkdir:
        evil = _Runs(os.mkdir, str(trace))
    else:
        evil = _Runs(getattr(__import__("builtins"), function), f"__import__('os').mkdir({str(trace)!r})")
    raw = pickle.dumps({b"labels": [0], b"data": evil}, protocol)
    pickle.loads(raw)
    assert trace.is_dir()  # with the ordinary loader it does run
    trace.rmdir()
    (tmp_path / "data_batch_3").write_bytes(raw)
    refused("cifar10", "data_batch_3", "no CIFAR-10 file needs", data_dir=tmp_path)
    assert not trace.exists()


BAD_BATCHES = [
    b"",
    b"no pickle",
    pickle.dumps([1, 2], 2),
    pickle.dumps({b"data": batch(2, 0)[b"data"]}, 2),
    pickle.dumps({b"data": np.zeros((2, 3072)), b"labels": [0, 1]}, 2),
    pickle.dumps({b"data": np.zeros((2, 3071), np.uint8), b"labels": [0, 1]}, 2),
    pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}, 2),
    pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 0.5]}, 2),
    pickle.dumps({b"data": np.array([[None] * 3072]), b"labels": [0]}, 2),
    pickle.dumps(batch(3, 0), 2)[:-400],
]


@pytest.mark.parametrize("raw", BAD_BATCHES)
def test_bad_batches(tmp_path: Path, raw: bytes) -> None:
    write_cifar(tmp_path)
    (tmp_path / "test_batch").write_bytes(raw)
    refused("cifar10", "test_batch", data_dir=tmp_path)


def test_missing_batch(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_4").unlink()
    refused("cifar10", "no data_batch_4", data_dir=tmp_path)


def test_digits_are_scikit_learns_each_once() -> None:
    from sklearn.datasets import load_digits

    data = load_dataset("digits")
    assert (len(data.x_train), len(data.x_test), data.classes, data.high) == (1297, 500, 10, 1.0)
    rows = np.concatenate([data.inputs("train"), data.inputs("test")]).reshape(1797, 64)
    labels = np.concatenate([data.labels("train"), data.labels("test")])
    x, y = load_digits(return_X_y=True)
    mine, theirs = (sorted(map(tuple, np.column_stack(pair).tolist())) for pair in ((rows * 16, labels), (x, y)))
    assert mine == theirs


def test_the_split_of_digits_never_moves() -> None:
    # Certificates name the sample by this digest; it may change only together with the version of the split.
    assert load_dataset("digits").sha256 == "23664d83726ffecb97f6d56d58959426310010a8db137c068551ae1318eb7aba"


def test_synthetic_samples_follow_the_seed() -> None:
    for name in (s for s in SOURCES if s.startswith("synthetic:")):
        first, again, other = (load_dataset(name, seed=s) for s in (1, 1, 2))
        assert first.sha256 == again.sha256 != other.sha256
        assert not np.array_equal(first.x_train, first.x_test)


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("minst", "'mnist'?"),
        ("fashion_mnist", "'fashion-mnist'?"),
        ("synthetic:gausians", "'gaussians'?"),
        ("cifar", "'cifar10'?"),
        ("", "known:"),
    ],
)
def test_the_nearest_name_is_offered(spec: str, part: str) -> None:
    refused(spec, part)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    refused(str(tmp_path / "data.csv"), ".npz")
