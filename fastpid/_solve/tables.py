"""Checks of tables p[..., x, y, z], and what is said about those that the kernel refuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array
from fastpid._base.quantities import MASS_TOLERANCE


def check_tables(p: Any, *, name: str = "p") -> NDArray[np.float64]:
    """Convert to a C-contiguous float64 array (..., nx, ny, nz); its values are not looked at.

    The values are checked where they are first read: by the kernel while it marginalises, or by
    :func:`explain_bad_table`.
    """
    if type(p) is np.ndarray and p.dtype == np.float64:
        array = p
    else:
        _refuse_other_forms(p, name)
        array = check_real_array(p, name)
    if array.ndim < 3:
        raise ValueError(
            f"{name} must have at least 3 axes (..., nx, ny, nz), the target last; "
            f"got shape {array.shape}"
        )
    if 0 in array.shape:
        axis = array.shape.index(0)
        what = "the batch is empty" if axis < array.ndim - 3 else "every variable needs a symbol"
        raise ValueError(
            f"{name} has an empty axis: axis {axis} of shape {array.shape} ({what}); "
            "pass at least one entry along each axis"
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def _refuse_other_forms(p: Any, name: str) -> None:
    """Name the call for data that comes in another form than a table."""
    kind = type(p).__name__
    if type(p).__module__.split(".")[0] == "dit":
        raise TypeError(
            f"{name} is a dit {kind}; pass fastpid.joint.from_dit({name}), with sources= and "
            "target= unless these are its first two variables and its last"
        )
    columns = getattr(p, "column_names", getattr(p, "columns", None))
    if isinstance(p, Mapping):
        if p and all(isinstance(key, (tuple, str)) and len(key) == 3 for key in p):
            raise TypeError(
                f"{name} is a {kind} of outcomes; pass fastpid.joint.from_dict({name}) if it holds "
                f"probabilities, fastpid.joint.from_counts({name}) if it holds counts"
            )
        if all(hasattr(values, "__len__") for values in p.values()):
            columns = list(p)
    if columns is not None:
        raise TypeError(
            f"{name} is a {kind} of columns, not a table of probabilities; name the sources and "
            f"the target: fastpid.joint.from_samples(x, y, z, data={name}) counts such a table, "
            f"and fastpid.estimate(x, y, z, data={name}) estimates from samples (its columns are "
            f"{', '.join(map(repr, list(columns)[:20]))})"
        )


def check_distributions(p: Any, *, name: str = "p") -> NDArray[np.float64]:
    """Convert like :func:`check_tables` and look at the values, too, without the kernel."""
    tables = check_tables(p, name=name)
    batch_shape = tables.shape[:-3]
    for flat, table in enumerate(tables.reshape((-1, *tables.shape[-3:]))):
        good = bool((table >= 0.0).all()) and abs(float(table.sum()) - 1.0) <= MASS_TOLERANCE
        if not good:
            index = (
                tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()
            )
            raise ValueError(explain_bad_table(table, index, normalize=False))
    return tables


def explain_bad_table(table: NDArray[np.float64], index: tuple[int, ...], normalize: bool) -> str:
    """Say what is wrong with one (nx, ny, nz) table that the kernel refused.

    Parameters
    ----------
    table : ndarray (nx, ny, nz)
    index : tuple of int
        Where the table stands in the batch; empty for a single table.
    normalize : bool
        Whether the caller asked to divide by the sum.
    """
    where = f"p[{', '.join(map(str, index))}]" if index else "p"

    def first(mask: NDArray[np.bool_]) -> tuple[str, float]:
        cell = tuple(int(i) for i in np.argwhere(mask)[0])
        return f"p[{', '.join(map(str, index + cell))}]", float(table[cell])

    if np.isnan(table).any():
        cell, _ = first(np.isnan(table))
        count = int(np.isnan(table).sum())
        return f"{cell} is NaN ({count} of {table.size} entries); remove or impute missing values"
    if np.isinf(table).any():
        cell, value = first(np.isinf(table))
        return f"{cell} is {value}; probabilities must be finite"
    if (table < 0).any():
        cell, value = first(table < 0)
        return (
            f"{cell} = {value:.6g} is negative ({int((table < 0).sum())} such entries); "
            "probabilities cannot be, and nothing is clipped silently"
        )
    with np.errstate(over="ignore"):
        total = float(table.sum())
    if total == 0.0:
        return f"{where} is zero everywhere; pass a table with some mass"
    if not math.isfinite(total):
        return f"{where} sums to {total}; scale it down before passing it"
    if normalize:
        return (
            f"{where} sums to {total:.6g}, too small or too large to divide by safely; "
            "scale it before passing it"
        )
    return (
        f"{where} sums to {total:.10g}, not to 1 (tolerance {MASS_TOLERANCE:g}); "
        "pass normalize=True if it holds counts or unnormalised weights"
    )


def explain_many_sources(batch: NDArray[np.float64], batch_shape: tuple[int, ...]) -> str:
    """Say what to do if a batch is rather one table of three sources, which sums to one as such."""
    if len(batch_shape) != 1 or not abs(float(np.sum(batch)) - 1.0) <= MASS_TOLERANCE:
        return ""
    return (
        "; p as a whole sums to 1, as one table p[w, x, y, z] of three sources would: decompose "
        "its pairs, such as fastpid.decompose(p.sum(axis=0)), or one source against the others "
        "together, as fastpid.decompose(p.reshape(p.shape[0], -1, p.shape[-1]))"
    )


def explain_not_exact(table: NDArray[np.float64], index: tuple[int, ...]) -> str:
    """Say why a table has no closed form."""
    where = f"p[{', '.join(map(str, index))}]" if index else "p"
    symbols = int(np.count_nonzero(table.sum(axis=(0, 1))))
    return (
        f'method="exact" needs a target with two symbols (or a table that its pairwise marginals '
        f"determine); {where} has {symbols} target symbols of positive probability; "
        'use method="auto" or "newton"'
    )
