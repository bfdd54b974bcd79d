"""Networks from the user's own code, named ``package.module:factory``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError, nearest


def from_factory(name: str, kwargs: Mapping[str, Any] | None = None, *, seed: int = 0) -> nn.Module:
    """Calls a factory from a module that Python finds from here (the current directory included).

    Args:
        name: ``package.module:factory``; the factory may be a class or any function.
        kwargs: Its keyword arguments.
        seed: Seed of torch's generator during the call; the global generator is left as it was.

    Returns:
        What the factory returned.

    Raises:
        InputError: If there is no such module or factory, it fails, or it returns no ``nn.Module``.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError("package.module:factory", repr(name), "name the module and, after a colon, the function")
    with _current_directory_importable():
        try:
            found: Any = importlib.import_module(module_name)
        except ImportError as error:
            raise InputError("a module that can be imported", f"{module_name}: {error}", "check the path") from error
        except (Exception, SystemExit) as error:
            got = f"{module_name}: {type(error).__name__}: {error}"
            raise InputError("a module that can be imported", got, "make it importable without errors") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [key for key in dir(found) if not key.startswith("_")]
            raise InputError(f"a factory in {module_name}", repr(attribute), nearest(part, public))
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"a function or class {attribute}", type(found).__name__, "name something that can be called")
    return _called(name, found, dict(kwargs or {}), seed)


def _called(name: str, factory: Any, kwargs: dict[str, Any], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = factory(**kwargs)
        except (Exception, SystemExit) as error:
            got = f"{type(error).__name__}: {error}"
            raise InputError(f"{name} to make a network from {kwargs}", got, "check --model-kwargs") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{name} to return an nn.Module", type(network).__name__, "return the network itself")
    return network


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    """Puts the current directory in front of the import path for the time of one import."""
    here = os.getcwd()
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)
