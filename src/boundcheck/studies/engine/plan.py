"""The plan of a study: which function is asked of which jobs. Its hash tells one study from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boundcheck

FORMAT = "boundcheck-plan/1"

Job = Mapping[str, Any]
"""A small description that JSON can hold."""

JobFunction = Callable[[Job], list[dict[str, Any]]]
"""From a job to its rows: pure, importable by its name in another process, seeds and paths in the job."""


def canonical(value: Any) -> str:
    """The one way in which a value is written: sorted keys, no spaces, no NaN.

    Raises:
        TypeError: JSON can't hold it.
        ValueError: It holds NaN or infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def job_key(job: Job) -> str:
    """What tells a job from others: the first 64 bits of its SHA-256, in hexadecimal."""
    return hashlib.sha256(canonical(job).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """What is asked of which jobs.

    Attributes:
        function: Full name of the function that turns a job into rows.
        jobs: By their keys, in the order in which they were given, as JSON reads them back.
        version: Of boundcheck; another version's rows are not this plan's.
    """

    function: str
    jobs: Mapping[str, Job]
    version: str = boundcheck.__version__

    @classmethod
    def of(cls, function: JobFunction, jobs: Iterable[Job]) -> Plan:
        """The plan of a function and its jobs.

        Raises:
            ValueError: There are no jobs, two are equal, or the function can't be imported by its name elsewhere.
        """
        name = f"{function.__module__}.{function.__qualname__}"
        if "<" in name:
            raise ValueError(f"expected a function at the top of a module; got {name}; a worker could not import it")
        given = [json.loads(canonical(dict(job))) for job in jobs]
        keyed = {job_key(job): job for job in given}
        if not given or len(keyed) < len(given):
            raise ValueError(f"expected different jobs, at least one; got {len(given)}, {len(keyed)} of them different")
        return cls(name, keyed)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything in it."""
        return hashlib.sha256(canonical([self.function, list(self.jobs.values()), self.version]).encode()).hexdigest()

    def to_json(self) -> str:
        """The content of ``plan.json``."""
        head = {"format": FORMAT, "boundcheck": self.version, "function": self.function, "sha256": self.sha256}
        return json.dumps(head | {"jobs": list(self.jobs.values())}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that :meth:`to_json` wrote.

        Raises:
            ValueError: It is none, or its hash is another one.
        """
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        try:
            plan = cls(content["function"], {job_key(job): job for job in content["jobs"]}, content["boundcheck"])
            if plan.sha256 != content["sha256"]:
                raise ValueError("its hash is not that of its content")
        except (KeyError, TypeError) as error:
            raise ValueError(f"{error} is not as it should be") from None
        return plan
