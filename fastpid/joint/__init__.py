"""Joint tables from data: samples of three columns, files, predictions, other packages' forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastpid.joint._discretizer import Discretizer
from fastpid.joint._bins import Interval
from fastpid.joint._other_packages import from_dict, from_dit, from_idtxl
from fastpid.joint._samples import code_samples
from fastpid.joint._predictions import from_probabilities
from fastpid.joint._accumulator import JointAccumulator, from_file
from fastpid.joint._tables import JointDistribution, JointTable

__all__ = [
    "Discretizer",
    "Interval",
    "JointAccumulator",
    "JointDistribution",
    "JointTable",
    "from_dict",
    "from_dit",
    "from_file",
    "from_idtxl",
    "from_probabilities",
    "from_samples",
]


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
    seed: int = 0,
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
        Where an int leaves the edges to us: at equally spaced quantiles of the column (linear
        interpolation, as in ``numpy.quantile``), or equally spaced from minimum to maximum, or as
        :class:`Discretizer` says of the other two. Uniform bins may be empty; quantile bins never
        are: where ties leave no sample between two quantiles, their bins are merged, and a
        UserWarning says how many are left. "bayesian_blocks" cuts every float column without
        being given a number.
    names : sequence of three str, optional
        Names of the columns, by default those of the columns given, or "x", "y", "z".
    weights : array-like (n_samples,), optional
        How much each sample counts (or the name of such a column of `data`): `p` holds shares of
        the weight. Bins are cut without regard to weights.
    seed : int
        Of k-means.

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
        seed=seed,
    ).table()
