"""Pairs of coded columns: what a block of them says about a target."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ATOMS, Terms
from fastpid._solve import kernel
from fastpid._solve.options import check_options
from fastpid._solve.solve import solve_tables
from fastpid.estimation._bias import miller_madow
from fastpid.estimation._occupancy import occupied_cells
from fastpid.estimation._resampling import Resampler
from fastpid.joint._many_columns import CodedColumns
from fastpid.screening._plans import SourcePlan
from fastpid.screening._records import CORRECTED, P_VALUES, RECORD, SOLVED
from fastpid.screening._tests import DISMISSED, PairTest, TableDraws, g_tests
from fastpid.screening._work import TableWork


@dataclasses.dataclass(frozen=True, eq=False)
class PairWork(TableWork):
    """Pairs of sources, each with its table, its four atoms and their tests."""

    RECORD = RECORD
    SOURCES = ("x", "y")

    def count_tables(
        self,
        columns: NDArray[np.int32],
        shape: tuple[int, ...],
        target: int,
        weights: NDArray[np.float64] | None,
        threads: int,
    ) -> NDArray[np.float64]:
        """Return the tables (n, nx, ny, nz) of pairs of columns with a target."""
        nx, ny, nz = shape
        codes = self.coded.codes, self.coded.target_codes[target], weights
        return kernel.count_pairs(*codes, columns, nx, ny, nz, threads)

    def write(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        tables: NDArray[np.float64],
        counts: NDArray[np.float64],
        numbers: NDArray[np.intp],
    ) -> None:
        """Write to some rows of records what their tables say."""
        terms = solve_tables(tables, self.options).terms
        for name, values in terms.named(SOLVED).items():
            records[name][rows] = values * self.options.scale
        self.write_sampling(records, rows, tables, counts)
        vectors = miller_madow(terms.vector(), occupied_cells(tables), self.n_effective)
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


def pairs_of(
    coded: CodedColumns, pairs: NDArray[np.int32], threads: int | None = None
) -> NDArray[Any]:
    """Return the records of some pairs about the first target, in bits."""
    options = check_options("auto", 1e-6, None, "bits", threads, True, "ignore")
    plan = SourcePlan(pairs, np.zeros(0, dtype=np.int32))
    return PairWork(coded, None, plan, options).block(0, len(pairs))
