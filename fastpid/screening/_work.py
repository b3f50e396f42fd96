"""Sets of coded columns and what a block of them says about targets, whatever is found of each."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads
from fastpid.joint._many_columns import CodedColumns
from fastpid.joint._sampling import UndersampledWarning, coverage_of
from fastpid.screening._plans import CELLS_PER_BLOCK, WORDS, SourcePlan
from fastpid.screening._tests import NO_TESTS, TestPlan


@dataclasses.dataclass(frozen=True, eq=False)
class TableWork(ABC):
    """Everything that a block needs; goes to other processes as it is."""

    coded: CodedColumns
    weights: NDArray[np.float64] | None
    plan: SourcePlan
    options: SolveOptions
    tests: TestPlan = NO_TESTS
    #: The number of the first set in the screen that this is part of.
    first: int = 0

    #: What is kept of a set, and which fields of it are its sources.
    RECORD: ClassVar[np.dtype[Any]]
    SOURCES: ClassVar[tuple[str, ...]]

    @property
    def total(self) -> int:
        """The number of records, over all targets."""
        return self.plan.count * len(self.coded.targets)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a record."""
        return self.RECORD

    @property
    def what(self) -> str:
        """What a record is of, in the plural."""
        return f"{WORDS[len(self.SOURCES)]}s"

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records [start, stop) that say which sets they are of, and no more."""
        out = np.zeros(stop - start, self.RECORD)
        count = self.plan.count
        for target in range(start // count, (stop - 1) // count + 1):
            first, last = max(start, target * count), min(stop, (target + 1) * count)
            records = out[first - start : last - start]
            chosen = self.plan[first - target * count : last - target * count]
            for field, columns in zip(self.SOURCES, chosen.T, strict=True):
                records[field] = columns
            records["target"] = target
        return out

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records [start, stop); those of one target come together."""
        out = self.keys(start, stop)
        count = self.plan.count
        for target in range(start // count, (stop - 1) // count + 1):
            first, last = max(start, target * count), min(stop, (target + 1) * count)
            records = out[first - start : last - start]
            chosen = np.stack([records[field] for field in self.SOURCES], axis=1)
            # The tables of a call to the kernel have one shape.
            extents = self.coded.extents[chosen]
            for sizes in np.unique(extents, axis=0):
                rows = np.flatnonzero((extents == sizes).all(axis=1))
                shape = (*sizes.tolist(), int(self.coded.target_extents[target]))
                self._fill(records, rows, chosen[rows], shape, target, first + rows)
        return out

    def _fill(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        chosen: NDArray[np.int32],
        shape: tuple[int, ...],
        target: int,
        numbers: NDArray[np.intp],
    ) -> None:
        step, threads = self.pace(len(chosen), int(np.prod(shape)))
        for at in range(0, len(chosen), step):
            batch = slice(at, at + step)
            columns = np.ascontiguousarray(chosen[batch])
            tables = self.count_tables(columns, shape, target, self.weights, threads)
            counts = tables
            if self.weights is not None:
                counts = self.count_tables(columns, shape, target, None, threads)
            self.write(records, rows[batch], tables, counts, numbers[batch])

    def pace(self, tables: int, cells: int) -> tuple[int, int]:
        """Return how many tables to count at a time, and on how many threads."""
        # A block of wide columns is counted a part at a time, whatever batch_size says.
        step = max(1, 4 * CELLS_PER_BLOCK // cells)
        return step, count_threads(self.options.threads, tables * max(self.coded.n_samples, cells))

    @abstractmethod
    def count_tables(
        self,
        columns: NDArray[np.int32],
        shape: tuple[int, ...],
        target: int,
        weights: NDArray[np.float64] | None,
        threads: int,
    ) -> NDArray[np.float64]:
        """Return the tables (n, *shape) of sets of columns (n, n_sources) with a target."""

    @abstractmethod
    def write(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        tables: NDArray[np.float64],
        counts: NDArray[np.float64],
        numbers: NDArray[np.intp],
    ) -> None:
        """Write to some rows of records what their tables say.

        Parameters
        ----------
        records : structured ndarray
        rows : ndarray of int (n,)
        tables, counts : ndarray (n, n_1, ..., n_M, nz)
            The weight of the samples, and their number; the same array without weights.
        numbers : ndarray of int (n,)
            The numbers of the records in the screen.
        """

    def write_sampling(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        tables: NDArray[np.float64],
        counts: NDArray[np.float64],
    ) -> None:
        """Write how much of their distributions the samples have seen."""
        coverage, occupied = coverage_of(counts, tables / self._total_weight)
        records["coverage"][rows] = coverage
        records["samples_per_occupied_cell"][rows] = self.n_effective / occupied

    @property
    def _total_weight(self) -> float:
        return float(self.coded.n_samples if self.weights is None else self.weights.sum())

    @property
    def n_effective(self) -> float:
        """How many unweighted samples would be as uncertain."""
        if self.weights is None:
            return float(self.coded.n_samples)
        return self._total_weight**2 / float(np.sum(self.weights**2))

    def warn_of_few(self, few: int, count: int) -> None:
        """Warn that samples are too few for so many of the sets that are returned."""
        warnings.warn(
            f"{self.coded.n_samples} samples are too few for {few} of {count} {self.what} "
            "(is_sufficient of the screen): large values of these may be chance; take fewer bins "
            "or more samples",
            UndersampledWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )

    def fingerprint(self) -> dict[str, Any]:
        """Say what the screen is of, so that a checkpoint is not continued with other data."""
        digest = hashlib.sha256()
        for array in (
            self.coded.codes,
            *self.coded.target_codes,
            self.weights,
            self.plan.listed,
            self.plan.columns,
        ):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return {
            "data": digest.hexdigest(),
            "columns": len(self.coded.names),
            "targets": list(self.coded.targets),
            self.what: self.total,
            "method": self.options.method,
            "tol": self.options.tol,
            "max_iter": self.options.max_iter,
            "unit": self.options.unit,
            **self.tests.described(),
        }
