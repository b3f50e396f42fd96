"""Samples of two sources and a target, coded as symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.quantities import ROLES
from fastpid._base.random import RNG, integer_seed
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import CodingOptions
from fastpid.joint._columns import (
    FROM_ZERO,
    Column,
    Rows,
    check_lengths,
    check_weights,
    read_column,
    refuse_infinite,
)
from fastpid.joint._frames import check_names, pick
from fastpid.joint._missing import Missing, apply_missing
from fastpid.joint._plan import coding_for, plan_bins
from fastpid.joint._tables import JointTable, check_cells


@dataclasses.dataclass(frozen=True, eq=False)
class CodedSamples:
    """The symbols of samples, and what they are."""

    codes: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    labels: tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
    names: tuple[str, str, str]
    weights: NDArray[np.float64] | None = None
    kept: NDArray[np.bool_] | None = None  # which of those handed in, if some were dropped

    @property
    def n_dropped(self) -> int:
        """How many samples were dropped."""
        return 0 if self.kept is None else int(np.count_nonzero(~self.kept))

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self.codes[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nx, ny, nz)."""
        nx, ny, nz = map(len, self.labels)
        return nx, ny, nz

    def take(self, of: NDArray[np.bool_]) -> CodedSamples:
        """Return some of the samples, coded as all are."""
        x, y, z = self.codes
        return dataclasses.replace(
            self,
            codes=(x[of], y[of], z[of]),
            weights=None if self.weights is None else self.weights[of],
            kept=None,
        )

    def cells(self) -> NDArray[np.int32]:
        """Return the cell of every sample in the table, C-contiguous."""
        x, y, z = self.codes
        _, ny, nz = self.shape
        return np.asarray((x * ny + y) * nz + z, dtype=np.int32)

    def table(self) -> JointTable:
        """Count the samples."""
        size = check_cells(self.shape)
        cells = self.cells()
        counts = np.bincount(cells, minlength=size).reshape(self.shape).astype(np.int64)
        if self.weights is None:
            return JointTable.of_counts(counts, self.labels, self.names, n_dropped=self.n_dropped)
        weighted = np.asarray(np.bincount(cells, self.weights, minlength=size), dtype=np.float64)
        weighted = weighted.reshape(self.shape)
        squares = float(np.sum(self.weights**2))
        return JointTable.of_counts(
            counts, self.labels, self.names, weighted, squares, self.n_dropped
        )


def from_samples(
    x: Any,
    y: Any,
    z: Any,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    rng: RNG = 0,
) -> JointTable:
    """Count samples of two sources and a target into a joint table.

    What becomes of a column depends on its type and on `bins`:

    * Strings, booleans and pandas Categoricals are categories. A Categorical keeps the order of its
      categories, and the unobserved ones too, at probability zero; everything else is sorted.
    * Numbers are cut into bins where `bins` says so. Otherwise integers are categories, and floats
      are if they look like codes: at most 20 distinct values that are whole numbers or occur twice
      on average. Any other float column is refused, since every sample would be a symbol of its
      own.
    * A source of several columns, an (n_samples, d) array, is clustered by k-means into as many
      symbols as `bins` says, its columns scaled to unit variance first.

    A bin holds its left edge and not its right one; the last bin holds both, as in
    :func:`numpy.histogram`. No sample is ever dropped.

    Parameters
    ----------
    x, y, z : array-like (n_samples,)
        The two sources and the target: lists, numpy arrays, columns of pandas, polars or pyarrow;
        or, with `data`, the names of its columns. A source may also be an (n_samples, d) array, or
        with `data` a list of names.
    data : frame or mapping, optional
        A pandas or polars frame, a pyarrow table, or a mapping from names to columns.
    bins : int, mapping, or sequence of three, optional
        An int, 2 or more, is the number of bins of every numeric column with more distinct values,
        except that whole numbers of a target are classes, and are not cut; one that cuts nothing
        is refused. A mapping from roles ("x", "y", "z") or names of columns, or a sequence of
        three, says it for each column: an int, an increasing array of edges, a
        :class:`Discretizer` (used as it is if it is fitted, else fitted), or None.
    strategy : {"quantile", "uniform", "kmeans", "bayesian_blocks"}
        How edges are chosen when `bins` is an int: at equally spaced quantiles of the column
        (linear interpolation, as in ``numpy.quantile``), or equally spaced from minimum to maximum,
        or as :class:`Discretizer` says of the other two. Uniform bins may be empty; quantile bins
        never are: where ties leave no sample between two quantiles, their bins are merged, and a
        UserWarning says how many are left. "bayesian_blocks" cuts every float column
        without being given a number.
    names : sequence of three str, optional
        Names of the columns, by default those of the columns given, or "x", "y", "z".
    weights : array-like (n_samples,), optional
        How much each sample counts (or the name of such a column of `data`): `p` holds shares of
        the weight, whatever the scale. Bins are cut without regard to weights.
    missing : {"raise", "drop", "category"}
        What to do about missing values (None, NaN, NA, NaT, masked): refuse them, drop their
        samples (`JointTable.n_dropped` says how many), or make them a symbol labelled None.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed for k-means.

    Returns
    -------
    JointTable
        Shape (nx, ny, nz), the target last.

    Raises
    ------
    ValueError
        If a column is not one-dimensional, is empty, holds missing values (unless `missing` says
        what to do) or infinite ones; if lengths differ; for a name that `data` does not have; for
        weights that are negative or not finite, or all zero; if a float column needs bins; if bins
        cannot be made (one distinct value, fewer distinct values than quantile bins, all samples
        in one bin, values outside the edges given) or cut nothing; or if the table would have more
        than 2**28 cells.
    TypeError
        If a column holds dates, complex numbers, bytes, other objects or a mixture of types, or if
        `bins` is of a type it cannot be.
    ImportError
        If k-means or Bayesian blocks are asked for and scikit-learn or astropy is not installed
        (``pip install fastpid[estimate]``).

    Warns
    -----
    UserWarning
        If ties leave fewer quantile bins than asked for.

    Examples
    --------
    >>> from fastpid.joint import from_samples
    >>> table = from_samples([0.1, 0.4, 0.6, 0.9], ["a", "b", "a", "b"], [0, 0, 1, 1], bins=2)
    >>> table
    JointTable 2 x 2 x 2 from 4 samples, 4 of 8 cells occupied
      x  x  2 bins: [0.1, 0.5) (2), [0.5, 0.9] (2)
      y  y  2 categories: a (2), b (2)
      z  z  2 categories: 0 (2), 1 (2)
    """
    return code_samples(
        x,
        y,
        z,
        data=data,
        bins=bins,
        strategy=strategy,
        names=names,
        weights=weights,
        missing=missing,
        rng=rng,
    ).table()


def code_samples(
    x: Any,
    y: Any,
    z: Any,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: str = "raise",
    rng: RNG = 0,
) -> CodedSamples:
    """Read, check and code samples: :func:`fastpid.joint.from_samples` says how."""
    columns = read_samples(x, y, z, data, names)
    if isinstance(weights, str):
        if data is None:
            raise TypeError(f"weights names a column, {weights!r}, of data; pass data=")
        weights = pick(data, "weights", weights)
    return code_three(
        columns, bins=bins, strategy=strategy, weights=weights, missing=missing, rng=rng
    )


def code_three(
    columns: Sequence[Column],
    *,
    bins: Any = None,
    strategy: str = "quantile",
    weights: Any = None,
    missing: str = "raise",
    rng: RNG = 0,
) -> CodedSamples:
    """Check and code the three columns of two sources and a target."""
    check_choice("strategy", strategy, STRATEGIES)
    options = CodingOptions(strategy, integer_seed(rng))
    check_lengths(columns)
    weighed = check_weights(weights, len(columns[0]))
    columns, keep = apply_missing(columns, missing)
    refuse_infinite(columns)
    weight = None if weighed is None else weighed[0]
    if weight is not None and keep is not None:
        weight = weight[keep]
        if not weight.any():
            raise ValueError('weights are all zero where missing="drop" leaves samples')
    codes, labels = [], []
    for column, spec in zip(columns, plan_bins(bins, columns, strategy, columns[2:]), strict=True):
        coding = coding_for(column, spec, options)
        codes.append(coding.codes(column))
        labels.append(coding.labels)
    samples = CodedSamples(
        (codes[0], codes[1], codes[2]),
        (labels[0], labels[1], labels[2]),
        (columns[0].name, columns[1].name, columns[2].name),
        weight,
        keep,
    )
    check_cells(samples.shape)
    return samples


def read_samples(
    x: Any,
    y: Any,
    z: Any,
    data: Any = None,
    names: Sequence[str] | None = None,
    rows: Rows = FROM_ZERO,
) -> list[Column]:
    """Read three columns, by name if there is `data`."""
    given: tuple[Any, ...] = (x, y, z)
    if data is not None:
        if names is None:
            names = [", ".join(map(str, g)) if isinstance(g, list) else str(g) for g in given]
        given = tuple(pick(data, role, key) for role, key in zip(ROLES, given, strict=True))
    else:
        _refuse_names(given)
    checked = check_names(names, given)
    return [
        read_column(role, name, values, features=role != "z", rows=rows)
        for role, name, values in zip(ROLES, checked, given, strict=True)
    ]


def _refuse_names(given: tuple[Any, ...]) -> None:
    for role, values in zip(ROLES, given, strict=True):
        if isinstance(values, str):
            raise TypeError(
                f"{role} is the string {values!r}; to name a column, pass the frame that has it as "
                "data="
            )
