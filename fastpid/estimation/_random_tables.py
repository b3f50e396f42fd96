"""Random contingency tables with given margins: what shuffling samples comes to, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def random_tables(
    random: np.random.Generator, rows: ArrayLike, columns: ArrayLike, count: int
) -> NDArray[np.int64]:
    """Draw two-way tables as random pairings of labels have them.

    Pair `rows[i]` labels i with `columns[j]` labels j at random, without replacement, and count. A
    cell given those before it is hypergeometric (W. M. Patefield 1981), so that the cost is that of
    the table, however many labels there are.

    Parameters
    ----------
    random : Generator
    rows, columns : array-like of int (m,), (n,)
        Margins with the same sum, below 10^9.
    count : int

    Returns
    -------
    tables : ndarray (count, m, n)
    """
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    tables = np.zeros((count, len(rows), len(columns)), dtype=np.int64)
    left = np.tile(columns, (count, 1))  # of every column, for the rows to come
    for i, labels in enumerate(rows[:-1]):
        wanted = np.full(count, labels)
        beyond = left.sum(axis=1)  # in the columns to come
        for j in range(len(columns)):
            beyond -= left[:, j]
            drawn = random.hypergeometric(left[:, j], beyond, wanted)
            tables[:, i, j] = drawn
            wanted -= drawn
        left -= tables[:, i]
    tables[:, -1] = left
    return tables
