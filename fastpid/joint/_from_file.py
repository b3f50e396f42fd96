"""from_file(): a joint table of columns of a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.checks import check_positive_integer
from fastpid._base.quantities import roles_of
from fastpid._base.random import RNG
from fastpid.joint._columns import Column, as_float
from fastpid.joint._files import DataFile
from fastpid.joint._missing import Missing
from fastpid.joint._samples import CodedSamples, check_sources, code_columns
from fastpid.joint._tables import JointTable


def from_file(
    path: str | os.PathLike[str],
    x: str | Sequence[str] | None = None,
    y: str | Sequence[str] | None = None,
    z: str | None = None,
    *,
    sources: Sequence[str | Sequence[str]] | None = None,
    bins: Any = None,
    strategy: str = "quantile",
    weights: str | None = None,
    missing: Missing = "raise",
    delimiter: str = ",",
    decimal: str = ".",
    na_values: Sequence[str] | None = None,
    chunk_rows: int = 2**16,
    rng: RNG = 0,
    progress: bool | None = None,
) -> JointTable:
    """Count columns of a CSV, Parquet or Feather file: two sources, or more, and a target.

    The file is read in pieces, and only the columns that are named: 4 to 8 bytes a row and column
    are held, so that the file may be several times larger than memory. (Of data that are larger
    still, :class:`JointAccumulator` counts pieces.) The rules are those of :func:`from_samples`,
    whatever the pieces. In a CSV file,

    * cells that are all integers (but not 007, nor more than 18 digits) are integers;
    * cells that are all numbers are floats, unless a number has two spellings, such as 1.10 and
      1.1, and `bins` does not cut the column;
    * anything else stays the text that it is;
    * blank lines are no rows, and quoted cells may hold line breaks.

    Parameters
    ----------
    path : str or path
        A CSV file (UTF-8, or UTF-16 with a byte-order mark; also compressed by gzip), or a Parquet
        or Feather file; its first bytes tell which.
    x, y, z : str
        The columns that are the sources and the target; a source may be a list of columns.
    sources : sequence of str, or of lists of str, optional
        Any number of sources, in the place of `x` and `y`: ``from_file(path, sources=["a", "b",
        ["c", "d"]], z="t")`` has three, the last of two columns. As in :func:`from_sources`.
    bins, strategy, missing, rng
        As in :func:`fastpid.joint.from_samples`, or :func:`fastpid.joint.from_sources`.
    weights : str, optional
        The column that holds the weights of the samples.
    delimiter : str
        What separates the cells of a CSV file.
    decimal : str
        The decimal mark of numbers in a CSV file.
    na_values : sequence of str, optional
        Which cells of a CSV file say that a value is missing, beside empty ones; by default those
        of pandas ("NA", "N/A", "NaN", "null" and so on).
    chunk_rows : int
        How many rows of a Parquet file are read at a time.
    progress : bool, optional
        Show a progress bar; by default on a terminal.

    Returns
    -------
    JointTable

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` does, with the lines of a CSV file; for an unknown
        column, or a file that is not what it seems.
    OSError
        If the file cannot be read.
    ImportError
        If a Parquet or Feather file needs pyarrow (``pip install fastpid[estimate]``).
    """
    check_positive_integer("chunk_rows", chunk_rows)
    file = DataFile(
        path,
        delimiter=delimiter,
        decimal=decimal,
        na_values=na_values,
        chunk_rows=chunk_rows,
        progress=progress,
    )
    given = (x, y) if sources is None else sources
    if z is None or any(source is None for source in given):
        raise TypeError(
            "name the columns: from_file(path, x, y, z), or from_file(path, sources=[...], z=...)"
        )
    if sources is not None and (x is not None or y is not None):
        raise TypeError("pass x and y, or sources, not both")
    return code_file(
        file, given, z, bins=bins, strategy=strategy, weights=weights, missing=missing, rng=rng
    ).table()


def code_file(
    file: DataFile,
    sources: Any,
    z: str | Sequence[str],
    *,
    bins: Any = None,
    strategy: str = "quantile",
    weights: str | None = None,
    missing: str = "raise",
    rng: RNG = 0,
) -> CodedSamples:
    """Read and code columns of a file; a source is a name, or a list of them."""
    keys = check_sources(sources)[0]
    given = dict(zip(roles_of(len(keys)), (*keys, z), strict=True))
    groups = {role: [key] if isinstance(key, str) else list(key) for role, key in given.items()}
    if len(groups["z"]) != 1:
        raise ValueError(f"z must be one column; got {z!r}")
    wanted = [(role, name) for role, names in groups.items() for name in names]
    if weights is not None:
        wanted.append(("weights", weights))
    read = file.read(wanted)
    columns = [_together([c for c in read if c.role == role], role) for role in groups]
    weight = None
    if weights is not None:
        if not read[-1].is_numeric:
            raise TypeError(f"weights ({weights!r}) is {read[-1].kind}, and must be numbers")
        weight = np.where(read[-1].missing, np.nan, as_float(read[-1]))
    return code_columns(
        columns, bins=bins, strategy=strategy, weights=weight, missing=missing, rng=rng
    )


def _together(columns: Sequence[Column], role: str) -> Column:
    """Return several numeric columns as one source of features; one column as it is."""
    if len(columns) == 1:
        return columns[0]
    if not columns:
        raise ValueError(f"{role} names no column")
    for column in columns:
        if not column.is_numeric:
            raise TypeError(
                f"{column} is {column.kind}; a source of several columns must be numeric"
            )
    missing = np.logical_or.reduce([column.missing for column in columns])
    values = np.stack([np.asarray(as_float(column)) for column in columns], axis=1)
    name = ", ".join(column.name for column in columns)
    return Column(role, name, "features", values, missing, rows=columns[0].rows)
