"""Proportional unique contributions: what share of what a column says is its own."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve_tables
from fastpid.information import specific_information
from fastpid.joint._many_columns import CodedColumns
from fastpid.joint._tables import check_cells

MEASURES = ("broja", "i_min")
#: Cells of the tables that are solved together (4 MiB), and samples that are counted together.
_CELLS_PER_BATCH = 2**19
_SAMPLES_PER_BATCH = 2**20
#: Less information than this, in nats, is none: it is rounding.
_NO_INFORMATION = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class ShareWork:
    """Everything that the shares about one target need; goes to other processes as it is.

    What is unique depends on nothing but the distributions of each source with the target, by
    either measure (assumption (*) of N. Bertschinger and others, Entropy 16, 2014), so that triples
    need not be counted: the tables that are solved have sources that are independent given the
    target, and cost the same for any number of samples.
    """

    coded: CodedColumns
    measure: str
    options: SolveOptions

    @property
    def total(self) -> int:
        """The number of targets."""
        return len(self.coded.names)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is kept of a target."""
        n = self.total
        fields = [(name, "<f8", (n,)) for name in ("shares", "errors", "mi")]
        return np.dtype([("target", "<i4"), *fields, ("gap", "<f8")])

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records of targets [start, stop) that say which they are, and no more."""
        out = np.zeros(stop - start, self.dtype)
        out["target"] = np.arange(start, stop)
        return out

    def check_sizes(self) -> None:
        """Refuse columns of so many symbols that a table would be too large."""
        largest = np.argsort(self.coded.extents, kind="stable")[-3:].tolist()
        try:
            nx, ny, nz = (int(self.coded.extents[i]) for i in largest)
            check_cells((nx, ny, nz))
        except ValueError as error:
            names = ", ".join(repr(self.coded.names[i]) for i in largest)
            raise ValueError(f"columns {names}: {error}") from None

    def block(self, target: int, stop: int) -> NDArray[Any]:
        """Return the record of one target.

        `shares` holds, of every other column x, the sum over the third columns y of Unq(x; y) /
        I(x; target), `errors` by how much it may be off, `mi` I(x; target) in nats, and `gap` the
        widest bracket in nats.
        """
        out = self.keys(target, stop)
        record = out[0]
        sides = list(self._sides(target))
        for side in sides:
            record["mi"][side.columns] = side.mi
        solve = self._by_broja if self.measure == "broja" else self._by_i_min
        solve(sides, record)
        return out

    def _sides(self, target: int) -> Iterator[_Side]:
        """Yield the distributions of the other columns with the target, by number of symbols."""
        coded = self.coded
        nz, z = int(coded.extents[target]), coded.codes[target]
        others = np.delete(np.arange(self.total), target)
        for extent in np.unique(coded.extents[others]).tolist():
            columns = others[coded.extents[others] == extent]
            counts = np.empty((len(columns), extent, nz))
            step = max(1, _SAMPLES_PER_BATCH // max(coded.n_samples, 1))
            for at in range(0, len(columns), step):
                part = columns[at : at + step]
                cells = coded.codes[part].astype(np.intp) * nz + z
                cells += (np.arange(len(part)) * (extent * nz))[:, None]
                weights = None if coded.weights is None else np.tile(coded.weights, len(part))
                found = np.bincount(cells.ravel(), weights, minlength=len(part) * extent * nz)
                counts[at : at + step] = found.reshape(-1, extent, nz)
            yield _Side(columns, counts / counts[0].sum())

    def _by_i_min(self, sides: list[_Side], record: Any) -> None:
        """Williams and Beer's measure: unique is what a source says more of an outcome."""
        columns = np.concatenate([side.columns for side in sides])
        specific = np.concatenate([side.specific for side in sides])
        mi = np.concatenate([side.mi for side in sides])
        p_z = sides[0].p.sum(axis=1)[0]
        for i, column in enumerate(columns.tolist()):
            more = np.maximum(specific[i] - specific, 0.0) @ p_z
            record["shares"][column] = share(more, np.full(len(mi), mi[i])).sum()

    def _by_broja(self, sides: list[_Side], record: Any) -> None:
        for a, first in enumerate(sides):
            for second in sides[a:]:
                size = first.p[0].size * second.p.shape[1]
                for i, j in _pairs(first, second, max(1, _CELLS_PER_BATCH // size)):
                    # p(x, z) p(y | z)
                    tables = first.p[i][:, :, None, :] * second.given_z[j][:, None, :, :]
                    terms = solve_tables(tables, self.options).terms
                    record["gap"] = max(float(record["gap"]), float(terms.gap.max()))
                    for columns, unique, mi in (
                        (first.columns[i], terms.unique_x, terms.mi_x),
                        (second.columns[j], terms.unique_y, terms.mi_y),
                    ):
                        for name, value in (("shares", unique), ("errors", 0.5 * terms.gap)):
                            record[name] += np.bincount(columns, share(value, mi), self.total)

    def fingerprint(self) -> dict[str, Any]:
        """Say what the network is of, so that a checkpoint is not continued with other data."""
        digest = hashlib.sha256()
        for array in (self.coded.codes, self.coded.weights):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return {
            "data": digest.hexdigest(),
            "columns": list(self.coded.names),
            "measure": self.measure,
            "method": self.options.method,
            "tol": self.options.tol,
            "max_iter": self.options.max_iter,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class _Side:
    """Columns of the same number of symbols, and their distributions with a target."""

    columns: NDArray[np.intp]  # (n,)
    p: NDArray[np.float64]  # (n, nx, nz)
    given_z: NDArray[np.float64] = dataclasses.field(init=False)
    specific: NDArray[np.float64] = dataclasses.field(init=False)  # (n, nz), in nats
    mi: NDArray[np.float64] = dataclasses.field(init=False)  # (n,), in nats

    def __post_init__(self) -> None:
        p_z = self.p.sum(axis=1)
        # A symbol of the target may have no weight.
        given_z = self.p / np.where(p_z > 0.0, p_z, 1.0)[:, None, :]
        specific = specific_information(self.p, "nats")
        for name, value in (
            ("given_z", given_z),
            ("specific", specific),
            ("mi", np.sum(p_z * specific, axis=1)),
        ):
            object.__setattr__(self, name, value)


def share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole; no share of no information."""
    some = whole > _NO_INFORMATION
    return np.where(some, part / np.where(some, whole, 1.0), 0.0)


def _pairs(
    first: _Side, second: _Side, most: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the places of pairs, at most `most` at a time: of one side with itself, each once."""
    n, m = len(first.columns), len(second.columns)
    if first is second:
        held: list[NDArray[np.intp]] = []
        size = 0
        for i in range(n - 1):
            for at in range(i + 1, n, most):
                j = np.arange(at, min(at + most, n))
                if size + len(j) > most:
                    yield _split(held)
                    held, size = [], 0
                held.append(np.stack([np.full(len(j), i), j]))
                size += len(j)
        if held:
            yield _split(held)
        return
    for at in range(0, n * m, most):
        numbers = np.arange(at, min(at + most, n * m))
        yield numbers // m, numbers % m


def _split(held: list[NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    i, j = np.concatenate(held, axis=1)
    return i, j
