"""State dicts: read from files that anyone may have written, and fitted to a module, without running code of theirs."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from boundcheck.errors import InputError

_NESTED_UNDER = ("state_dict", "model_state_dict", "model")


def read_file(path: str | Path) -> Any:
    """Read a file of tensors: safetensors, or what ``torch.save`` wrote; nothing in it is run.

    Args:
        path: The file.

    Returns:
        What the file holds, tensors on the CPU.

    Raises:
        InputError: The file is missing, is a directory, is empty, cut short, or holds more than tensors and plain values.
    """
    file = Path(path)
    wanted = "a checkpoint file"
    try:
        size = -1 if file.is_dir() else file.stat().st_size
    except (OSError, ValueError) as error:  # not there, no name that a file can have, or behind a closed door
        reason = "" if isinstance(error, FileNotFoundError) else f" ({getattr(error, 'strerror', None) or error})"
        advice = "check the path, or make one with 'boundcheck train --out FILE'"
        raise InputError(wanted, f"nothing at {str(file)!r}{reason}", advice) from None
    if size < 0:
        raise InputError(wanted, f"a directory, {file}", "name the file inside it")
    if size == 0:
        raise InputError(wanted, f"an empty file, {file}", "copy it again from where it was written")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on old formats are no concern of the reader's
            if _is_safetensors(file, size):
                from safetensors.torch import load_file

                return load_file(str(file), device="cpu")
            return torch.load(file, map_location="cpu", weights_only=True)
    except PermissionError:
        raise InputError(wanted, f"no permission to read {file}", "change its mode") from None
    except pickle.UnpicklingError as error:
        raise InputError(wanted + " of tensors and plain values", *_why_refused(file, error)) from None
    except Exception as error:
        # Broken archives end in errors of many kinds, from RuntimeError and EOFError to SafetensorError and UnicodeDecodeError.
        broken = f"{file}, which can't be read ({type(error).__name__}: {_first_line(error)})"
        raise InputError(wanted, broken, "it may be cut short or of another format; copy it again") from None


def _is_safetensors(file: Path, size: int) -> bool:
    """By its name, or by its head: the length of a JSON object in eight bytes, then the object."""
    if file.suffix == ".safetensors":
        return True
    with file.open("rb") as stream:
        head = stream.read(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _why_refused(file: Path, error: Exception) -> tuple[str, str]:
    text = str(error)
    if "GLOBAL" in text or "Unsupported" in text or "not an allowed global" in text or "WeightsUnpickler" in text:
        if not zipfile.is_zipfile(file) and file.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            return f"{file}, which is not one", "it may be cut short or of another format; copy it again"
        name = next((w.strip("`'\".,") for w in text.split() if "." in w and w[0].isalpha() and "weights_only" not in w), "")
        found = f"a pickle with code in it, {file}" + (f" (it asks for {_first_line(name)})" if name.count(".") else "")
        return found, "nothing was run; save the state dict alone: torch.save(model.state_dict(), FILE)"
    return f"{file}, which can't be read", "it may be cut short or of another format; copy it again"


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0][:120] if lines else "no message"


def find_state_dict(content: Any, path: str | Path) -> Mapping[str, torch.Tensor]:
    """The state dict in a file's content: bare, or nested under a usual name, or wrapped in lists of one.

    Args:
        content: What :func:`read_file` returned.
        path: For the message.

    Returns:
        Names to tensors; a prefix ``module.`` that data-parallel training adds to every name is taken off.

    Raises:
        InputError: There is none.
    """
    for _ in range(8):
        if isinstance(content, (list, tuple)) and len(content) == 1:
            content = content[0]
        elif isinstance(content, Mapping):
            if content and all(isinstance(v, torch.Tensor) for v in content.values()):
                names = [str(name) for name in content]
                prefix = "module." if all(name.startswith("module.") for name in names) else ""
                return {str(name).removeprefix(prefix): value for name, value in content.items()}
            key = next((key for key in _NESTED_UNDER if key in content), None)
            if key is None:
                break
            content = content[key]
        else:
            break
    found = f"keys {', '.join(map(str, list(content)[:5]))}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
    raise InputError(
        "a state dict, bare or under 'state_dict', 'model_state_dict' or 'model'",
        f"{path} with {found}",
        "save it with torch.save(model.state_dict(), FILE)",
    )


def fit_state_dict(module: nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Load a state dict into a module, whole or not at all.

    Args:
        module: Changed in place when everything fits.
        state: Names to tensors.
        path: For the message.

    Raises:
        InputError: Names are missing or unexpected, shapes differ, or a value is NaN or infinite.
    """
    own = module.state_dict()
    complaints = []
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    wrong = [
        f"{name} of shape {tuple(state[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in state and not is_lazy(own[name]) and state[name].shape != own[name].shape
    ]
    for word, names in (("missing", missing), ("unexpected", unexpected), ("of the wrong shape", wrong)):
        if names:
            complaints.append(f"{word}: {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    if complaints:
        advice = "check --model and --model-kwargs against the file"
        raise InputError(
            f"a state dict that fits the {type(module).__name__}", f"{path} with keys {'; '.join(complaints)}", advice
        )
    check_finite(state, path)
    try:
        module.load_state_dict({name: state.get(name, value) for name, value in own.items()})
    except Exception as error:  # modules may load their state in ways of their own
        raise InputError(
            f"a state dict that fits the {type(module).__name__}", f"{path} ({_first_line(error)})", "check --model"
        ) from error
    check_finite(module.state_dict(), path)  # a number may be too large for the precision of the module


def check_finite(state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Refuse NaN and infinite weights.

    Raises:
        InputError: Names the first layer that has some.
    """
    for name, value in state.items():
        if (value.is_floating_point() or value.is_complex()) and not bool(torch.isfinite(value).all()):
            count = int((~torch.isfinite(value)).sum())
            raise InputError(
                "finite weights",
                f"{count} NaN or infinite values in {name} of {path}",
                "take a checkpoint from before training diverged",
            )
