"""Samples of two sources and a target, coded as symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.quantities import ROLES
from fastpid._base.random import RNG, integer_seed
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import Coding, CodingOptions, bin_count, fit_coding
from fastpid.joint._columns import (
    Column,
    check_lengths,
    check_weights,
    read_column,
    refuse_infinite,
    refuse_missing,
)
from fastpid.joint._discretizer import Discretizer, coding_of, fit_column, is_fitted
from fastpid.joint._frames import check_names, pick
from fastpid.joint._tables import JointTable, check_cells

#: What counts as the entry of a column in `bins`.
Spec = Any


@dataclasses.dataclass(frozen=True, eq=False)
class CodedSamples:
    """The symbols of samples, and what they are."""

    codes: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    labels: tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
    names: tuple[str, str, str]
    weights: NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nx, ny, nz)."""
        nx, ny, nz = map(len, self.labels)
        return nx, ny, nz

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
            return JointTable.of_counts(counts, self.labels, self.names)
        weighted = np.asarray(np.bincount(cells, self.weights, minlength=size), dtype=np.float64)
        weighted = weighted.reshape(self.shape)
        squares = float(np.sum(self.weights**2))
        return JointTable.of_counts(counts, self.labels, self.names, weighted, squares)


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
    rng: RNG = 0,
) -> JointTable:
    """Count samples of two sources and a target into a joint table.

    What becomes of a column depends on its type and on `bins`:

    * Strings, booleans and pandas Categoricals are categories. A Categorical keeps the order of its
      categories, and the unobserved ones too, at probability zero; everything else is sorted.
    * Integers are categories, unless `bins` names their column: ``bins={"x": 4}``.
    * Floats are cut into bins where `bins` says so. Without bins they are categories if they look
      like codes: at most 20 distinct values that are whole numbers or occur twice on average.
      Any other float column is refused, since every sample would be a symbol of its own.
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
        An int is the number of bins of every float column, 2 or more. A mapping with keys among
        "x", "y", "z", or a sequence of three, says it for each column: an int, an increasing array
        of edges, a :class:`Discretizer` (used as it is if it is fitted, else fitted), or None.
    strategy : {"quantile", "uniform", "kmeans", "bayesian_blocks"}
        How edges are chosen when `bins` is an int: at equally spaced quantiles of the column
        (linear interpolation, as in ``numpy.quantile``), or equally spaced from minimum to maximum,
        or as :class:`Discretizer` says of the other two. Uniform bins may be empty; quantile bins
        never are: where ties leave no sample between two quantiles, their bins are merged, and a
        UserWarning says how many are left. "bayesian_blocks" cuts every float column without
        being given a number.
    names : sequence of three str, optional
        Names of the columns, by default those of the columns given, or "x", "y", "z".
    weights : array-like (n_samples,), optional
        How much each sample counts (or the name of such a column of `data`): `p` holds shares of
        the weight. Bins are cut without regard to weights.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed for k-means.

    Returns
    -------
    JointTable
        Shape (nx, ny, nz), the target last.

    Raises
    ------
    ValueError
        If a column is not one-dimensional, is empty, holds missing (None, NaN, NA) or infinite
        values; if lengths differ; for a name that `data` does not have; for weights that are
        negative or not finite, or all zero; if a float column needs bins; if bins cannot be made
        (one distinct value, fewer distinct values than quantile bins, all samples in one bin,
        values outside the edges given); or if the table would have more than 2**28 cells.
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
    rng: RNG = 0,
) -> CodedSamples:
    """Read, check and code samples: :func:`fastpid.joint.from_samples` says how."""
    check_choice("strategy", strategy, STRATEGIES)
    options = CodingOptions(strategy, integer_seed(rng))
    columns = read_samples(x, y, z, data, names)
    checked_weights = check_weights(
        pick(data, "weights", weights) if isinstance(weights, str) else weights, len(columns[0])
    )
    plan = plan_bins(bins, columns, strategy)
    codes, labels = [], []
    for column in columns:
        coding = _coding_of(column, plan[column.role], options)
        codes.append(coding.codes(column))
        labels.append(coding.labels)
    samples = CodedSamples(
        (codes[0], codes[1], codes[2]),
        (labels[0], labels[1], labels[2]),
        (columns[0].name, columns[1].name, columns[2].name),
        checked_weights,
    )
    check_cells(samples.shape)
    return samples


def read_samples(
    x: Any, y: Any, z: Any, data: Any = None, names: Sequence[str] | None = None
) -> list[Column]:
    """Read three columns, by name if there is `data`, and check that they belong together."""
    given: tuple[Any, ...] = (x, y, z)
    if data is not None:
        if names is None:
            names = [
                ", ".join(map(str, g)) if isinstance(g, (list, tuple)) else str(g) for g in given
            ]
        given = tuple(pick(data, role, key) for role, key in zip(ROLES, given, strict=True))
    else:
        _refuse_names(given)
    checked = check_names(names, given)
    columns = [
        read_column(role, name, values, features=role != "z")
        for role, name, values in zip(ROLES, checked, given, strict=True)
    ]
    check_lengths(columns)
    refuse_missing(columns)
    refuse_infinite(columns)
    return columns


def _refuse_names(given: tuple[Any, ...]) -> None:
    for role, values in zip(ROLES, given, strict=True):
        if isinstance(values, str):
            raise TypeError(
                f"{role} is the string {values!r}; to name a column, pass the frame that has it as "
                "data="
            )


def _coding_of(column: Column, spec: Spec, options: CodingOptions) -> Coding:
    if isinstance(spec, Discretizer):
        return coding_of(spec) if is_fitted(spec) else fit_column(spec, column)
    return fit_coding(column, spec, options)


def plan_bins(bins: Any, columns: Sequence[Column], strategy: str) -> dict[str, Spec]:
    """Say for every role whether and how it is binned: an int, edges, a Discretizer, or None."""
    by_blocks = strategy == "bayesian_blocks"
    if bins is None:
        return {c.role: "auto" if by_blocks and c.kind == "float" else None for c in columns}
    if isinstance(bins, Mapping):
        unknown = [key for key in bins if key not in ROLES]
        if unknown:
            raise ValueError(f'bins has the key {unknown[0]!r}; its keys are "x", "y" and "z"')
        plan = {role: bins.get(role) for role in ROLES}
    elif isinstance(bins, (list, tuple)):
        if len(bins) != 3:
            raise ValueError(
                f"bins has {len(bins)} entries; a sequence needs three, one for each of x, y and z "
                '(give edges by column: bins={"x": edges})'
            )
        plan = dict(zip(ROLES, bins, strict=True))
    else:
        count = bin_count("bins", bins, 'an int, a mapping such as {"x": 4}, or three of them')
        numeric = ("float", "features")
        plan = {column.role: count if column.kind in numeric else None for column in columns}
        if not any(plan.values()):
            kinds = ", ".join(f"{column} is {column.kind}" for column in columns)
            raise ValueError(
                f"bins={count} is for float columns, and there are none ({kinds}); name the "
                f'columns to bin, for example bins={{"x": {count}}}'
            )
    if by_blocks and any(isinstance(spec, int) for spec in plan.values()):
        raise ValueError('strategy="bayesian_blocks" finds the number of bins itself: leave it out')
    return plan
