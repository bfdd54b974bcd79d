"""What is randomized: the labels, to some degree, or the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boundcheck.data.corruption import LabelLaw
from boundcheck.data.inputs import INPUT_KINDS
from boundcheck.errors import InputError, nearest

KINDS = ("true", "corrupted", "random", *INPUT_KINDS[1:])
"""Words that ``--kinds`` takes; ``corrupted`` stands for one kind for each of ``--fractions``."""


@dataclass(frozen=True)
class Kind:
    """One row of the table.

    Attributes:
        inputs: Law of the inputs.
        labels: Law of the labels, in the words of ``parse_labels``.
    """

    inputs: str
    labels: str

    @property
    def name(self) -> str:
        """How the table calls it."""
        return f"{self.labels} labels" if self.inputs == INPUT_KINDS[0] else self.inputs.replace("-", " ")


TRUE = Kind(INPUT_KINDS[0], "true")


def choose_kinds(kinds: Sequence[str], fractions: Sequence[float]) -> tuple[Kind, ...]:
    """The kinds of a plan, each once, true labels first.

    Args:
        kinds: Words among :data:`KINDS`.
        fractions: Probabilities with which labels are replaced; 0 are true labels, 1 random ones.

    Raises:
        InputError: An unknown word, or a fraction outside [0, 1].
    """
    for word in kinds:
        if word not in KINDS:
            raise InputError("a kind of randomization", repr(word), nearest(word, KINDS))
    for p in fractions:
        if not 0.0 <= p <= 1.0:
            raise InputError("fractions in [0, 1] in --fractions", str(p), "write for example --fractions 0,0.5,1")
    chosen = [TRUE] if "true" in kinds else []
    if "corrupted" in kinds:
        chosen += [Kind(INPUT_KINDS[0], _law(p).spec) for p in sorted(fractions)]
    if "random" in kinds:
        chosen.append(Kind(INPUT_KINDS[0], "random"))
    chosen += [Kind(word, "true") for word in INPUT_KINDS[1:] if word in kinds]
    if not chosen:
        raise InputError("at least one kind of randomization", "none", "leave --kinds out for all of them")
    return tuple(dict.fromkeys(chosen))


def _law(p: float) -> LabelLaw:
    return LabelLaw("true", p) if p == 0.0 else LabelLaw("random", p) if p == 1.0 else LabelLaw("corrupt", p)
