"""From the description of a network, as checkpoints hold it, to the network, its weights not yet loaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from torch import nn

from boundcheck.errors import InputError
from boundcheck.networks.architectures import rebuild
from boundcheck.networks.factory import from_factory


def network_of(model: Mapping[str, Any], allowed: str | None, seed: int = 0) -> nn.Module:
    """The network that a checkpoint describes, weights not yet loaded.

    A checkpoint may name a factory of the user's own; it is called only when the user names it too, since importing what a
    file names would run code of the file's choice.

    Raises:
        InputError: The description can't be used, or names a factory that the user did not.
    """
    if "factory" in model:
        factory = str(model["factory"])
        if allowed != factory:
            got = "no --model" if allowed is None else f"--model {allowed}"
            raise InputError(
                f"--model {factory}, whose code made the network of this checkpoint", got, "add it if you trust that code"
            )
        return from_factory(factory, dict(model.get("kwargs", {})), seed=seed)
    if allowed is not None and allowed != model.get("name"):
        raise InputError(f"no --model: the checkpoint names its own, {model.get('name')}", f"--model {allowed}", "leave it out")
    return built(model, seed=seed)


def built(model: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """The built-in network that a description names, with fresh weights.

    Raises:
        InputError: Its settings can't be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of empty layers; what comes of them is refused below or by the data
            return rebuild(model, seed=seed)
    except InputError:
        raise
    except Exception as error:  # torch refuses impossible sizes with errors of many kinds
        lines = str(error).splitlines() or ["no message"]
        got = f"{model.get('kwargs')} ({type(error).__name__}: {lines[0][:120]})"
        raise InputError(f"settings of {model.get('name')}", got, "check --widths, --channels and --model-kwargs") from error
