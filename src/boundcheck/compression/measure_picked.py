"""From a certificate's checkpoint to the record of the examples that were picked."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from boundcheck.errors import InputError
from boundcheck.evidence.picked import Picked
from boundcheck.evidence.prior_network import PriorNetwork
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.runs.subject import Subject


def measure_picked(module: nn.Module, certificate: Mapping[str, Any], x: Any, y: Any) -> Picked:
    """Count the picked examples, and the errors on the others.

    Args:
        module: The network of the checkpoint.
        certificate: Of the checkpoint: ``pool``, ``picked`` and ``before`` are rows of the training sample.
        x: Training inputs, shape (n, ...).
        y: Training labels as trained on, shape (n,).

    Raises:
        InputError: The certificate's rows are not as an algorithm leaves them.
    """
    pool, picked, before = _rows(certificate, len(y))
    others = pool[~torch.isin(pool, picked)]
    wrong, _ = program_mistakes(module, torch.as_tensor(x)[others], torch.as_tensor(y)[others])
    same = certificate.get("same_again")
    return Picked(
        n=len(pool),
        picked=len(picked),
        missed=int(wrong.sum()),
        same_again=same if isinstance(same, bool) else None,
        candidates=int(certificate.get("configurations", 1)),
        before=len(before),
    )


def measure_first_network(subject: Subject, certificate: Mapping[str, Any]) -> PriorNetwork:
    """The network that the algorithm started from, on the examples that could be picked: what a hold-out gives for nothing.

    Args:
        subject: Any network of the architecture, and the samples.
        certificate: Of the checkpoint.

    Raises:
        InputError: The certificate's rows or weights are not as an algorithm leaves them.
    """
    (x, y), test = subject.train, subject.test
    pool, _, before = _rows(certificate, len(y))
    first = copy.deepcopy(subject.network).eval()
    try:
        first.load_state_dict(dict(certificate["first_state"]))
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError("the first network's weights in the certificate", type(error).__name__, "certify again") from error
    wrong, _ = program_mistakes(first, x[pool], y[pool])
    test_error = None if test is None else subject.error(*program_mistakes(first, *test))
    overlap = int(torch.isin(pool, before).sum())
    return PriorNetwork(len(pool), int(wrong.sum()), overlap, int(certificate.get("configurations", 1)), 1, test_error)


def _rows(certificate: Mapping[str, Any], n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows that could be picked, that were, and that the first network saw.

    Raises:
        InputError: They are no rows, repeat each other, or overlap where they must not.
    """
    found = [certificate.get(name) for name in ("pool", "picked", "before")]
    usable = all(isinstance(rows, torch.Tensor) and rows.dtype == torch.int64 and rows.dim() == 1 for rows in found)
    if usable:
        pool, picked, before = (torch.as_tensor(rows) for rows in found)
        inside = all(len(rows) == 0 or (int(rows.min()) >= 0 and int(rows.max()) < n) for rows in (pool, picked, before))
        single = all(len(torch.unique(rows)) == len(rows) for rows in (pool, picked, before))
        apart = not bool(torch.isin(pool, before).any()) and bool(torch.isin(picked, pool).all())
        if len(pool) and inside and single and apart:
            return pool, picked, before
    raise InputError("a certificate with the rows that were picked from a pool", "one without", "certify again")
