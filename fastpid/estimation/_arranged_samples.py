"""Samples in one field or several (times, channels), resampled as their arrangement allows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import kernel
from fastpid._solve.threads import count_threads
from fastpid.estimation._arrangement import Arrangement
from fastpid.estimation._occupancy import Occupancy, occupied_cells
from fastpid.estimation._resampling import (
    CELLS_AT_A_TIME,
    Surrogates,
    Tables,
    axes_of,
    place_in_cells,
)

#: How many numbers of samples are made at a time.
_ROWS_AT_A_TIME = 2**22


class ArrangedSamples:
    """Samples that may depend on one another (the protocol Samples).

    The same are drawn, and put into the same order, in all fields: what resamples and surrogates
    say of several fields is a draw of all of them together.

    Parameters
    ----------
    codes : ndarrays of int (n_fields, n_samples)
        The symbols of x, y and z, or of more sources and z.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        threads: int,
        arrangement: Arrangement,
        codes: tuple[NDArray[np.intp], ...],
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.shape = shape
        self.size = math.prod(shape)
        self.threads = threads  # 0: the default
        self.arrangement = arrangement
        order = arrangement.sorted
        self._codes = [np.ascontiguousarray(each[:, order], dtype=np.int32) for each in codes]
        self._weights = np.ones(len(order)) if weights is None else weights[order]

    @property
    def n_fields(self) -> int:
        """The number of fields."""
        return len(self._codes[-1])

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return self.arrangement.n_samples

    @property
    def n_units(self) -> int:
        """How many units count as independent."""
        return self.arrangement.n_units

    @property
    def units(self) -> str:
        """What the units are."""
        return self.arrangement.units

    @property
    def moves(self) -> str:
        """What is done to a variable under a null hypothesis."""
        return self.arrangement.moves

    @property
    def n_effective(self) -> float:
        """How many unweighted samples would be as uncertain, were they independent."""
        return float(self._weights.sum() ** 2 / np.sum(self._weights**2))

    def occupancy(self, table: NDArray[np.float64]) -> Occupancy:
        """Count the cells of a resample that are not empty."""
        return occupied_cells(table)

    @functools.cached_property
    def cells(self) -> NDArray[np.int32]:
        """The cell of every sample, (n_fields, n_samples)."""
        return np.asarray(np.ravel_multi_index(tuple(self._codes), self.shape), dtype=np.int32)

    @functools.cached_property
    def mass(self) -> NDArray[np.float64]:
        """The weight of every cell, (n_fields, size)."""
        return self._weigh(np.ones((1, self.n_samples))).reshape(self.n_fields, self.size)

    def bootstrap(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables of units drawn with replacement, in four parts."""
        random = np.random.default_rng(seed)
        return self._weighed(lambda: self.arrangement.resample(random), count, 4)

    def parts(self, count: int, seed: np.random.SeedSequence, parts: int) -> Tables:
        """Yield the tables of `count` random divisions of the units in so many equal parts."""
        random = np.random.default_rng(seed)
        for tables in self._weighed(lambda: self.arrangement.divide(random, parts), count, parts):
            yield tables.reshape((-1, *self.shape))

    def leave_one_out(self) -> tuple[Tables, NDArray[np.float64]]:
        """Return the tables that lack one unit each, and how many there are of each: one."""
        step = self._at_a_time(1)

        def tables() -> Tables:
            for kept in self.arrangement.without_each(step):
                yield self._weigh(kept).reshape((-1, *self.shape))

        return tables(), np.ones(self.n_units)

    def surrogates(
        self, count: int, seed: np.random.SeedSequence, role: str, given: str
    ) -> Iterator[Surrogates]:
        """Yield tables in which one variable was moved among the samples.

        Among those alike in the variable `given`, or all for "". Where units differ in what they
        have in a stratum, values of one unit are spread over several, and the surrogates vary less
        than the samples do. To first order, information that is not there is estimated as a sum of
        squares of what frequencies are off by, and grows with their variance: it is compared by
        their design effects (Rao and Scott 1981), as one studentises what is permuted where
        variances may differ (A. Janssen, Statistics and Probability Letters 36, 1997).
        """
        random = np.random.default_rng(seed)
        ones = np.ones((1, self.n_samples))
        own = self._spread_as_they_stand
        for tables, spread in self._rearranged(random, lambda: ones, count, 1, role, given):
            scale = np.divide(own, spread, out=np.ones_like(spread), where=spread > 0.0)
            yield Surrogates(tables.reshape((-1, *self.shape)), scale.reshape(-1, 1))

    @functools.cached_property
    def _spread_as_they_stand(self) -> NDArray[np.float64]:
        """How much more than of independent samples the frequencies of the tables vary."""
        nothing = np.zeros_like(self.cells)
        order = np.arange(self.n_samples, dtype=np.int32)[None]
        return kernel.rearrange(
            *(self.cells, nothing, nothing, 1, self.size, self._ends, order),
            *(self._weights[None], self._threads_for(1)),
        )[1]

    @functools.cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.arrangement.unit_sizes, dtype=np.int64)

    def shuffled_parts(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables in which the target was moved, in four parts."""
        orders, parts = map(np.random.default_rng, seed.spawn(2))
        divide = functools.partial(self.arrangement.divide, parts, 4)
        for tables, _ in self._rearranged(orders, divide, count, 4, "z"):
            yield tables

    def _at_a_time(self, parts: int) -> int:
        cells = CELLS_AT_A_TIME // (parts * self.n_fields * self.size)
        return max(1, min(cells, _ROWS_AT_A_TIME // (parts * self.n_samples)))

    def _batches(self, count: int, parts: int) -> Iterator[int]:
        step = self._at_a_time(parts)
        for start in range(0, count, step):
            yield min(step, count - start)

    def _threads_for(self, tables: int) -> int:
        work = tables * self.n_fields * max(self.n_samples, self.size)
        return count_threads(self.threads, work)

    def _weigh(self, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count the samples, so many times each, (n, n_samples): tables (n, n_fields, size)."""
        weights = np.ascontiguousarray(multiplicities * self._weights)
        return kernel.weigh(self.cells, self.size, weights, self._threads_for(len(weights)))

    def _weighed(
        self, draw: Callable[[], NDArray[np.float64]], count: int, parts: int
    ) -> Iterator[NDArray[np.float64]]:
        """Yield tables (n * n_fields, parts, nx, ny, nz) of multiplicities (parts, n_samples)."""
        for size in self._batches(count, parts):
            tables = self._weigh(np.concatenate([draw() for _ in range(size)]))
            yield self._in_parts(tables, parts)

    def _in_parts(self, tables: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
        by_draw = tables.reshape(-1, parts, self.n_fields, self.size).swapaxes(1, 2)
        return by_draw.reshape((-1, parts, *self.shape))

    def _rearranged(
        self,
        random: np.random.Generator,
        divide: Callable[[], NDArray[np.float64]],
        count: int,
        parts: int,
        role: str,
        given: str = "",
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        moved = place_in_cells(self._codes, self.shape, role)
        strata = np.broadcast_to(self.arrangement.strata, moved.shape)
        n_strata = int(strata.max()) + 1
        if given:
            (axis,) = axes_of(given, len(self.shape))
            strata = self._codes[axis] * n_strata + strata
            n_strata *= self.shape[axis]
        stratum = np.ascontiguousarray(strata, dtype=np.int32)
        fixed = np.asarray(self.cells - moved, dtype=np.int32)
        for size in self._batches(count, parts):
            orders = np.stack([self.arrangement.order(random) for _ in range(size)])
            weights = np.concatenate([divide() * self._weights for _ in range(size)])
            tables, spread = kernel.rearrange(
                *(fixed, moved, stratum, n_strata, self.size, self._ends),
                np.repeat(orders.astype(np.int32), parts, axis=0),
                *(weights, self._threads_for(len(weights))),
            )
            yield self._in_parts(tables, parts), spread
