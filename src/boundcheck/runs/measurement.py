"""One run being measured: what several sections of the evidence need is computed once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boundcheck.constructions.exact import margins_below
from boundcheck.data import expected_error
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.record import Problem
from boundcheck.networks.graph import Graph
from boundcheck.networks.margin import Margins, evaluate_margins, program_margins
from boundcheck.networks.memorizer import Memorizer
from boundcheck.networks.tracing import trace
from boundcheck.progress import Progress, silent
from boundcheck.runs.run import Run, Sample
from boundcheck.runs.subject import Subject

_PART_OF_TIME = 0.45  # of the seconds, for each of the two searches that take as long as they are given


@dataclass(eq=False)
class Measurement:
    """One run being measured; what several sections need is computed once.

    Attributes:
        run: The run.
        delta: Guides searches only.
        effort: ``quick`` or ``full``.
        seed: Seed of every random draw.
        progress: Told how far the present section is.
        draws: Networks that are drawn from the posterior of a certificate; ``None``: as many as the effort has.
        seconds: Time for the searches for posterior and code together; ``None``: the same work on every machine.
    """

    run: Run
    delta: float = 0.05
    effort: str = "quick"
    seed: int = 0
    progress: Progress = silent
    draws: int | None = None
    seconds: float | None = None

    @cached_property
    def graph(self) -> Graph:
        """The canonical graph of the network."""
        return trace(self.run.network, self.run.train.x.shape[1:])

    @cached_property
    def reference_graph(self) -> Graph | None:
        """The canonical graph of the network with its reference weights."""
        return None if self.run.reference is None else trace(self.run.reference, self.run.train.x.shape[1:])

    @cached_property
    def train_margins(self) -> Margins:
        """Margins on the training sample, lowered where every operation is known."""
        return self._margins(self.run.train, self.run.train.y, "margins on the training sample")

    @cached_property
    def test_margins(self) -> Margins | None:
        """Margins on the held-out sample, of which only the errors are asked for."""
        test = self.run.test
        return None if test is None else self._margins(test, test.y, "margins on the held-out sample", lower=False)

    def _margins(self, sample: Sample, labels: NDArray[np.int64], what: str, *, lower: bool = True) -> Margins:
        def told(done: int, n: int) -> None:
            self.progress(what, done / n)

        if isinstance(self.run.network, Memorizer) and self.run.network.gains is not None:
            # The program's own errors; the margins of the stored numbers, which no rounding blurs.
            program = program_margins(self.run.network, sample.x, labels, told, chunk=len(labels))
            return replace(program, values=margins_below(self.run.network, sample.x, labels), lowered=True)
        if self.graph.unplaced or len(self.graph.output_shape) > 1:
            return program_margins(self.run.network, sample.x, labels, told)
        return evaluate_margins(self.graph, sample.x, labels, told, lower=lower)

    def held_out_error(self, wrong: NDArray[np.bool_], invalid: NDArray[np.bool_]) -> float:
        """Error on held-out data under the law of the training labels, an exact expectation over the corruption."""
        return expected_error(wrong, invalid, self.run.classes, self.run.law)

    @cached_property
    def errors(self) -> Errors:
        """Errors of the network as given."""
        run, train, test = self.run, self.train_margins, self.test_margins
        found = Errors(n=len(run.train), errors=train.errors, invalid=int(train.invalid.sum()))
        if run.test is None or test is None:
            return found
        return replace(
            found,
            test_n=len(run.test),
            test_errors=test.errors,
            test_invalid=int(test.invalid.sum()),
            test_error=self.held_out_error(test.wrong, test.invalid),
            overlap=run.test.overlap(run.train),
        )

    @cached_property
    def subject(self) -> Subject:
        """What searches for posteriors and codes, and the counts of stored ones, are told alike."""
        run, test = self.run, self.run.test
        return Subject(
            *(run.network, run.reference, run.train.x, run.train.y),
            *((None, None) if test is None else (test.x, test.y)),
            classes=run.classes,
            seed=self.seed,
            reference_kind=run.reference_kind,
            effort=self.effort,
            delta=self.delta,
            held_out_error=self.held_out_error,
            overlap=self.errors.overlap,
            draws=self.draws,
            time_budget=None if self.seconds is None else _PART_OF_TIME * self.seconds,
            progress=self.progress,
        )

    @cached_property
    def problem(self) -> Problem:
        """The sample and what is known of its distribution."""
        run = self.run
        d = math.prod(run.train.x.shape[1:])
        radius = run.radius
        if run.low is not None and run.high is not None:
            box = math.nextafter(math.sqrt(d) * max(abs(run.low), abs(run.high)), math.inf)
            box = math.nextafter(box, math.inf)  # one rounding for the root, one for the product
            radius = box if radius is None else min(radius, box)
        return Problem(
            n=len(run.train),
            d=d,
            classes=run.classes,
            input_radius=radius,
            nonnegative=run.low is not None and run.low >= 0.0,
            corruption=run.law.p,
            train_duplicates=run.train.duplicates,
        )
