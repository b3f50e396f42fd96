"""from_file(): a joint table of three columns of a file that may be larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.progress import progress_bar
from fastpid._base.random import RNG, integer_seed
from fastpid.joint._accumulator import JointAccumulator
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import CodingOptions, fit_coding
from fastpid.joint._columns import Column, as_float
from fastpid.joint._discretizer import Discretizer, adopt
from fastpid.joint._files import read_pieces
from fastpid.joint._samples import plan_bins, read_samples
from fastpid.joint._tables import JointTable

#: How many rows the edges of bins are learnt from; of longer files, a random sample.
SAMPLED_ROWS = 2**20


def from_file(
    path: str | os.PathLike[str],
    x: str,
    y: str,
    z: str,
    *,
    bins: Any = None,
    strategy: str = "quantile",
    weights: str | None = None,
    delimiter: str = ",",
    chunk_rows: int = 2**18,
    rng: RNG = 0,
    progress: bool | None = None,
) -> JointTable:
    """Count three columns of a CSV or Parquet file, which may be larger than memory.

    The file is read in pieces, twice if bins have to be learnt: their edges come from the first
    2**20 rows or, of longer files, from a random sample of about as many, the smallest and largest
    value always among them.

    Parameters
    ----------
    path : str or path
        A file whose name ends in ``.csv`` or ``.parquet`` (or ``.csv.gz`` and so on).
    x, y, z : str
        The columns that are the sources and the target.
    bins, strategy, rng
        As in :func:`fastpid.joint.from_samples`.
    weights : str, optional
        The column that holds the weights of the samples.
    delimiter : str
        What separates the cells of a CSV file.
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
        As :func:`fastpid.joint.from_samples` does; for an unknown column, or a file that is not
        what its name says.
    OSError
        If the file cannot be read.
    ImportError
        If pyarrow is not installed (``pip install fastpid[estimate]``).
    """
    check_choice("strategy", strategy, STRATEGIES)
    options = CodingOptions(strategy, integer_seed(rng))
    check_positive_integer("chunk_rows", chunk_rows)
    names = {"x": x, "y": y, "z": z}
    given = list(names.values())
    wanted = [*names.values(), *([weights] if weights is not None else [])]

    def pieces() -> Iterator[list[Any]]:
        return read_pieces(Path(path), wanted, delimiter, chunk_rows)

    first = next(pieces(), None)
    if first is None:
        raise ValueError(f"{path} has no rows")
    columns = read_samples(first[0], first[1], first[2], names=given)
    plan = plan_bins(bins, columns, strategy)
    learn = [
        role
        for role, spec in plan.items()
        if spec is not None
        and not isinstance(spec, Discretizer)
        and (isinstance(spec, str) or not hasattr(spec, "__len__"))
    ]
    if learn:
        samples = {role: _Thinned(options.seed) for role in learn}
        with progress_bar(progress, None, "learning bins", "rows") as advance:
            for piece in pieces():
                read = {c.role: c for c in read_samples(piece[0], piece[1], piece[2], names=given)}
                for role, sample in samples.items():
                    sample.add(as_float(read[role]))
                advance(len(read["x"]))
        for role, sample in samples.items():
            values = sample.values()
            column = Column(role, names[role], "float", values, np.zeros(values.shape, dtype=bool))
            fitted = Discretizer()
            adopt(fitted, fit_coding(column, plan[role], options))
            plan[role] = fitted
    counted = JointAccumulator(**plan, names=given)
    with progress_bar(progress, None, "counting", "rows") as advance:
        for piece in pieces():
            before = counted.n_samples
            counted.partial_fit(*piece[:3], weights=piece[3] if weights is not None else None)
            advance(counted.n_samples - before)
    return counted.table()


class _Thinned:
    """A random sample of numbers that come in pieces: those whose random key is small enough."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._limit = 1.0
        self._values = np.zeros(0)
        self._keys = np.zeros(0)
        self._extremes = [np.inf, -np.inf]

    def add(self, values: NDArray[np.float64]) -> None:
        keys = self._random.random(values.size)
        keep = keys < self._limit
        self._values = np.concatenate([self._values, values[keep]])
        self._keys = np.concatenate([self._keys, keys[keep]])
        while self._values.size > SAMPLED_ROWS:
            self._limit /= 2
            keep = self._keys < self._limit
            self._values, self._keys = self._values[keep], self._keys[keep]
        low, high = self._extremes
        self._extremes = [min(low, float(values.min())), max(high, float(values.max()))]

    def values(self) -> NDArray[np.float64]:
        """Return the sample; all of the numbers, as long as they were few enough."""
        if self._limit == 1.0:
            return self._values
        return np.concatenate([self._values, self._extremes])
