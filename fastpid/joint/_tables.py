"""Joint distributions with labels: what every index of a table means."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import Comparable
from fastpid._base.quantities import ROLES, roles_of
from fastpid.joint._bins import Interval
from fastpid.joint._columns import printable
from fastpid.joint._sampling import Sampling, sampling_of

#: The largest table built, in cells: 2 GiB of probabilities.
MAX_CELLS = 2**28
#: The most axes that every numpy has.
_MOST_AXES = 32

_SHOWN_LABELS = 8


def check_cells(shape: tuple[int, ...]) -> int:
    """Return the number of cells of a table; ValueError if that is too many."""
    cells = math.prod(shape)
    if cells > MAX_CELLS:
        raise ValueError(
            f"a table of {' x '.join(map(str, shape))} symbols has {cells} cells, more than "
            f"the {MAX_CELLS} supported; bin or group the column with the most symbols"
            + (", or take fewer sources" if len(shape) > 3 else "")
        )
    if len(shape) > _MOST_AXES:
        raise ValueError(
            f"a table of {len(shape) - 1} sources has more than {_MOST_AXES} axes; take fewer "
            "sources (fastpid.union_information takes one table a source)"
        )
    return cells


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JointDistribution(Comparable):
    """The joint distribution of sources and a target, with what its symbols are called.

    It stands wherever an array of its shape does: ``fastpid.decompose(distribution)``.

    Attributes
    ----------
    p : ndarray (nx, ny, nz), float64, read-only
        Probabilities; of M sources (n_1, ..., n_M, nz).
    labels : tuple of tuples, one an axis
        What every index of an axis means.
    names : tuple of str, one an axis
        The names of the variables.
    """

    p: NDArray[np.float64]
    labels: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...] = ROLES

    @property
    def shape(self) -> tuple[int, ...]:
        """(nx, ny, nz); of M sources (n_1, ..., n_M, nz)."""
        return self.p.shape

    @property
    def roles(self) -> tuple[str, ...]:
        """What the axes are: "x", "y" and "z"; of more than two sources "x0", "x1", ..., "z"."""
        return roles_of(self.p.ndim - 1)

    def is_binned(self, axis: int) -> bool:
        """Whether the symbols along an axis are bins of a numeric column."""
        return isinstance(self.labels[axis][0], Interval)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return `p`, so that numpy takes a table for an array."""
        return np.array(self.p, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """Return a few lines: the shape, and what the symbols of every axis are."""
        lines = [self._headline()]
        names = [printable(name) for name in self.names]
        width = max(map(len, names))
        widest = max(map(len, self.roles))
        for axis, role in enumerate(self.roles):
            lines.append(f"  {role:<{widest}}  {names[axis]:<{width}}  {self.describe(axis)}")
        return "\n".join(lines)

    def describe(self, axis: int) -> str:
        """Return one line about an axis: what its symbols are and how much of each there is."""
        labels = self.labels[axis]
        if self.is_binned(axis):
            kind = "bin" if len(labels) == 1 else "bins"
        else:
            kind = "category" if len(labels) == 1 else "categories"
        shown = ", ".join(
            f"{printable(label)} ({amount})"
            for label, amount in zip(labels[:_SHOWN_LABELS], self._amounts(axis), strict=False)
        )
        more = len(labels) - _SHOWN_LABELS
        return f"{len(labels)} {kind}: {shown}" + (f", and {more} more" if more > 0 else "")

    def _headline(self) -> str:
        shape = " x ".join(map(str, self.shape))
        used = np.count_nonzero(self.p)
        return f"JointDistribution {shape}, {used} of {self.p.size} cells occupied"

    def _amounts(self, axis: int) -> list[str]:
        others = tuple(i for i in range(self.p.ndim) if i != axis)
        return [f"{mass:.4g}" for mass in self.p.sum(axis=others).tolist()]


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JointTable(JointDistribution):
    """The empirical joint distribution of two sources, or more, and a target.

    It stands wherever an array of its shape does: ``fastpid.decompose(table)``, and of more sources
    ``fastpid.decompose_many(table)``.

    Attributes
    ----------
    p : ndarray (nx, ny, nz), or of M sources (n_1, ..., n_M, nz), float64, read-only
        Relative frequencies, ``counts / n_samples``, or of weighted samples their shares of the
        weight; they sum to one.
    counts : ndarray of the shape of `p`, int64, read-only
        How many samples fell into every cell.
    labels : tuple of tuples, one an axis
        What every index of an axis means: the category (str, int, bool, float, or whatever a pandas
        Categorical holds), an :class:`Interval` ``(lo, hi)`` for a binned column, or the name of a
        cluster of a source of several columns.
    n_samples : int
        The number of samples, ``counts.sum()``.
    n_effective : float
        How many unweighted samples would be as uncertain, ``sum(w)**2 / sum(w**2)`` (Kish 1965);
        `n_samples` without weights.
    names : tuple of str, one an axis
        The names of the columns.
    n_dropped : int
        How many samples were left out under ``missing="drop"``.
    """

    counts: NDArray[np.int64]
    n_samples: int
    n_effective: float
    n_dropped: int = 0

    @classmethod
    def of_counts(
        cls,
        counts: NDArray[np.int64],
        labels: tuple[tuple[Any, ...], ...],
        names: tuple[str, ...],
        weighted: NDArray[np.float64] | None = None,
        sum_of_squares: float = 0.0,
        n_dropped: int = 0,
    ) -> JointTable:
        """Make a table of counts and, of weighted samples, of weights and their squares' sum."""
        n_samples = int(counts.sum())
        if weighted is None:
            p, n_effective = counts / float(n_samples), float(n_samples)
        else:
            total = float(weighted.sum())
            p, n_effective = weighted / total, total * total / sum_of_squares
        for array in (p, counts):
            array.flags.writeable = False
        return cls(
            p=p,
            counts=counts,
            labels=labels,
            names=names,
            n_samples=n_samples,
            n_effective=n_effective,
            n_dropped=n_dropped,
        )

    @property
    def sampling(self) -> Sampling:
        """How much of the distribution the samples have seen."""
        return sampling_of(self.counts, self.p, self.n_effective)

    def counts_along(self, axis: int) -> NDArray[np.int64]:
        """Return how many samples every symbol along an axis has, shape (n,)."""
        others = tuple(i for i in range(self.p.ndim) if i != axis)
        return np.asarray(self.counts.sum(axis=others), dtype=np.int64)

    def _headline(self) -> str:
        shape = " x ".join(map(str, self.shape))
        used = np.count_nonzero(self.counts)
        dropped = f" ({self.n_dropped} more dropped)" if self.n_dropped else ""
        return (
            f"JointTable {shape} from {self.n_samples} samples{dropped}, "
            f"{used} of {self.counts.size} cells occupied"
        )

    def _amounts(self, axis: int) -> list[str]:
        return list(map(str, self.counts_along(axis).tolist()))
