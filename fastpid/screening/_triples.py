"""Triples of coded columns, each of which is in turn the target of the other two."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import kernel
from fastpid.screening._pairs import PairWork
from fastpid.screening._plans import combinations_at
from fastpid.screening._records import RECORD

#: Of the columns of a triple: the first source, the second, the target.
_ROLES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))


@dataclasses.dataclass(frozen=True, eq=False)
class TripleWork(PairWork):
    """All pairs of sources about all other columns, where targets are the columns themselves.

    First the triples of sources, in the order of the columns, each counted once for its three
    records; then all pairs of sources about the columns that are not among them, one after the
    other.
    """

    @property
    def total(self) -> int:
        return self._inner + self._outside.total

    @property
    def _inner(self) -> int:
        """How many records there are of triples of sources."""
        n = len(self.plan.columns)
        return n * (n - 1) * (n - 2) // 2

    @functools.cached_property
    def _others(self) -> NDArray[np.int32]:
        """The columns that are no sources."""
        everything = np.arange(len(self.coded.names), dtype=np.int32)
        return np.setdiff1d(everything, self.plan.columns)

    @functools.cached_property
    def _outside(self) -> PairWork:
        coded = dataclasses.replace(
            self.coded,
            target_codes=self.coded.codes[self._others],
            target_extents=self.coded.extents[self._others],
            targets=tuple(self.coded.names[i] for i in self._others.tolist()),
        )
        return PairWork(
            coded, self.weights, self.plan, self.options, self.tests, self.first + self._inner
        )

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records of numbers [start, stop) that say which they are, and no more."""
        out = np.zeros(stop - start, RECORD)
        inner = max(0, min(stop, self._inner) - start)
        if inner:
            numbers = np.arange(start, start + inner)
            roles = np.array(_ROLES)[numbers % 3]
            columns = np.take_along_axis(self._triples(numbers // 3), roles, axis=1)
            for field, values in zip(("x", "y", "target"), columns.T, strict=True):
                out[field][:inner] = values
        if inner < len(out):
            outside = self._outside.keys(start + inner - self._inner, stop - self._inner)
            out[inner:] = self._named(outside)
        return out

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records of numbers [start, stop)."""
        out = self.keys(start, stop)
        inner = max(0, min(stop, self._inner) - start)
        if inner:
            self._count(out[:inner], start)
        if inner < len(out):
            outside = self._outside.block(start + inner - self._inner, stop - self._inner)
            out[inner:] = self._named(outside)
        return out

    def _named(self, records: NDArray[Any]) -> NDArray[Any]:
        records["target"] = self._others[records["target"]]
        return records

    def _count(self, records: NDArray[Any], start: int) -> None:
        stop = start + len(records)
        first = start // 3
        triples = self._triples(np.arange(first, (stop + 2) // 3))
        extents = self.coded.extents[triples]
        # The tables of a call to the kernel have one shape.
        for shape in np.unique(extents, axis=0):
            rows = np.flatnonzero((extents == shape).all(axis=1))
            step, threads = self.pace(len(rows), int(shape.prod()))
            for at in range(0, len(rows), step):
                some = rows[at : at + step]
                columns = np.ascontiguousarray(triples[some])
                codes, sizes = self.coded.codes, (*shape.tolist(), threads)
                tables = kernel.count_triples(codes, self.weights, columns, *sizes)
                counts = tables
                if self.weights is not None:
                    counts = kernel.count_triples(codes, None, columns, *sizes)
                for which, roles in enumerate(_ROLES):
                    numbers = 3 * (first + some) + which
                    # A block may begin and end within a triple.
                    here = (numbers >= start) & (numbers < stop)
                    axes = (0, *(1 + role for role in roles))
                    turned = np.ascontiguousarray(tables[here].transpose(axes))
                    plain = turned
                    if self.weights is not None:
                        plain = np.ascontiguousarray(counts[here].transpose(axes))
                    if here.any():
                        numbers = numbers[here]
                        self.write(records, numbers - start, turned, plain, numbers)

    def _triples(self, numbers: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the columns (n, 3) of triples by number, i < j < k in lexicographic order."""
        triples: NDArray[np.int32] = self.plan.columns[
            combinations_at(len(self.plan.columns), 3, numbers)
        ]
        return triples

    def fingerprint(self) -> dict[str, Any]:
        """Say what the screen is of, so that a checkpoint is not continued with other data."""
        return {**super().fingerprint(), "order": "triples"}
