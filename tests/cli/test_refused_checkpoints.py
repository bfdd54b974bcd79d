"""Checkpoints that can't be used: each is refused in one line, nothing of them runs, and no output is touched."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

Refused = Callable[..., str]

FACTORY = """
import torch
from torch import nn

def small(width=8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

def outputs(k=7):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, k))

def images():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 10))

def fails():
    raise RuntimeError("no such luck\\nand a second line")

def no_network():
    return {"weights": 1}

def pairs():
    class Pairs(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)
        def forward(self, x):
            y = self.linear(x.flatten(1))
            return y, y
    return Pairs()

number = 3
"""


@pytest.fixture(autouse=True)
def _factory(desk: Path) -> None:
    (desk / "stranger.py").write_text(FACTORY)


@pytest.fixture(autouse=True)
def _fresh_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))


class Payload:
    """A pickle of this creates a file when it is loaded without care."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.target,)  # type: ignore[return-value]


def test_missing_file(refused_evaluation: Refused) -> None:
    line = refused_evaluation("--checkpoint", "nowhere.pt")
    assert "a checkpoint file" in line
    assert "nowhere.pt" in line
    assert "boundcheck train" in line


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "run.pt/inside"])
def test_names_that_no_file_can_have(name: str, refused_evaluation: Refused) -> None:
    assert "a checkpoint file" in refused_evaluation("--checkpoint", name)


def test_directory(desk: Path, refused_evaluation: Refused) -> None:
    (desk / "folder").mkdir()
    assert "a directory, folder" in refused_evaluation("--checkpoint", "folder")


def test_neither_checkpoint_nor_evidence(refused_evaluation: Refused) -> None:
    assert "--checkpoint FILE or --from-evidence FILE" in refused_evaluation()


@pytest.mark.parametrize("suffix", ["pt", "safetensors", "bin"])
def test_empty_file(suffix: str, desk: Path, refused_evaluation: Refused) -> None:
    (desk / f"empty.{suffix}").touch()
    assert "an empty file" in refused_evaluation("--checkpoint", f"empty.{suffix}")


@pytest.mark.parametrize("suffix", ["pt", "safetensors", "bin"])
@pytest.mark.parametrize("content", [b"x", b"words, and no tensors at all\n" * 50, b"\x80\x02", b"PK\x03\x04", bytes(range(256))])
def test_files_of_something_else(suffix: str, content: bytes, desk: Path, refused_evaluation: Refused) -> None:
    (desk / f"else.{suffix}").write_bytes(content)
    line = refused_evaluation("--checkpoint", f"else.{suffix}")
    assert "a checkpoint file" in line
    assert "copy it again" in line


def offsets(size: int) -> list[int]:
    """Both ends densely, and the middle here and there."""
    return sorted({*range(1, 40, 3), *range(40, size, max(1, size // 25)), *range(size - 40, size, 3)})


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_cut_anywhere(kind: str, desk: Path, trained: Path, refused: Refused) -> None:
    path = desk / ("cut.safetensors" if kind == "safetensors" else "cut.pt")
    if kind == "zip":
        whole = trained.read_bytes()
    elif kind == "legacy":
        torch.save(small().state_dict(), path, _use_new_zipfile_serialization=False)
        whole = path.read_bytes()
    else:
        from safetensors.torch import save_file

        save_file(small().state_dict(), path)
        whole = path.read_bytes()
    for offset in offsets(len(whole)):
        path.write_bytes(whole[:offset])
        line = refused("evaluate", "--checkpoint", path.name, "--model", "stranger:small", "--bounds", "langford2005testset")
        assert "expected a checkpoint file" in line, (offset, line)


@pytest.mark.parametrize("kind", ["pickle", "zip", "legacy", "beside weights", "in the format"])
def test_code_in_a_pickle_does_not_run(kind: str, desk: Path, refused_evaluation: Refused) -> None:
    target, path = desk / "it-ran", desk / "evil.pt"
    payload = Payload(target)
    if kind == "pickle":
        path.write_bytes(pickle.dumps(payload))
    elif kind == "zip":
        torch.save(payload, path)
    elif kind == "legacy":
        torch.save(payload, path, _use_new_zipfile_serialization=False)
    elif kind == "beside weights":
        torch.save({"state_dict": small().state_dict(), "extra": payload}, path)
    else:
        torch.save({"format": "boundcheck-checkpoint/1", "state_dict": small().state_dict(), "history": payload}, path)
    line = refused_evaluation("--checkpoint", "evil.pt", "--model", "stranger:small")
    assert "a pickle with code in it" in line
    assert "nothing was run" in line
    assert not target.exists()
    pickle.loads(pickle.dumps(payload))
    assert target.exists(), "the payload has to be one that would have run"


def test_a_whole_module_is_code_too(desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small(), desk / "module.pt")
    line = refused_evaluation("--checkpoint", "module.pt", "--model", "stranger:small")
    assert "a pickle with code in it" in line
    assert "model.state_dict()" in line


def test_another_program_without_model(desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small().state_dict(), desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt")
    assert "a file of another program" in line
    assert "--model package.module:factory" in line


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], 7, torch.zeros(3), {}, {"state_dict": {"a": "b"}}, {"model": [[]]}])
def test_no_state_dict(content: object, desk: Path, refused_evaluation: Refused) -> None:
    torch.save(content, desk / "other.pt")
    assert "a state dict" in refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small")


def test_state_dict_that_does_not_fit(desk: Path, refused_evaluation: Refused) -> None:
    state = small().state_dict()
    state["4.weight"] = state.pop("1.bias")
    state["3.weight"] = torch.zeros(10, 9)
    torch.save(state, desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small")
    assert "missing: 1.bias" in line
    assert "unexpected: 4.weight" in line
    assert "of the wrong shape: 3.weight of shape (10, 9) for (10, 8)" in line


def test_only_the_first_keys_are_named(desk: Path, refused_evaluation: Refused) -> None:
    torch.save({f"layer{i}": torch.zeros(1) for i in range(9)}, desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small")
    assert "unexpected: layer0, layer1, layer2 and 6 more" in line
    assert "missing: 1.weight, 1.bias, 3.weight and 1 more" in line


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(bad: float, desk: Path, refused_evaluation: Refused) -> None:
    state = small().state_dict()
    state["3.bias"][4] = bad
    torch.save(state, desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small")
    assert "finite weights" in line
    assert "3.bias" in line


def test_weights_too_large_for_the_network(desk: Path, refused_evaluation: Refused) -> None:
    state = {name: value.double() for name, value in small().state_dict().items()}
    state["1.bias"][0] = 1e300
    torch.save(state, desk / "other.pt")
    assert "1.bias" in refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small")


@pytest.mark.parametrize("where", ["state_dict", "initial_state_dict"])
def test_own_checkpoint_that_diverged(where: str, desk: Path, refused_evaluation: Refused) -> None:
    content = torch.load("run.pt", weights_only=True)
    content[where]["1.weight"][0, 0] = torch.nan
    torch.save(content, "run.pt")
    assert "1.weight" in refused_evaluation("--checkpoint", "run.pt")


SLIPS = {
    "no state": lambda c: c.pop("state_dict"),
    "a state of words": lambda c: c.update(state_dict={"a": "b"}),
    "a list for a state": lambda c: c.update(state_dict=[1]),
    "no data": lambda c: c.pop("data"),
    "a word of data": lambda c: c.update(data="digits"),
    "a field of data too many": lambda c: c["data"].update(more=1),
    "n in words": lambda c: c["data"].update(n="many"),
    "a name that is a number": lambda c: c["data"].update(name=3),
    "a model that is a word": lambda c: c.update(model="mlp"),
    "a model of another name": lambda c: c["model"].update(name="mpl"),
    "a model without settings": lambda c: c["model"].pop("kwargs"),
    "settings that are a word": lambda c: c["model"].update(kwargs="wide"),
    "impossible settings": lambda c: c["model"]["kwargs"].update(widths=[-4]),
    "other settings": lambda c: c["model"]["kwargs"].update(widths=[9]),
    "labels of another law": lambda c: c["data"].update(labels="random"),
    "labels of no law": lambda c: c["data"].update(labels="shuffled"),
    "more examples than there are": lambda c: c["data"].update(n=10**6),
    "another seed": lambda c: c["data"].update(seed=5),
    "a negative seed": lambda c: c["data"].update(seed=-5),
    "another hash": lambda c: c["data"].update(sha256="0" * 64),
    "a history of words": lambda c: c.update(history=["well"]),
    "no history": lambda c: c.update(history=[]),
    "a later format": lambda c: c.update(format="boundcheck-checkpoint/2"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_own_checkpoint_that_was_changed(slip: str, desk: Path, refused_evaluation: Refused) -> None:
    content = torch.load("run.pt", weights_only=True)
    SLIPS[slip](content)
    torch.save(content, "run.pt")
    refused_evaluation("--checkpoint", "run.pt")


def test_a_factory_named_by_the_file_alone_is_not_called(desk: Path, refused_evaluation: Refused) -> None:
    (desk / "trap.py").write_text("import pathlib\npathlib.Path('sprung').touch()\n")
    content = torch.load("run.pt", weights_only=True)
    content["model"] = {"factory": "trap:make", "kwargs": {}}
    torch.save(content, "run.pt")
    assert "--model trap:make" in refused_evaluation("--checkpoint", "run.pt")
    assert "if you trust that code" in refused_evaluation("--checkpoint", "run.pt", "--model", "stranger:small")
    assert not (desk / "sprung").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("stranger", "package.module:factory"),
        ("stranger:", "package.module:factory"),
        ("strangers:small", "No module named 'strangers'"),
        ("stranger:smal", "did you mean 'small'"),
        ("stranger:number", "function or class"),
        ("stranger:fails", "no such luck"),
        ("stranger:no_network", "nn.Module"),
        ("stranger:pairs", "state dict"),
    ],
)
def test_factories(model: str, words: str, desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small().state_dict(), desk / "other.pt")
    assert words in refused_evaluation("--checkpoint", "other.pt", "--model", model)


@pytest.mark.parametrize(
    ("model", "words"), [("outputs", "shape (2, 7)"), ("pairs", "a tuple"), ("images", "10 numbers an example")]
)
def test_networks_of_another_shape(
    model: str, words: str, desk: Path, refused_evaluation: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(desk)
    import importlib

    stranger = importlib.import_module("stranger")
    torch.save(getattr(stranger, model)().state_dict(), desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt", "--model", f"stranger:{model}")
    assert words in line
    assert "--model" in line


@pytest.mark.parametrize("kwargs", ["{", "[1]", "8", '{"depth": 3}', '{"width": "wide"}', '{"width": -1}'])
def test_model_kwargs(kwargs: str, desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small().state_dict(), desk / "other.pt")
    line = refused_evaluation("--checkpoint", "other.pt", "--model", "stranger:small", "--model-kwargs", kwargs)
    assert "--model-kwargs" in line


@pytest.mark.parametrize(
    "extra",
    [("--n", "100"), ("--model-kwargs", '{"width": 3}'), ("--labels", "random"), ("--model", "linear"), ("--data", "data.npz")],
)
def test_what_the_checkpoint_says_itself(extra: tuple[str, str], refused_evaluation: Refused) -> None:
    refused_evaluation("--checkpoint", "run.pt", *extra)


def test_reference_of_another_network(desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small().state_dict(), desk / "other.pt")
    torch.save(nn.Linear(3, 4).state_dict(), desk / "init.pt")
    words = ("--checkpoint", "other.pt", "--model", "stranger:small")
    assert "init.pt with keys missing" in refused_evaluation(*words, "--reference", "init.pt")
    assert "nothing at" in refused_evaluation(*words, "--reference", "nowhere.pt")


def test_standardization(desk: Path, refused_evaluation: Refused) -> None:
    torch.save(small().state_dict(), desk / "other.pt")
    words = ("--checkpoint", "other.pt", "--model", "stranger:small")
    assert "--mean" in refused_evaluation(*words, "--mean", "a")
    assert "--mean" in refused_evaluation(*words, "--mean", "nan")
    assert "--mean" in refused_evaluation(*words, "--mean", "0.1,0.2")
    assert "--std" in refused_evaluation(*words, "--std", "0")
    assert "--std" in refused_evaluation(*words, "--std", "-1")
    assert "--std" in refused_evaluation(*words, "--std", "1,,2")
