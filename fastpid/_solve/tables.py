"""Tables p[..., x, y, z]: their checks, how they are solved, and what is said of those refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_axes, check_real_array
from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads

if TYPE_CHECKING:
    from fastpid._solve.given import Gradients, KernelRows

Floats = NDArray[np.float64]


class GivenTables:
    """Tables (..., nx, ny, nz), checked, C-contiguous: a problem is given by its whole table."""

    def __init__(self, tables: NDArray[np.float64]) -> None:
        self.batch_shape = tables.shape[:-3]
        self._batch = tables.reshape((-1, *tables.shape[-3:]))

    def __len__(self) -> int:
        return len(self._batch)

    def solve(self, options: SolveOptions, potentials: bool) -> KernelRows:
        """Run the kernel."""
        return kernel.solve_tables(self._batch, *options.for_kernel(self._batch.size), potentials)

    def gradients(
        self, solved: Gradients, weights: NDArray[np.float64], threads: int, normalize: bool
    ) -> tuple[NDArray[np.float64]]:
        """Return the gradient by the tables."""
        threads = count_threads(threads, self._batch.size)
        return (kernel.gradient(self._batch, *solved, weights, normalize, threads),)

    def explain_invalid(self, flat: int, index: tuple[int, ...], normalize: bool) -> str:
        """Say what is wrong with a table that the kernel refused."""
        return explain_bad_values(self._batch[flat], index, normalize)

    def explain_batch(self) -> str:
        """Say what may be meant by a batch with such tables in it."""
        return explain_many_sources(self._batch, self.batch_shape)

    def target_symbols(self, flat: int) -> int:
        """Return how many target symbols of a table have mass."""
        return int(np.count_nonzero(self._batch[flat].sum(axis=(0, 1))))


def check_tables(p: Any, *, name: str = "p") -> NDArray[np.float64]:
    """Convert to a C-contiguous float64 array (..., nx, ny, nz); its values are not looked at.

    The values are checked where they are first read: by the kernel while it marginalises, or by
    :func:`explain_bad_values`.
    """
    if type(p) is np.ndarray and p.dtype == np.float64:
        array = p
    else:
        _refuse_other_forms(p, name)
        array = check_real_array(p, name)
    check_axes(name, array.shape, ("nx", "ny", "nz"))
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
        if not holds_probabilities(table):
            index = index_of(flat, batch_shape)
            raise ValueError(explain_bad_values(table, index, normalize=False))
    return tables


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


def explain_many_sources(batch: NDArray[np.float64], batch_shape: tuple[int, ...]) -> str:
    """Say what to do if a batch is rather one table of three sources, which sums to one as such."""
    if len(batch_shape) != 1 or not abs(float(np.sum(batch)) - 1.0) <= MASS_TOLERANCE:
        return ""
    return (
        "; p as a whole sums to 1, as one table p[w, x, y, z] of three sources would: decompose "
        "all of them, fastpid.decompose_many(p), or pairs, such as "
        "fastpid.decompose(p.sum(axis=0)), or one source against the others together, as "
        "fastpid.decompose(p.reshape(p.shape[0], -1, p.shape[-1]))"
    )
