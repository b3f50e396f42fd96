"""Resamples of a table of samples, and what they say: thousands of tables in a few calls."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import roles_of
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads
from fastpid.estimation._occupancy import Occupancy, occupied_cells
from fastpid.estimation._problem import PAIRS, Solver
from fastpid.estimation._random_tables import random_tables

#: Cells of the tables that are in memory at a time (32 MiB).
CELLS_AT_A_TIME = 2**22

#: From so many samples a cell on, drawing cells costs less than shuffling samples: 0.4 us against
#: 4 ns a sample.
_SAMPLES_A_CELL = 100

_DIVISIONS_OF_SHUFFLES = 5

#: Resamples, some at a time: arrays (count, nx, ny, nz) of weights of cells. Of more sources, here
#: and everywhere below, (count, n_1, ..., n_M, nz).
Tables = Iterator[NDArray[np.float64]]


class Surrogates(NamedTuple):
    """Tables (n, nx, ny, nz) under a null hypothesis.

    `scale` is by how much their information has to be multiplied to be that of as many independent
    samples as there are, (n, 1): surrogates may have lost some of the samples' dependence. None
    where they have lost nothing, and only what was moved is another.
    """

    tables: NDArray[np.float64]
    scale: NDArray[np.float64] | None = None


class Samples(Protocol):
    """What can be resampled: samples of symbols (Resampler), or of predictions of them.

    Tables come some at a time, those of several fields one after the other; parts of one in axis 1,
    four and equal but for three units.
    """

    shape: tuple[int, ...]

    @property
    def n_fields(self) -> int:
        """How many tables there are of the same samples, at several times for example."""
        ...

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        ...

    @property
    def n_units(self) -> int:
        """How many units count as independent."""
        ...

    @property
    def units(self) -> str:
        """What the units are."""
        ...

    @property
    def moves(self) -> str:
        """What is done to a variable under a null hypothesis."""
        ...

    @property
    def n_effective(self) -> float:
        """How many unweighted samples would be as uncertain."""
        ...

    @property
    def mass(self) -> NDArray[np.float64]:
        """The weight of every cell, (size,); (n_fields, size) of several fields."""
        ...

    def occupancy(self, table: NDArray[np.float64]) -> Occupancy:
        """Count the cells that a resample's samples are worth."""
        ...

    def bootstrap(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables of as many units, drawn with replacement (Efron 1979), in four parts."""
        ...

    def surrogates(
        self, count: int, seed: np.random.SeedSequence, role: str, given: str
    ) -> Iterator[Surrogates]:
        """Yield tables in which the values of one variable were moved among the samples.

        Among those alike in the variable `given`, or all for "".
        """
        ...

    def shuffled_parts(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables in which the target was shuffled, in four parts."""
        ...

    def parts(self, count: int, seed: np.random.SeedSequence, parts: int) -> Tables:
        """Yield the `parts` tables of `count` random divisions of the units in equal parts."""
        ...

    def leave_one_out(self) -> tuple[Tables, NDArray[np.float64]]:
        """Return the tables that lack one unit, one per kind, and how many there are of each."""
        ...


def axes_of(roles: str, n_axes: int) -> list[int]:
    """Return the axes of a table with so many that roles are, as in "x" or "x0,x2"; none for ""."""
    known = roles_of(n_axes - 1)
    return [known.index(role) for role in roles.split(",")] if roles else []


def solve_all(
    tables: Tables,
    options: SolveOptions,
    advance: Callable[[int], object],
    problem: Solver = PAIRS,
) -> tuple[NDArray[np.float64], float]:
    """Return the vectors (n, width) of all tables in nats, and their largest gap."""
    vectors, gap = [], 0.0
    for batch in tables:
        found, gaps = problem.solve(batch, options)
        vectors.append(found)
        gap = max(gap, float(np.max(gaps)))
        advance(len(batch))
    return np.concatenate(vectors), gap


def place_in_cells(
    codes: Sequence[NDArray[Any]], shape: tuple[int, ...], roles: str
) -> NDArray[np.int32]:
    """Return what the symbols of some variables add to the number of a sample's cell."""
    total = np.zeros_like(codes[0], dtype=np.int32)
    for axis in axes_of(roles, len(shape)):
        total += codes[axis].astype(np.int32) * np.int32(math.prod(shape[axis + 1 :]))
    return total


class IndependentSamples(ABC):
    """What is the same of all samples that do not depend on one another."""

    @abstractmethod
    def shuffle(self, count: int, seed: np.random.SeedSequence, role: str, given: str) -> Tables:
        """Yield tables in which the values of one variable were shuffled among the samples."""

    def surrogates(
        self, count: int, seed: np.random.SeedSequence, role: str, given: str
    ) -> Iterator[Surrogates]:
        """Yield tables in which the values of one variable were moved among the samples."""
        return map(Surrogates, self.shuffle(count, seed, role, given))

    n_fields = 1
    units = "samples"
    moves = "shuffled"

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """The number of samples."""

    @property
    def n_units(self) -> int:
        """How many units count as independent."""
        return self.n_samples


class Resampler(IndependentSamples):
    """Samples by the symbols they have, or by how many there are in every cell of their table."""

    def __init__(
        self,
        shape: tuple[int, ...],
        threads: int,
        *,
        codes: tuple[NDArray[np.intp], ...] | None = None,
        counts: NDArray[np.int64] | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.shape = shape
        self.size = math.prod(shape)
        self.threads = threads  # 0: the default
        self.weights = weights
        self._codes = codes
        self._counts = counts

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self._codes[0]) if self._codes is not None else int(self.mass.sum())

    @property
    def n_effective(self) -> float:
        """How many unweighted samples would be as uncertain."""
        if self.weights is None:
            return float(self.n_samples)
        return float(self.weights.sum() ** 2 / np.sum(self.weights**2))

    def occupancy(self, table: NDArray[np.float64]) -> Occupancy:
        """Count the cells of a resample that are not empty."""
        return occupied_cells(table)

    @functools.cached_property
    def cells(self) -> NDArray[np.int32]:
        """The cell of the table that every sample falls into, (n_samples,)."""
        if self._codes is not None:
            cells = np.ravel_multi_index(self._codes, self.shape)
        else:
            assert self._counts is not None
            cells = np.repeat(np.arange(self.size), self._counts.ravel())
        return np.ascontiguousarray(cells, dtype=np.int32)

    @functools.cached_property
    def codes(self) -> tuple[NDArray[np.intp], ...]:
        """The symbols of every sample, (n_samples,) each: x, y and z."""
        if self._codes is not None:
            return self._codes
        return tuple(np.unravel_index(self.cells, self.shape))

    @functools.cached_property
    def _kinds(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Cell, weight and number of the samples that share both, in the order of the cells."""
        if self.weights is None:
            cells = np.flatnonzero(self.mass)
            return cells, np.ones(len(cells)), self.mass[cells]
        kinds, counts = np.unique(
            np.stack([self.cells.astype(np.float64), self.weights]), axis=1, return_counts=True
        )
        return kinds[0].astype(np.intp), kinds[1], counts.astype(np.float64)

    @functools.cached_property
    def mass(self) -> NDArray[np.float64]:
        """The weight of every cell, (size,)."""
        if self._counts is not None:
            return self._counts.ravel().astype(np.float64)
        return np.bincount(self.cells, self.weights, minlength=self.size).astype(np.float64)

    def bootstrap(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables of as many samples, drawn with replacement (Efron 1979), in four parts.

        The parts of a resample, axis 1, are equal but for three samples at most. Draws with
        replacement are independent, so that parts are drawn one by one: from a multinomial
        distribution over the kinds of samples, whose cost does not depend on how many there are.
        """
        cells, weights, counts = self._kinds
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        share = counts / counts.sum()
        sizes = (counts.sum().astype(int) + np.arange(4)) // 4
        random = np.random.default_rng(seed)
        step = max(1, CELLS_AT_A_TIME // (4 * max(self.size, len(cells))))
        for start in range(0, count, step):
            drawn = random.multinomial(sizes, share, size=(min(step, count - start), 4))
            tables = np.zeros((len(drawn), 4, self.size))
            tables[..., cells[starts]] = np.add.reduceat(drawn * weights, starts, axis=-1)
            yield tables.reshape((-1, 4, *self.shape))

    def shuffle(self, count: int, seed: np.random.SeedSequence, role: str, given: str) -> Tables:
        """Yield tables in which the values of one variable were shuffled among the samples.

        Parameters
        ----------
        role : {"x", "y", "z"}
            The variable that is shuffled; several are as one, as in "x0,x2".
        given : {"", "x", "y", "z"}
            Shuffle among the samples alike in this variable, or among all.
        """
        if self._counts_cells(self.size):
            return self._shuffle_cells(count, seed, role, given)
        moved = place_in_cells(self.codes, self.shape, role)
        if given:
            (axis,) = axes_of(given, len(self.shape))
            order = np.argsort(self.codes[axis], kind="stable")
            sizes = np.bincount(self.codes[axis])
            strata = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        else:
            order, strata = np.arange(len(self.cells)), np.array([0, len(self.cells)])
        fixed, moved = (self.cells - moved)[order], moved[order]
        weights = None if self.weights is None else self.weights[order]

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            return kernel.permute(fixed, moved, strata, weights, self.size, words, threads)

        return self._in_batches(draw, count, seed)

    def shuffled_parts(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables in which the target was shuffled, in four equal parts; as bootstrap() does.

        Shuffling targets that carry the number of a part does both. Which part a target belongs
        to is drawn anew for every few tables.
        """
        labelled = self._counts_cells(4 * self.size)
        shuffled = self._shuffle_labels if labelled else self._shuffle_targets
        for i, stream in enumerate(seed.spawn(_DIVISIONS_OF_SHUFFLES)):
            few = len(range(i, count, _DIVISIONS_OF_SHUFFLES))
            for tables in shuffled(few, stream):
                yield tables.reshape((-1, 4, *self.shape))

    def _shuffle_targets(self, count: int, seed: np.random.SeedSequence) -> Tables:
        rows = len(self.cells)
        z = self.codes[-1].astype(np.int32)
        fixed, strata = self.cells - z, np.array([0, rows])
        part = (np.arange(rows) * 4 // rows).astype(np.int32)
        moved = np.random.default_rng(seed).permutation(z) + part * np.int32(self.size)

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            return kernel.permute(fixed, moved, strata, self.weights, 4 * self.size, words, threads)

        return self._in_batches(draw, count, seed, 4)

    def _shuffle_labels(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """As _shuffle_targets, cell by cell."""
        random = np.random.default_rng(seed)
        nz = self.shape[-1]
        sources_by_z = self.mass.reshape(-1, nz)
        sizes = (len(self.cells) + np.arange(4)) // 4
        labels = random_tables(random, sizes, sources_by_z.sum(axis=0), 1)[0]  # (4, nz)
        for size in self._batches(count, 4):
            tables = random_tables(random, labels.ravel(), sources_by_z.sum(axis=1), size)
            by_sources = tables.reshape(size, 4, nz, -1).swapaxes(2, 3)
            yield np.ascontiguousarray(by_sources, dtype=np.float64)

    def parts(self, count: int, seed: np.random.SeedSequence, parts: int) -> Tables:
        """Yield the `parts` tables of `count` random divisions of the samples in equal parts."""
        rows = len(self.cells)
        if self._counts_cells(self.size):
            return self._divide_cells(count, seed, (rows + np.arange(parts)) // parts)
        part = (np.arange(rows, dtype=np.int64) * parts // rows).astype(np.int32)
        strata = np.array([0, rows])

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            # Weights must travel with their samples, so the parts are what is shuffled.
            return kernel.permute(
                self.cells,
                part * np.int32(self.size),
                strata,
                self.weights,
                parts * self.size,
                words,
                threads,
            )

        return self._in_batches(draw, count, seed, parts)

    def leave_one_out(self) -> tuple[Tables, NDArray[np.float64]]:
        """Return the tables that lack one sample, one per kind of sample, and how many of each.

        Samples are of a kind if they share their cell and their weight.
        """
        cells, lost, counts = self._kinds

        def tables() -> Tables:
            step = max(1, CELLS_AT_A_TIME // self.size)
            for start in range(0, len(cells), step):
                batch = slice(start, start + step)
                rows = np.repeat(self.mass[None, :], len(cells[batch]), axis=0)
                rows[np.arange(len(rows)), cells[batch]] -= lost[batch]
                # A difference of weights may leave a rounding error where nothing is left.
                np.maximum(rows, 0.0, out=rows)
                yield rows.reshape((-1, *self.shape))

        return tables(), counts

    def _counts_cells(self, cells: int) -> bool:
        """Whether drawing so many cells of a table costs less than shuffling all the samples."""
        return self.weights is None and _SAMPLES_A_CELL * cells < len(self.cells) < 10**9

    def _divide_cells(
        self, count: int, seed: np.random.SeedSequence, sizes: NDArray[np.int64]
    ) -> Tables:
        random = np.random.default_rng(seed)
        for size in self._batches(count, len(sizes)):
            tables = random_tables(random, sizes, self.mass, size)
            yield tables.reshape((-1, *self.shape)).astype(np.float64)

    def _shuffle_cells(
        self, count: int, seed: np.random.SeedSequence, role: str, given: str
    ) -> Tables:
        random = np.random.default_rng(seed)
        axes, strata = (axes_of(roles, len(self.shape)) for roles in (role, given))
        # Axes: the strata, one if there are none; what is shuffled; the others.
        order = [*strata, *axes]
        others = [a for a in range(len(self.shape)) if a not in order]
        moved = self.mass.reshape(self.shape).transpose(*order, *others)
        groups = moved.reshape(*map(self._size_of, (strata, axes, others)))
        for size in self._batches(count, 1):
            tables = np.stack(
                [random_tables(random, g.sum(axis=1), g.sum(axis=0), size) for g in groups], axis=1
            )
            back = tables.reshape(size, *moved.shape).transpose(
                0, *(1 + np.argsort([*order, *others]))
            )
            yield np.ascontiguousarray(back, dtype=np.float64)

    def _size_of(self, axes: list[int]) -> int:
        return math.prod(self.shape[a] for a in axes)

    def _batches(self, count: int, parts: int) -> Iterator[int]:
        """Yield how many resamples go together."""
        step = max(1, CELLS_AT_A_TIME // (parts * self.size))
        for start in range(0, count, step):
            yield min(step, count - start)

    def _in_batches(
        self,
        draw: Callable[[NDArray[np.uint32], int], NDArray[np.float64]],
        count: int,
        seed: np.random.SeedSequence,
        parts: int = 1,
    ) -> Tables:
        words = np.asarray(seed.generate_state(4 * count), dtype=np.uint32).reshape(count, 4)
        threads = count_threads(self.threads, count * max(len(self.cells), self.size))
        step = max(1, CELLS_AT_A_TIME // (parts * self.size))
        for start in range(0, count, step):
            yield draw(words[start : start + step], threads).reshape((-1, *self.shape))


def standard_error(samples: Samples) -> float:
    """Return about what chance does to the plug-in I(X, Y; Z), in nats: in any field, at least.

    Of more sources, to what all of them say.

    To first order the standard deviation of the pointwise information, over sqrt(N); where that
    vanishes, the chi-square law of independent variables.
    """
    p = samples.mass.reshape(-1, *samples.shape)
    p = p.reshape(len(p), -1, samples.shape[-1])
    p = p / p.sum((1, 2), keepdims=True)
    n = samples.n_samples
    of_z = p.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(p > 0.0, np.log(p / p.sum(2, keepdims=True) / of_z), 0.0)
    mean = (p * ratio).sum((1, 2), keepdims=True)
    variance = (p * (ratio - mean) ** 2).sum((1, 2))
    cells = np.count_nonzero(p, axis=(1, 2))
    return float(np.sqrt(variance / n + cells / (2.0 * n * n)).min())
