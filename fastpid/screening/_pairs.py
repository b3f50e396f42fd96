"""Pairs of coded columns: which ones, and what a block of them says about a target."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_positive_integer
from fastpid._base.quantities import ATOMS, Terms
from fastpid._base.warn import stacklevel_outside
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.threads import count_threads
from fastpid.estimation._bias import miller_madow
from fastpid.estimation._occupancy import occupied_cells
from fastpid.estimation._resampling import Resampler
from fastpid.joint._frames import unknown_name
from fastpid.joint._many_columns import CodedColumns
from fastpid.joint._sampling import UndersampledWarning, coverage_of
from fastpid.joint._tables import check_cells
from fastpid.screening._records import CORRECTED, P_VALUES, RECORD, SOLVED
from fastpid.screening._tests import DISMISSED, NO_TESTS, PairTest, TableDraws, TestPlan, g_tests

#: Cells of the tables of a block (8 MiB), unless batch_size says otherwise.
_CELLS_PER_BLOCK = 2**20
MOST_PAIRS_PER_BLOCK = 2**15


@dataclasses.dataclass(frozen=True, eq=False)
class PairPlan:
    """Which pairs: those listed, or all of the columns listed."""

    pairs: NDArray[np.int32] | None
    columns: NDArray[np.int32]

    @property
    def count(self) -> int:
        if self.pairs is not None:
            return len(self.pairs)
        n = len(self.columns)
        return n * (n - 1) // 2

    def __getitem__(self, block: slice) -> NDArray[np.int32]:
        """Return the pairs of a range of their numbers, (count, 2)."""
        if self.pairs is not None:
            return self.pairs[block]
        # Pair (i, j), i < j, has the number i n - i (i + 1) / 2 + j - i - 1 in row-major order.
        n = len(self.columns)
        numbers = np.arange(block.start, block.stop)
        starts = np.arange(n) * n - np.arange(n) * np.arange(1, n + 1) // 2
        i = np.searchsorted(starts, numbers, side="right") - 1
        # The last row is empty and starts where the one before it ends.
        i = np.minimum(i, n - 2)
        j = numbers - starts[i] + i + 1
        return np.ascontiguousarray(self.columns[np.stack([i, j], axis=1)])


def plan_pairs(coded: CodedColumns, pairs: Any, sources: Sequence[Any] | None) -> PairPlan:
    """Return the pairs to screen, none of which has too large a table."""
    plan = choose_pairs(coded.names, pairs, sources)
    _check_sizes(coded, plan)
    return plan


def _check_sizes(coded: CodedColumns, plan: PairPlan) -> None:
    """Refuse pairs whose table with the target of most symbols would be too large."""
    if plan.pairs is not None:
        products = coded.extents[plan.pairs].prod(axis=1)
        x, y = plan.pairs[int(np.argmax(products))].tolist()
    else:
        largest = np.argsort(coded.extents[plan.columns], kind="stable")[-2:]
        x, y = sorted(plan.columns[largest].tolist())
    nz = coded.target_extents
    if coded.targets is coded.names:  # which a target is not paired with
        nz = np.delete(nz, [x, y])
    shape = (int(coded.extents[x]), int(coded.extents[y]), int(nz.max()))
    try:
        check_cells(shape)
    except ValueError as error:
        raise ValueError(f"columns {coded.names[x]!r} and {coded.names[y]!r}: {error}") from None


def choose_pairs(names: tuple[str, ...], pairs: Any, sources: Sequence[Any] | None) -> PairPlan:
    """Return the pairs of columns of these names: those listed, or all of the sources listed.

    Raises
    ------
    ValueError
        For unknown names and indices out of range, columns twice, a pair of a column with itself.
    """
    if pairs is not None and sources is not None:
        raise ValueError("pass pairs or sources, not both")
    if pairs is None:
        chosen = range(len(names)) if sources is None else sources
        columns = np.array([column_number(names, "sources", key) for key in chosen], dtype=np.int32)
        if len(columns) < 2:
            raise ValueError(f"there are {len(columns)} sources; a pair needs two columns")
        if len(set(columns.tolist())) < len(columns):
            raise ValueError("sources names a column twice")
        return PairPlan(None, columns)
    if isinstance(pairs, np.ndarray) and pairs.dtype.kind in "iu" and pairs.ndim == 2:
        listed = pairs
        outside = (listed < 0) | (listed >= len(names))
        if outside.any():
            column_number(names, "pairs", int(listed[outside][0]))
    else:
        listed = np.array([[column_number(names, "pairs", key) for key in pair] for pair in pairs])
    if listed.ndim != 2 or listed.shape[1] != 2 or len(listed) == 0:
        raise ValueError(f"pairs must have the shape (n_pairs, 2); got {listed.shape}")
    same = listed[:, 0] == listed[:, 1]
    if same.any():
        name = names[int(listed[same][0, 0])]
        raise ValueError(f"pairs has {name!r} paired with itself")
    return PairPlan(np.ascontiguousarray(listed, dtype=np.int32), np.zeros(0, dtype=np.int32))


def column_number(names: tuple[str, ...], argument: str, key: Any) -> int:
    """Return the number of a column that is given by its name or its number.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if not 0 <= key < len(names):
            raise ValueError(
                f"{argument} has the index {key}; X has {len(names)} columns that are sources"
            )
        return int(key)
    if key not in names:
        raise ValueError(f"{argument} names {unknown_name(key, names, 'X')}")
    return names.index(key)


def block_size(batch_size: int | str, coded: CodedColumns) -> int:
    if batch_size != "auto":
        return check_positive_integer("batch_size", batch_size)
    cells = int(np.median(coded.extents)) ** 2 * int(max(coded.target_extents))
    return max(1, min(MOST_PAIRS_PER_BLOCK, _CELLS_PER_BLOCK // cells))


@dataclasses.dataclass(frozen=True, eq=False)
class PairWork:
    """Everything that a block needs; goes to other processes as it is."""

    coded: CodedColumns
    weights: NDArray[np.float64] | None
    plan: PairPlan
    options: SolveOptions
    tests: TestPlan = NO_TESTS
    #: The number of the first pair in the screen that this is part of.
    first: int = 0

    @property
    def total(self) -> int:
        """The number of pairs, over all targets."""
        return self.plan.count * len(self.coded.targets)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is kept of a pair."""
        return RECORD

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records of pairs [start, stop) that say which pairs they are, and no more."""
        out = np.zeros(stop - start, RECORD)
        count = self.plan.count
        for target in range(start // count, (stop - 1) // count + 1):
            first, last = max(start, target * count), min(stop, (target + 1) * count)
            records = out[first - start : last - start]
            pairs = self.plan[first - target * count : last - target * count]
            records["x"], records["y"] = pairs.T
            records["target"] = target
        return out

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records of pairs [start, stop); those of one target come together."""
        out = self.keys(start, stop)
        count = self.plan.count
        for target in range(start // count, (stop - 1) // count + 1):
            first, last = max(start, target * count), min(stop, (target + 1) * count)
            records = out[first - start : last - start]
            pairs = np.stack([records["x"], records["y"]], axis=1)
            # The tables of a call to the kernel have one shape.
            extents = self.coded.extents[pairs]
            for shape in np.unique(extents, axis=0):
                rows = np.flatnonzero((extents == shape).all(axis=1))
                self._fill(records, rows, pairs[rows], shape, target, first + rows)
        return out

    def _fill(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        pairs: NDArray[np.int32],
        shape: NDArray[np.int64],
        target: int,
        numbers: NDArray[np.intp],
    ) -> None:
        nx, ny = map(int, shape)
        nz = int(self.coded.target_extents[target])
        step, threads = self.pace(len(pairs), nx * ny * nz)
        for at in range(0, len(pairs), step):
            batch = slice(at, at + step)

            def count(
                weights: NDArray[np.float64] | None, batch: slice = batch
            ) -> NDArray[np.float64]:
                columns = self.coded.codes, self.coded.target_codes[target], weights
                return kernel.count_pairs(*columns, pairs[batch], nx, ny, nz, threads)

            tables = count(self.weights)
            counts = tables if self.weights is None else count(None)
            self.write(records, rows[batch], tables, counts, numbers[batch])

    def pace(self, tables: int, cells: int) -> tuple[int, int]:
        """Return how many tables to count at a time, and on how many threads."""
        # A block of wide columns is counted a part at a time, whatever batch_size says.
        step = max(1, 4 * _CELLS_PER_BLOCK // cells)
        return step, count_threads(self.options.threads, tables * max(self.coded.n_samples, cells))

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
        tables, counts : ndarray (n, nx, ny, nz)
            The weight of the samples, and their number; the same array without weights.
        numbers : ndarray of int (n,)
            The numbers of the pairs in the screen.
        """
        terms = solve_tables(tables, self.options).terms
        for name, values in terms.named(SOLVED).items():
            records[name][rows] = values * self.options.scale
        coverage, occupied = coverage_of(counts, tables / self._total_weight)
        records["coverage"][rows] = coverage
        records["samples_per_occupied_cell"][rows] = self._n_effective / occupied
        vectors = miller_madow(terms.vector(), occupied_cells(tables), self._n_effective)
        corrected = Terms.of_vector(vectors).named(ATOMS)
        for name, values in zip(CORRECTED, corrected.values(), strict=True):
            records[name][rows] = values * self.options.scale
        p_values = self._test(counts, terms, records[rows], numbers)
        for name, values in zip(P_VALUES, p_values.T, strict=True):
            records[name][rows] = values

    def _test(
        self,
        counts: NDArray[np.float64],
        terms: Terms,
        of: NDArray[Any],
        numbers: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return the p-values (n, 4) of pairs, whose records are `of`; NaN without a test."""
        if self.tests.kind == "none":
            return np.full((len(counts), len(ATOMS)), np.nan)
        p_values, valid = g_tests(counts)
        # Counts are no law for weighted samples.
        valid &= self.weights is None
        if self.tests.kind == "g":
            return np.where(valid, p_values, np.nan)
        shape: tuple[int, int, int] = counts.shape[1:]
        values = terms.named((*ATOMS, "gap"))
        for i in np.flatnonzero((~valid | (p_values <= DISMISSED)).any(axis=1)):
            wanted = ~valid[i] | (p_values[i] <= DISMISSED)
            sources = self.coded.codes[[of["x"][i], of["y"][i]]]
            codes = (*sources, self.coded.target_codes[of["target"][i]])
            resampler = Resampler(
                shape,
                self.options.threads,
                codes=tuple(code.astype(np.intp) for code in codes),
                weights=self.weights,
            )
            seed = self.tests.seed(self.first + int(numbers[i]))
            test = PairTest(TableDraws(resampler, self.options), self.tests, seed)
            found = test.p_values(
                {atom: float(values[atom][i]) for atom in ATOMS},
                float(values["gap"][i]),
                [atom for atom, want in zip(ATOMS, wanted, strict=True) if want],
                dict(zip(ATOMS, np.where(valid[i], p_values[i], 0.0).tolist(), strict=True)),
            )
            for column, atom in enumerate(ATOMS):
                p_values[i, column] = found.get(atom, p_values[i, column])
        return p_values

    @property
    def _total_weight(self) -> float:
        return float(self.coded.n_samples if self.weights is None else self.weights.sum())

    @property
    def _n_effective(self) -> float:
        if self.weights is None:
            return float(self.coded.n_samples)
        return self._total_weight**2 / float(np.sum(self.weights**2))

    def warn_of_few(self, few: int, count: int) -> None:
        """Warn that samples are too few for so many of the pairs that are returned."""
        warnings.warn(
            f"{self.coded.n_samples} samples are too few for {few} of {count} pairs "
            "(is_sufficient of the Screen): large values of these may be chance; take fewer bins "
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
            self.plan.pairs,
            self.plan.columns,
        ):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return {
            "data": digest.hexdigest(),
            "columns": len(self.coded.names),
            "targets": list(self.coded.targets),
            "pairs": self.total,
            "method": self.options.method,
            "tol": self.options.tol,
            "max_iter": self.options.max_iter,
            "unit": self.options.unit,
            **self.tests.described(),
        }


def pairs_of(
    coded: CodedColumns, pairs: NDArray[np.int32], threads: int | None = None
) -> NDArray[Any]:
    """Return the records of some pairs about the first target, in bits."""
    options = check_options("auto", 1e-6, None, "bits", threads, True, "ignore")
    plan = PairPlan(pairs, np.zeros(0, dtype=np.int32))
    return PairWork(coded, None, plan, options).block(0, len(pairs))
