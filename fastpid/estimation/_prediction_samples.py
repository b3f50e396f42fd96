"""Soft predictions of two classifiers with their labels, as samples that can be resampled.

A sample i adds the table w_i f_i[x] g_i[y] 1[z_i = z]. Resamples weigh samples anew, or give them
other labels or predictions, so that every table is a product of matrices.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fastpid.estimation._occupancy import Occupancy, worth_of_predictions
from fastpid.estimation._resampling import CELLS_AT_A_TIME, IndependentSamples, Tables
from fastpid.joint._predictions import sum_by_class

#: Samples that are shuffled among themselves where predictions are to stay alike: fewer would not
#: mix, more would not be alike.
_ALIKE = 16

Matrix = NDArray[np.float64]


class PredictionSamples(IndependentSamples):
    """Predictions x (n, nx) and y (n, ny), labels z (n,) below nz, and weights (n,)."""

    def __init__(
        self, x: Matrix, y: Matrix, z: NDArray[np.int64], nz: int, weights: Matrix
    ) -> None:
        order = np.argsort(z, kind="stable")  # samples of a label stand together
        self.x, self.y, self.z = x[order], y[order], z[order]
        self.weights = weights[order]
        self.shape: tuple[int, ...] = (x.shape[1], y.shape[1], nz)
        self.size = math.prod(self.shape)

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self.z)

    @property
    def n_effective(self) -> float:
        """How many unweighted samples would be as uncertain."""
        return float(self.weights.sum() ** 2 / np.sum(self.weights**2))

    @functools.cached_property
    def mass(self) -> Matrix:
        """The weight of every cell, (size,)."""
        return self._weigh(self.weights[None]).ravel()

    @functools.cached_property
    def squares(self) -> Matrix:
        """The sums of squares of what samples add to every cell, (nx, ny, nz)."""
        squared = PredictionSamples(self.x**2, self.y**2, self.z, self.shape[2], self.weights**2)
        return squared.mass.reshape(self.shape)

    @functools.cached_property
    def _worth(self) -> Occupancy:
        members = np.eye(self.shape[2])[self.z] * self.weights[:, None] ** 2
        # Weights count as in Kish's N: of equal ones, the sums below are those of the squares.
        scale = self.n_effective / self.weights.sum()
        return worth_of_predictions(
            self.mass.reshape(self.shape),
            self.squares * scale,
            (self.x**2).T @ members * scale,
            (self.y**2).T @ members * scale,
        )

    def occupancy(self, table: Matrix) -> Occupancy:
        """Count the cells that the predictions are worth: of every resample as of the samples."""
        return self._worth

    def bootstrap(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables of as many samples, drawn with replacement, in four parts."""
        random = np.random.default_rng(seed)
        n = self.n_samples
        sizes = (n + np.arange(4)) // 4
        for some in self._batches(count, 4):
            drawn = random.multinomial(sizes, np.full(n, 1.0 / n), size=(some, 4))
            yield self._weigh(drawn * self.weights).reshape((-1, 4, *self.shape))

    def parts(self, count: int, seed: np.random.SeedSequence, parts: int) -> Tables:
        """Yield the `parts` tables of `count` random divisions of the samples in equal parts."""
        random = np.random.default_rng(seed)
        part = np.arange(self.n_samples) * parts // self.n_samples
        for some in self._batches(count, parts):
            of = random.permuted(np.tile(part, (some, 1)), axis=1)
            chosen = of[:, None, :] == np.arange(parts)[:, None]
            yield self._weigh(chosen * self.weights).reshape((-1, *self.shape))

    def shuffled_parts(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables in which the target was shuffled, in four parts."""
        random = np.random.default_rng(seed)
        n = self.n_samples
        part = np.arange(n) * 4 // n
        for some in self._batches(count, 4):
            tables = np.zeros((some, 4, *self.shape))
            for table in tables:
                labels, of = random.permutation(self.z), random.permutation(part)
                for k in range(4):
                    table[k] = self._label(np.flatnonzero(of == k), labels[of == k])
            yield tables

    def shuffle(self, count: int, seed: np.random.SeedSequence, role: str, given: str) -> Tables:
        """Yield tables in which predictions or labels were shuffled among the samples.

        Among samples alike in the prediction `given`, that is among those of the same most likely
        symbol whose probability of it is about the same, or among all for "". Their weights stay
        with what is not shuffled.
        """
        random = np.random.default_rng(seed)
        strata = self._strata(given)
        everything = np.arange(self.n_samples)
        for some in self._batches(count, 1):
            tables = np.zeros((some, *self.shape))
            for table in tables:
                order = everything.copy()
                for stratum in strata:
                    order[stratum] = random.permutation(stratum)
                if role == "z":
                    table[:] = self._label(everything, self.z[order])
                else:
                    x = self.x[order] if role == "x" else self.x
                    y = self.y[order] if role == "y" else self.y
                    table[:] = self._sum(x, y, self.z)
            yield tables

    def leave_one_out(self) -> tuple[Tables, Matrix]:
        """Return the tables that lack one sample, and one for each of them."""

        def tables() -> Iterator[Matrix]:
            step = max(1, CELLS_AT_A_TIME // self.size)
            for start in range(0, self.n_samples, step):
                some = np.arange(start, min(start + step, self.n_samples))
                rows = np.repeat(self.mass.reshape((1, *self.shape)), len(some), axis=0)
                lost = self.x[some, :, None] * self.y[some, None, :]
                rows[np.arange(len(some)), :, :, self.z[some]] -= (
                    lost * self.weights[some, None, None]
                )
                np.maximum(rows, 0.0, out=rows)  # of what rounding leaves
                yield rows

        return tables(), np.ones(self.n_samples)

    def _strata(self, given: str) -> list[NDArray[np.intp]]:
        if not given:
            return [np.arange(self.n_samples)]
        rows = {"x": self.x, "y": self.y}[given]
        most, symbol = rows.max(axis=1), rows.argmax(axis=1)
        strata = []
        for value in np.unique(symbol):
            members = np.flatnonzero(symbol == value)
            members = members[np.argsort(most[members], kind="stable")]
            strata += np.array_split(members, max(1, len(members) // _ALIKE))
        return strata

    def _batches(self, count: int, parts: int) -> Iterator[int]:
        """Yield how many resamples go together."""
        step = max(1, CELLS_AT_A_TIME // (parts * max(self.size, self.n_samples)))
        for start in range(0, count, step):
            yield min(step, count - start)

    def _label(self, rows: NDArray[np.intp], labels: NDArray[np.int64]) -> Matrix:
        """Return the table (nx, ny, nz) of some samples with other labels."""
        return self._sum(self.x[rows], self.y[rows], labels, self.weights[rows])

    def _sum(
        self, x: Matrix, y: Matrix, z: NDArray[np.int64], weights: Matrix | None = None
    ) -> Matrix:
        weights = self.weights if weights is None else weights
        return sum_by_class(x * weights[:, None], y, z, self.shape[2])

    def _weigh(self, weights: Matrix) -> Matrix:
        """Return the tables (k, nx, ny, nz) of the samples with other weights (..., n)."""
        nx, ny, nz = self.shape
        weights = weights.reshape(-1, self.n_samples)
        out = np.zeros((len(weights), nz, nx * ny))
        ends = np.searchsorted(self.z, np.arange(nz + 1))
        step = max(1, CELLS_AT_A_TIME // (nx * ny))
        for label in range(nz):
            for start in range(ends[label], ends[label + 1], step):
                some = slice(start, min(start + step, ends[label + 1]))
                outer = (self.x[some, :, None] * self.y[some, None, :]).reshape(-1, nx * ny)
                out[:, label] += weights[:, some] @ outer
        return np.ascontiguousarray(out.swapaxes(1, 2).reshape(-1, nx, ny, nz))
