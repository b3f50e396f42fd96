"""Samples of two sources or more and a target, coded as symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.quantities import roles_of
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
from fastpid.joint._frames import check_names, column_names, is_frame, name_of, pick
from fastpid.joint._missing import Missing, apply_missing
from fastpid.joint._plan import coding_for, plan_bins
from fastpid.joint._tables import JointTable, check_cells


@dataclasses.dataclass(frozen=True, eq=False)
class CodedSamples:
    """The symbols of samples, and what they are."""

    codes: tuple[NDArray[np.intp], ...]  # the target's last
    labels: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...]
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
    def shape(self) -> tuple[int, ...]:
        """(nx, ny, nz); of M sources (n_1, ..., n_M, nz)."""
        return tuple(map(len, self.labels))

    @property
    def roles(self) -> tuple[str, ...]:
        """What the columns are."""
        return roles_of(len(self.labels) - 1)

    def take(self, of: NDArray[np.bool_]) -> CodedSamples:
        """Return some of the samples, coded as all are."""
        return dataclasses.replace(
            self,
            codes=tuple(codes[of] for codes in self.codes),
            weights=None if self.weights is None else self.weights[of],
            kept=None,
        )

    def cells(self) -> NDArray[np.int32]:
        """Return the cell of every sample in the table, C-contiguous."""
        return np.ascontiguousarray(np.ravel_multi_index(self.codes, self.shape), dtype=np.int32)

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


def from_sources(
    sources: Any,
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
    """Count samples of any number of sources and a target into a joint table.

    As :func:`from_samples` does of two, by the same rules, for :func:`fastpid.decompose_many`.

    Parameters
    ----------
    sources : list, or frame or mapping of columns
        Two sources or more, one entry each, every one as x in :func:`from_samples`: a column, or an
        (n_samples, d) array, which is one source of several columns. With `data` an entry is the
        name of a column, or a list of names for one source of several columns. Without it, the
        columns of a frame or mapping are the sources.
    z : array-like (n_samples,), or str
        The target.
    data, strategy, weights, missing, rng
        As in :func:`from_samples`.
    bins : int, mapping, or sequence, optional
        As there; the roles are "x0", "x1", ... and "z" (of two sources "x", "y" and "z"), and a
        sequence has an entry for every source and then the target's.
    names : sequence of str, optional
        Names of the columns, the target's last.

    Returns
    -------
    JointTable
        Shape (n_1, ..., n_M, nz), the target last.

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`from_samples` does; for fewer than two sources, or one array in their place.

    Examples
    --------
    >>> from fastpid.joint import from_sources
    >>> table = from_sources([[0, 0, 1, 1], [0, 1, 0, 1], ["a", "b", "a", "a"]], [0, 1, 1, 0])
    >>> table.shape
    (2, 2, 2, 2)
    """
    given, own = check_sources(sources, data)
    return code_sources(
        given,
        z,
        data=data,
        bins=bins,
        strategy=strategy,
        names=name_target(own, z) if names is None else names,
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
    return code_sources(
        (x, y),
        z,
        data=data,
        bins=bins,
        strategy=strategy,
        names=names,
        weights=weights,
        missing=missing,
        rng=rng,
    )


def code_sources(
    sources: Sequence[Any],
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
    """Read, check and code samples of sources: :func:`fastpid.joint.from_samples` says how."""
    columns = read_sources(sources, z, data, names)
    if isinstance(weights, str):
        if data is None:
            raise TypeError(f"weights names a column, {weights!r}, of data; pass data=")
        weights = pick(data, "weights", weights)
    return code_columns(
        columns, bins=bins, strategy=strategy, weights=weights, missing=missing, rng=rng
    )


def code_columns(
    columns: Sequence[Column],
    *,
    bins: Any = None,
    strategy: str = "quantile",
    weights: Any = None,
    missing: str = "raise",
    rng: RNG = 0,
) -> CodedSamples:
    """Check and code the columns of sources and a target, which is the last."""
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
    for column, spec in zip(columns, plan_bins(bins, columns, strategy, columns[-1:]), strict=True):
        coding = coding_for(column, spec, options)
        codes.append(coding.codes(column))
        labels.append(coding.labels)
    samples = CodedSamples(
        tuple(codes),
        tuple(labels),
        tuple(column.name for column in columns),
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
    return read_sources((x, y), z, data, names, rows)


def check_sources(sources: Any, data: Any = None) -> tuple[list[Any], list[str] | None]:
    """Return what is given for each source, and their names if they are those of a frame.

    Raises
    ------
    TypeError
        For what is no sequence of sources.
    ValueError
        For fewer than two.
    """
    if data is None and is_frame(sources):
        names = column_names(sources)
        given, own = [sources[name] for name in names], list(map(str, names))
    elif isinstance(sources, (list, tuple)):
        given, own = list(sources), None
    else:
        found = type(sources).__name__
        shape = getattr(sources, "shape", None)
        remedy = ""
        if shape is not None and len(shape) == 2:
            found += f" of shape {shape}"
            remedy = "; if every column is a source, pass list(sources.T)"
        raise TypeError(
            f"sources must be a list with one entry a source, or a frame of them; got {found}"
            f"{remedy}"
        )
    if len(given) < 2:
        raise ValueError(
            f"sources holds {len(given)} source{'s' * (len(given) != 1)}; pass two or more, one "
            "entry each (a source of several columns is an entry of its own)"
        )
    return given, own


def name_target(own: list[str] | None, z: Any) -> list[str] | None:
    """Return the names of sources that have some, with that of the target."""
    return None if own is None else [*own, name_of(z) or "z"]


def read_sources(
    sources: Sequence[Any],
    z: Any,
    data: Any = None,
    names: Sequence[str] | None = None,
    rows: Rows = FROM_ZERO,
) -> list[Column]:
    """Read the columns of sources and a target, by name if there is `data`."""
    given: tuple[Any, ...] = (*sources, z)
    roles = roles_of(len(sources))
    if data is not None:
        if names is None:
            names = [", ".join(map(str, g)) if isinstance(g, list) else str(g) for g in given]
        given = tuple(pick(data, role, key) for role, key in zip(roles, given, strict=True))
    else:
        _refuse_names(roles, given)
    checked = check_names(names, given, roles)
    return [
        read_column(role, name, values, features=role != "z", rows=rows)
        for role, name, values in zip(roles, checked, given, strict=True)
    ]


def _refuse_names(roles: tuple[str, ...], given: tuple[Any, ...]) -> None:
    for role, values in zip(roles, given, strict=True):
        if isinstance(values, str):
            raise TypeError(
                f"{role} is the string {values!r}; to name a column, pass the frame that has it as "
                "data="
            )
