"""What is said about problems that the kernel refuses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import MASS_TOLERANCE

Floats = NDArray[np.float64]


def index_of(flat: int, batch_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return where a problem stands in its batch."""
    return tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()


def name_entry(name: str, index: tuple[int, ...]) -> str:
    """Return how an entry of an array is written."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def holds_probabilities(array: Floats) -> bool:
    """Whether an array is taken for a distribution as it is."""
    return bool((array >= 0.0).all()) and abs(float(array.sum()) - 1.0) <= MASS_TOLERANCE


def explain_bad_values(
    table: Floats, index: tuple[int, ...], normalize: bool, name: str = "p"
) -> str:
    """Say why an array was refused as a distribution.

    Parameters
    ----------
    table : ndarray
        One table, or one marginal.
    index : tuple of int
        Where it stands in the batch; empty for a single one.
    normalize : bool
        Whether the caller asked to divide by the sum.
    name : str
        The argument that it came in.
    """
    where = name_entry(name, index)

    def first(mask: NDArray[np.bool_]) -> tuple[str, float]:
        cell = tuple(int(i) for i in np.argwhere(mask)[0])
        return name_entry(name, index + cell), float(table[cell])

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


def explain_not_exact(symbols: int, index: tuple[int, ...]) -> str:
    """Say why a problem with so many target symbols has no closed form."""
    return (
        f'method="exact" needs a target with two symbols (or a table that its pairwise marginals '
        f"determine); {name_entry('p', index)} has {symbols} target symbols of positive "
        'probability; use method="auto" or "newton"'
    )
