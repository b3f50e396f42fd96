"""Joint tables of data that come in pieces: fastpid.joint names what is public here."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ROLES
from fastpid.joint._bins import check_edges
from fastpid.joint._coding import MAX_FLOAT_CATEGORIES, Bins, Categories, Coding, refuse_continuous
from fastpid.joint._columns import (
    Column,
    Rows,
    check_lengths,
    check_weights,
    refuse_infinite,
    refuse_missing,
)
from fastpid.joint._discretizer import Discretizer, coding_of
from fastpid.joint._samples import read_samples
from fastpid.joint._tables import JointTable, check_cells


class JointAccumulator:
    """Counts samples that come in pieces into one joint table.

    Parameters
    ----------
    x, y, z : array-like of float, Discretizer, optional
        How each column is coded: by increasing edges of bins, or by a fitted
        :class:`~fastpid.joint.Discretizer`. None takes values as categories, of which later pieces
        may bring new ones.
    names : sequence of three str, optional

    Attributes
    ----------
    n_samples : int
        How many samples have been counted.

    Examples
    --------
    >>> from fastpid.joint import JointAccumulator
    >>> pieces = JointAccumulator(x=[0.0, 0.5, 1.0])
    >>> pieces.partial_fit([0.2, 0.7], ["b", "b"], [0, 1]).partial_fit([0.9], ["a"], [1])
    JointAccumulator of 3 samples
    >>> pieces.table().labels[1]
    ('a', 'b')
    """

    def __init__(self, *, x: Any = None, y: Any = None, z: Any = None, names: Any = None) -> None:
        self._axes = [_axis(role, spec) for role, spec in zip(ROLES, (x, y, z), strict=True)]
        self._names = names
        self._counts = np.zeros((0, 0, 0), dtype=np.int64)
        self._weighted: NDArray[np.float64] | None = None
        self._squares = 0.0
        self._scale = 0.0
        self.n_samples = 0

    def partial_fit(self, x: Any, y: Any, z: Any, *, weights: Any = None) -> JointAccumulator:
        """Count more samples.

        Parameters
        ----------
        x, y, z : array-like (n_samples,)
            As in :func:`fastpid.joint.from_samples`.
        weights : array-like (n_samples,), optional
            Weights of the samples; with all pieces or with none.

        Returns
        -------
        JointAccumulator
            Itself.

        Raises
        ------
        ValueError, TypeError
            As :func:`fastpid.joint.from_samples` does; if a column's type is another than it was,
            or if only some pieces have weights. Nothing of the piece is counted then.
        """
        columns = read_samples(x, y, z, names=self._names)
        check_lengths(columns)
        numbers = np.arange(self.n_samples, self.n_samples + len(columns[0]))
        columns = [dataclasses.replace(c, rows=Rows(numbers=numbers)) for c in columns]
        refuse_missing(columns)
        refuse_infinite(columns)
        checked = check_weights(weights, len(columns[0]))
        if self.n_samples and (checked is None) != (self._weighted is None):
            raise ValueError(
                "some pieces have weights and some have none; pass weights with all or with none"
            )
        grown = [axis.grown(column) for axis, column in zip(self._axes, columns, strict=True)]
        shape = (len(grown[0].labels), len(grown[1].labels), len(grown[2].labels))
        size = check_cells(shape)
        codes = [axis.codes(column) for axis, column in zip(grown, columns, strict=True)]
        cells = np.ravel_multi_index(codes, shape)
        self._axes = grown
        if self._names is None:
            self._names = [column.name for column in columns]
        counts = np.bincount(cells, minlength=size).reshape(shape)
        self._counts = _padded(self._counts, shape) + counts
        if checked is not None:
            weights, scale = checked
            held = np.zeros((0, 0, 0)) if self._weighted is None else self._weighted
            # What is held is in units of the largest weight of all pieces so far.
            largest = max(scale, self._scale)
            before, now = self._scale / largest, scale / largest
            more = np.bincount(cells, weights, minlength=size).reshape(shape)
            self._weighted = _padded(held, shape) * before + more * now
            self._squares = self._squares * before**2 + float(np.sum(weights**2)) * now**2
            self._scale = largest
        self.n_samples += len(columns[0])
        return self

    def table(self) -> JointTable:
        """Return the table of all samples so far.

        Returns
        -------
        JointTable
            Categories that were found in the pieces are sorted.

        Raises
        ------
        ValueError
            If there are no samples yet.
        """
        if self.n_samples == 0:
            raise ValueError("no samples have been counted yet; call partial_fit()")
        for axis in self._axes:
            axis.check(self.n_samples)
        orders = [axis.order() for axis in self._axes]
        labels = [
            tuple(axis.labels[i] for i in order)
            for axis, order in zip(self._axes, orders, strict=True)
        ]
        take = np.ix_(*orders)
        name_x, name_y, name_z = self._names
        return JointTable.of_counts(
            self._counts[take].astype(np.int64),
            (labels[0], labels[1], labels[2]),
            (name_x, name_y, name_z),
            None if self._weighted is None else self._weighted[take],
            self._squares,
        )

    def __repr__(self) -> str:
        """Return how many samples it holds."""
        return f"JointAccumulator of {self.n_samples} samples"


class _Fixed:
    """An axis whose symbols were known beforehand."""

    def __init__(self, coding: Coding) -> None:
        self.labels = coding.labels
        self.codes = coding.codes

    def grown(self, column: Column) -> _Fixed:
        return self

    def check(self, n_samples: int) -> None:
        """Accept whatever was counted."""

    def order(self) -> list[int]:
        return list(range(len(self.labels)))


class _Growing:
    """An axis of categories, in the order in which they came."""

    def __init__(
        self, labels: tuple[Any, ...] = (), kind: str | None = None, like: Column | None = None
    ) -> None:
        self.labels = labels
        self.kind = kind
        self._like = like

    def grown(self, column: Column) -> _Growing:
        """Return the axis with the new categories of a column."""
        # Whether floats are categories is judged by all samples, in check().
        found = Categories.fit(column, continuous=True)
        if self.kind not in (None, found.kind):
            raise TypeError(
                f"{column} is {found.kind} here and was {self.kind} before; convert all pieces "
                "to one type"
            )
        known = set(self.labels)
        new = tuple(label for label in found.labels if label not in known)
        grown = _Growing(self.labels + new, found.kind, column)
        if len(grown.labels) > MAX_FLOAT_CATEGORIES:
            grown.check(len(column))
        return grown

    def codes(self, column: Column) -> NDArray[np.intp]:
        return Categories(self.labels, str(self.kind)).codes(column)

    def check(self, n_samples: int) -> None:
        """Refuse floats that are no categories.

        Raises
        ------
        ValueError
        """
        if self.kind == "float" and self._like is not None:
            values = np.array(self.labels, dtype=np.float64)
            missing = np.zeros(values.shape, dtype=bool)
            labels = dataclasses.replace(self._like, values=values, missing=missing)
            refuse_continuous(labels, n_samples)

    def order(self) -> list[int]:
        places = list(range(len(self.labels)))
        if self.kind == "categorical":  # its categories have an order of their own
            return places
        return sorted(places, key=lambda place: self.labels[place])


def _axis(role: str, spec: Any) -> _Fixed | _Growing:
    if spec is None:
        return _Growing()
    if isinstance(spec, Discretizer):
        return _Fixed(coding_of(spec))
    if not hasattr(spec, "__len__") or isinstance(spec, str):
        raise TypeError(
            f"{role} must be edges or a fitted Discretizer, since pieces of the data do not say "
            f"where {spec!r} bins lie; fit a Discretizer on a sample first"
        )
    return _Fixed(Bins(check_edges(role, spec)))


def _padded(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.pad(array, [(0, n - old) for n, old in zip(shape, array.shape, strict=True)])
