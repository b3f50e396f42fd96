"""Which sources are taken together: those listed, or all combinations of some columns."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_positive_integer
from fastpid.joint._frames import unknown_name
from fastpid.joint._many_columns import CodedColumns
from fastpid.joint._tables import check_cells

#: Cells of the tables of a block (8 MiB), unless batch_size says otherwise.
CELLS_PER_BLOCK = 2**20
MOST_PER_BLOCK = 2**15
#: What so many sources are called.
WORDS = {2: "pair", 3: "triple"}


@dataclasses.dataclass(frozen=True, eq=False)
class SourcePlan:
    """Which sets of sources: those listed, (count, n_sources), or all of the columns listed."""

    listed: NDArray[np.int32] | None
    columns: NDArray[np.int32]
    n_sources: int = 2

    @property
    def count(self) -> int:
        if self.listed is not None:
            return len(self.listed)
        return math.comb(len(self.columns), self.n_sources)

    def __getitem__(self, block: slice) -> NDArray[np.int32]:
        """Return the sets of a range of their numbers, (count, n_sources)."""
        if self.listed is not None:
            return self.listed[block]
        numbers = np.arange(block.start, block.stop)
        places = combinations_at(len(self.columns), self.n_sources, numbers)
        return np.ascontiguousarray(self.columns[places])


def combinations_at(n: int, size: int, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the combinations (count, size) of range(n) that have some numbers.

    In lexicographic order (i_1, ..., i_m) has the number C(n, m) - 1 - sum_t C(n - 1 - i_t, m + 1 -
    t): whatever it lacks to the last one is written in binomial coefficients, the largest first.
    """
    left = math.comb(n, size) - 1 - numbers
    out = np.empty((len(numbers), size), dtype=np.intp)
    for t in range(size):
        binomials = _binomials(n, size - t)
        behind = np.searchsorted(binomials, left, side="right") - 1
        out[:, t] = n - 1 - behind
        left = left - binomials[behind]
    return out


@functools.lru_cache(maxsize=8)
def _binomials(n: int, size: int) -> NDArray[np.int64]:
    """Return C(c, size) of c = 0, ..., n - 1."""
    return np.array([math.comb(c, size) for c in range(n)], dtype=np.int64)


def plan_sources(
    coded: CodedColumns, listed: Any, sources: Sequence[Any] | None, n_sources: int = 2
) -> SourcePlan:
    """Return the sets to screen, none of which has too large a table."""
    plan = choose_sources(coded.names, listed, sources, n_sources)
    _check_sizes(coded, plan)
    return plan


def _check_sizes(coded: CodedColumns, plan: SourcePlan) -> None:
    """Refuse sets whose table with the target of most symbols would be too large."""
    sets = widest_sets(coded, plan)
    chosen = sets[int(np.argmax(coded.extents[sets].astype(float).prod(axis=1)))].tolist()
    nz = coded.target_extents
    if coded.targets is coded.names:  # which a target is not taken together with
        nz = np.delete(nz, chosen)
    shape = (*(int(coded.extents[i]) for i in chosen), int(nz.max()))
    try:
        check_cells(shape)
    except ValueError as error:
        raise ValueError(f"columns {name_columns(coded, chosen)}: {error}") from None


def widest_sets(coded: CodedColumns, plan: SourcePlan) -> NDArray[np.int32]:
    """Return those listed, or else the one of the columns of most symbols, (count, n_sources)."""
    if plan.listed is not None:
        return plan.listed
    largest = np.argsort(coded.extents[plan.columns], kind="stable")[-plan.n_sources :]
    return np.sort(plan.columns[largest])[None, :]


def name_columns(coded: CodedColumns, chosen: Sequence[int]) -> str:
    """Return the names of columns for a message."""
    *first, last = (repr(coded.names[i]) for i in chosen)
    return f"{', '.join(first)} and {last}"


def choose_sources(
    names: tuple[str, ...], listed: Any, sources: Sequence[Any] | None, n_sources: int = 2
) -> SourcePlan:
    """Return sets of columns of these names: those listed, or all of the sources listed.

    Raises
    ------
    ValueError
        For unknown names and indices out of range, columns twice, a set that has a column twice.
    """
    word = WORDS[n_sources]
    if listed is not None and sources is not None:
        raise ValueError(f"pass {word}s or sources, not both")
    if listed is None:
        chosen = range(len(names)) if sources is None else sources
        columns = np.array([column_number(names, "sources", key) for key in chosen], dtype=np.int32)
        if len(columns) < n_sources:
            count = {2: "two", 3: "three"}[n_sources]
            raise ValueError(f"there are {len(columns)} sources; a {word} needs {count} columns")
        if len(set(columns.tolist())) < len(columns):
            raise ValueError("sources names a column twice")
        return SourcePlan(None, columns, n_sources)
    if isinstance(listed, np.ndarray) and listed.dtype.kind in "iu" and listed.ndim == 2:
        array = listed
        outside = (array < 0) | (array >= len(names))
        if outside.any():
            column_number(names, f"{word}s", int(array[outside][0]))
    else:
        rows = [[column_number(names, f"{word}s", key) for key in row] for row in listed]
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            raise ValueError(
                f"{word}s must hold {n_sources} columns each; got rows of {min(lengths)} and "
                f"{max(lengths)}"
            )
        array = np.array(rows)
    if array.ndim != 2 or array.shape[1] != n_sources or len(array) == 0:
        raise ValueError(f"{word}s must have the shape (n_{word}s, {n_sources}); got {array.shape}")
    in_order = np.sort(array, axis=1)
    same = in_order[:, 1:] == in_order[:, :-1]
    if same.any():
        name = names[int(in_order[:, 1:][same][0])]
        what = f"{name!r} paired with itself" if n_sources == 2 else f"a {word} with {name!r} twice"
        raise ValueError(f"{word}s has {what}")
    none = np.zeros(0, dtype=np.int32)
    return SourcePlan(np.ascontiguousarray(array, dtype=np.int32), none, n_sources)


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


def block_size(batch_size: int | str, coded: CodedColumns, n_sources: int = 2) -> int:
    """Return how many sets of sources are in a block."""
    if batch_size != "auto":
        return check_positive_integer("batch_size", batch_size)
    cells: int = int(np.median(coded.extents)) ** n_sources * int(max(coded.target_extents))
    return max(1, min(MOST_PER_BLOCK, int(CELLS_PER_BLOCK // cells)))
