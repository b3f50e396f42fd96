"""Tables of counts as they come from elsewhere: arrays, crosstabs, outcomes and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array
from fastpid._base.quantities import MASS_TOLERANCE, ROLES
from fastpid.joint._other_packages import table_of_outcomes
from fastpid.joint._tables import JointTable, check_cells


def from_counts(counts: Any, *, names: Sequence[str] | None = None) -> JointTable:
    """Read how often every combination of symbols was observed.

    Parameters
    ----------
    counts : array_like (nx, ny, nz), Series, DataFrame, or mapping
        An array of counts, the target last; a pandas Series indexed by (x, y, z), as
        ``frame.value_counts(["x", "y", "z"])`` gives; a pandas crosstab of two sources against the
        target, as ``pandas.crosstab([x, y], z)`` gives; or a dict or Counter from outcomes
        (x, y, z) to counts.
    names : sequence of three str, optional
        The names of the variables, by default those of a pandas object, or "x", "y", "z".

    Returns
    -------
    JointTable
        Symbols that are not in an array's axes are labelled by their index.

    Raises
    ------
    ValueError
        If counts are negative, not whole numbers, or all zero; for probabilities; for a table of
        another shape.
    TypeError
        If the counts are not numbers.

    Examples
    --------
    >>> from collections import Counter
    >>> from fastpid.joint import from_counts
    >>> from_counts(Counter([("a", 0, 1), ("b", 0, 0), ("a", 0, 1), ("b", 1, 0)]))
    JointTable 2 x 2 x 2 from 4 samples, 3 of 8 cells occupied
      x  x  2 categories: a (2), b (2)
      y  y  2 categories: 0 (3), 1 (1)
      z  z  2 categories: 0 (2), 1 (2)
    """
    own: Sequence[Any] | None = None
    if isinstance(counts, Mapping):
        values, labels = table_of_outcomes(counts, "counts")
    elif hasattr(counts, "index") and hasattr(counts, "to_numpy"):
        values, labels, own = _of_pandas(counts)
    else:
        values = check_real_array(counts, "counts")
        if values.ndim != 3 or 0 in values.shape:
            raise ValueError(
                f"counts must have shape (nx, ny, nz), the target last; got {values.shape}"
            )
        nx, ny, nz = (tuple(range(n)) for n in values.shape)
        labels = nx, ny, nz
    if names is None:
        names = ROLES if own is None else own
    if isinstance(names, str) or len(names) != 3:
        raise ValueError(f"names must be three strings; got {names!r}")
    check_cells(values.shape)
    x, y, z = map(str, names)
    return JointTable.of_counts(_whole(values), labels, (x, y, z))


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("counts must be finite and not negative; some are not")
    if not values.any():
        raise ValueError("counts are all zero: there are no samples")
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        if abs(float(values.sum()) - 1.0) <= MASS_TOLERANCE:
            raise ValueError(
                "counts sum to 1, as probabilities do, which do not say how many samples there "
                "are: pass the numbers of samples to estimate them, or decompose the probabilities "
                "as they are, with fastpid.decompose(p)"
            )
        raise ValueError(
            "counts must be whole numbers; for weighted samples pass the samples themselves, with "
            "weights=, to fastpid.estimate()"
        )
    return whole


def _of_pandas(counts: Any) -> tuple[NDArray[Any], Any, Sequence[Any]]:
    """Read a Series with three levels, or a frame with two levels of rows and one of columns."""
    series = counts.stack() if hasattr(counts, "columns") else counts
    if getattr(series.index, "nlevels", 1) != 3:
        raise ValueError(
            "counts must be indexed by two sources and the target, as "
            "pandas.crosstab([x, y], z) or frame.value_counts([x, y, z]) are; got "
            f"{getattr(series.index, 'nlevels', 1)} levels; samples themselves are for "
            "fastpid.estimate(x, y, z, data=frame)"
        )
    pmf = dict(zip(series.index.tolist(), series.to_numpy().tolist(), strict=True))
    values, labels = table_of_outcomes(pmf, "counts")
    found = series.index.names
    return values, labels, [r if n is None else n for r, n in zip(ROLES, found, strict=True)]
