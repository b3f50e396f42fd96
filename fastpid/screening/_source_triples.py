"""Triples of coded columns as three sources: what a block of them says about a target."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import roles_of
from fastpid._many import ManyDecomposition
from fastpid._many._coverage import Subset
from fastpid._solve import kernel
from fastpid._solve.unions import MOST_CELLS
from fastpid.estimation._bias import kept_in_place
from fastpid.estimation._many_problem import ManyProblem, hypotheses_of
from fastpid.joint._many_columns import CodedColumns
from fastpid.screening._plans import SourcePlan, name_columns, widest_sets
from fastpid.screening._records import SAMPLED
from fastpid.screening._tests import g_tests
from fastpid.screening._work import TableWork

PROBLEM = ManyProblem(3, 2, True)
_HYPOTHESES = hypotheses_of(PROBLEM)
#: The four kinds of atoms, and what else is known of a triple, as estimate_many() calls them.
ATOMS = (*PROBLEM.atoms.values(), "synergy")
SOLVED = tuple(PROBLEM.values)
SOURCES = roles_of(3)[:-1]
#: One triple, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [
        *((name, "<i4") for name in (*SOURCES, "target")),
        *((name, "<f8") for name in (*SOLVED, "gap", *SAMPLED)),
        *((f"{of}_{atom}", "<f8") for of in ("corrected", "p") for atom in ATOMS),
    ]
)
#: Symbols of two columns that are counted as one.
_MOST_MERGED = 2**16
#: Codes of merged columns that are in memory at a time (64 MiB).
_MERGED_CODES = 2**25


@dataclasses.dataclass(frozen=True, eq=False)
class SourceTripleWork(TableWork):
    """Triples of sources, each with its table, its coverage atoms, its synergy and their tests."""

    RECORD = RECORD
    SOURCES = SOURCES

    def pace(self, tables: int, cells: int) -> tuple[int, int]:
        """Return how many tables to count at a time, and on how many threads."""
        step, threads = super().pace(tables, cells)
        return min(step, max(1, _MERGED_CODES // self.coded.n_samples)), threads

    def count_tables(
        self,
        columns: NDArray[np.int32],
        shape: tuple[int, ...],
        target: int,
        weights: NDArray[np.float64] | None,
        threads: int,
    ) -> NDArray[np.float64]:
        """Return the tables (n, n_0, n_1, n_2, nz) of triples of columns with a target.

        The kernel counts pairs: two columns are merged into one, those that leave the widest one.
        """
        # The last of several widest: triples in order have the first two columns in common.
        alone = max(range(3), key=lambda axis: (shape[axis], axis))
        a, b = (axis for axis in range(3) if axis != alone)
        codes = self.coded.codes
        both, which_both = np.unique(columns[:, [a, b]], axis=0, return_inverse=True)
        single, which_single = np.unique(columns[:, alone], return_inverse=True)
        merged = codes[both[:, 0]] * np.uint16(shape[b]) + codes[both[:, 1]]
        pairs = np.stack([which_both.ravel(), len(both) + which_single.ravel()], axis=1)
        tables = kernel.count_pairs(
            np.concatenate([merged, codes[single]]),
            self.coded.target_codes[target],
            weights,
            np.ascontiguousarray(pairs, dtype=np.int32),
            shape[a] * shape[b],
            shape[alone],
            shape[3],
            threads,
        )
        split = tables.reshape(-1, shape[a], shape[b], shape[alone], shape[3])
        order = np.argsort([a, b, alone, 3])
        return np.ascontiguousarray(split.transpose(0, *(1 + order)))

    def write(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        tables: NDArray[np.float64],
        counts: NDArray[np.float64],
        numbers: NDArray[np.intp],
    ) -> None:
        """Write to some rows of records what their tables say."""
        found = PROBLEM.decompose(tables, self.options)
        vectors = PROBLEM.vector(found)
        scale = self.options.scale
        for name, values in PROBLEM.named(vectors, scale).items():
            records[name][rows] = values
        records["gap"][rows] = found.gap * scale
        self.write_sampling(records, rows, tables, counts)
        corrected = PROBLEM.named(less_bias(vectors, found, tables, self.n_effective), scale)
        for atom in ATOMS:
            records[f"corrected_{atom}"][rows] = corrected[atom]
        p_values = np.full((len(rows), len(ATOMS)), np.nan)
        if self.tests.kind == "g":
            tested, valid = g_tests(counts, _HYPOTHESES)
            p_values = np.where(valid, tested, np.nan)
        for atom, values in zip(_HYPOTHESES.null_of["conditional"], p_values.T, strict=True):
            records[f"p_{atom}"][rows] = values


def check_triples(coded: CodedColumns, plan: SourcePlan) -> None:
    """Refuse triples that cannot be counted, or solved, before any is.

    Raises
    ------
    ValueError
    """
    sets = widest_sets(coded, plan)
    sizes = np.sort(coded.extents[sets], axis=1)
    nz = int(coded.target_extents.max())
    cells, merged = sizes.prod(axis=1) * nz, sizes[:, 0] * sizes[:, 1]
    for values, most, what in (
        (cells, MOST_CELLS, "cells of sources and target"),
        (merged, _MOST_MERGED, "pairs of symbols of the two columns that have fewer"),
    ):
        worst = int(np.argmax(values))
        if values[worst] > most:
            raise ValueError(
                f"columns {name_columns(coded, sets[worst].tolist())} have {values[worst]} {what}, "
                f"more than the {most} supported; bin or group the columns with the most symbols"
            )


def less_bias(
    vectors: NDArray[np.float64],
    found: ManyDecomposition,
    tables: NDArray[np.float64],
    n_effective: float,
) -> NDArray[np.float64]:
    """Return vectors of the problem less their bias by the numbers of occupied cells.

    Mutual informations as G. A. Miller (1955) has it. The union information of a set is no
    combination of entropies; it keeps its relative place between the largest mutual information of
    a source, and the least of their sum and of what all of them say, as that of two does.
    """
    out = vectors.copy()
    mi: dict[Subset, NDArray[np.float64]] = {(i,): vectors[:, i] for i in range(3)}
    mi |= {pair: of_pair.mi_xy for pair, of_pair in found.pairs.items()}
    mi[0, 1, 2] = vectors[:, -1]
    less = {
        subset: value - _excess_cells(tables, subset) / (2.0 * n_effective)
        for subset, value in mi.items()
    }

    def bounds(of: dict[Subset, NDArray[np.float64]], subset: Subset) -> tuple[Any, Any]:
        alone = [of[i,] for i in subset]
        return np.maximum.reduce(alone), np.minimum(sum(alone), of[subset])

    for k, subset in enumerate(PROBLEM.subsets):  # of one source, its bounds are one
        out[:, k] = kept_in_place(vectors[:, k], bounds(mi, subset), bounds(less, subset))
    out[:, -1] = less[0, 1, 2]
    return out


def _excess_cells(tables: NDArray[np.float64], subset: Subset) -> NDArray[np.intp]:
    """Return the occupied cells of (x, z) less those of x and of z, plus one.

    By table; x are the symbols of a set of sources.
    """
    others = tuple(1 + i for i in range(3) if i not in subset)
    of_set = tables.sum(axis=others)
    there = of_set.reshape(len(of_set), -1, of_set.shape[-1]) != 0.0  # (n, x, z)
    in_both = np.count_nonzero(there, axis=(1, 2))
    in_x, in_z = (np.count_nonzero(there.any(axis=axis), axis=1) for axis in (2, 1))
    excess: NDArray[np.intp] = in_both - in_x - in_z + 1
    return excess
