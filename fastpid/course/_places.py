"""Channels, lags and times: a table of the same trials each, estimated some at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve_tables
from fastpid.course._block import Block, block_of
from fastpid.course._trials import Trials
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import (
    Arrangement,
)
from fastpid.estimation._assembly import check_bias
from fastpid.estimation._intervals import WITHOUT_STRATA
from fastpid.estimation._problem import named
from fastpid.estimation._resampled import ResampledTables
from fastpid.estimation._wanted import Wanted

#: Places whose resamples are in memory at a time, and the shuffled targets at each that say what a
#: correction leaves: an average over fewer than estimate() takes, since there are many places.
_PLACES_AT_A_TIME = 1024
_SHUFFLES = 20

Array = NDArray[np.float64]


class Places(NamedTuple):
    """Channels, lags and times, each a table of the same trials."""

    trials: Trials
    options: SolveOptions
    wanted: Wanted
    arrangement: Arrangement

    @property
    def extents(self) -> tuple[int, ...]:
        """The numbers of channels, lags and times."""
        return self.trials.codes[0].shape[:3]

    def some_at_a_time(self) -> list[NDArray[np.intp]]:
        """Return the numbers of the places, those that go together in an array each."""
        numbers = np.arange(int(np.prod(self.extents)))
        return np.split(numbers, range(_PLACES_AT_A_TIME, len(numbers), _PLACES_AT_A_TIME))

    def samples(self, some: NDArray[np.intp]) -> ArrangedSamples:
        """Return the trials at some of the places."""
        at = np.unravel_index(some, self.extents)
        x, y, z = (codes[at] for codes in self.trials.codes)
        return ArrangedSamples(self.trials.shape, self.options.threads, self.arrangement, (x, y, z))

    def counts(self) -> Array:
        """Return the counts of all places, (n_places, nx, ny, nz)."""
        each = [self.samples(some).mass for some in self.some_at_a_time()]
        return np.concatenate(each).reshape(-1, *self.trials.shape)

    def tables(self, some: NDArray[np.intp], seed: np.random.SeedSequence) -> ResampledTables:
        """Return the tables that some of the places need solved."""
        return ResampledTables(self.samples(some), self.options, self.wanted, seed, _SHUFFLES)

    def total(self, seed: np.random.SeedSequence) -> int:
        """Return how many tables will be solved."""
        one = self.tables(np.arange(1), seed)
        check_bias(self.wanted.bias, one.samples)
        more = len(kinds_of_course(self.wanted)) - len(self.wanted.kinds)
        each = one.total + more * self.wanted.n_permutations
        return each * int(np.prod(self.extents))

    def estimate(
        self, some: NDArray[np.intp], seed: np.random.SeedSequence, advance: Callable[[int], object]
    ) -> Block:
        """Estimate at some of the places: with the same draws as at all others, by the seed."""
        wanted, scale = self.wanted, self.options.scale
        tables = self.tables(some, seed)
        tables.advance = advance
        p = tables.samples.mass.reshape(-1, *self.trials.shape) / tables.samples.n_samples
        terms = solve_tables(p, self.options._replace(on_failure="ignore")).terms
        plug_in = terms.vector()
        corrected = tables.corrected(plug_in)
        errors = tables.errors(plug_in, corrected) if wanted.needs_errors else None
        drawn = {kind: named(tables.under_null(kind), scale) for kind in kinds_of_course(wanted)}
        gap = float(terms.gap.max())
        return block_of(
            wanted,
            named(plug_in, scale),
            named(corrected, scale),
            terms.gap * scale,
            errors,
            drawn,
            WITHOUT_STRATA,
            max(tables.largest_gap, gap) * scale,
            tables.solved_to_tol and gap <= self.options.tol,
        )


def kinds_of_course(wanted: Wanted) -> list[str]:
    """Return what is done to the trials: also without strata, for how times go together."""
    smooth = [WITHOUT_STRATA.get(kind, kind) for kind in wanted.kinds]
    return list(dict.fromkeys([*wanted.kinds, *smooth]))
