"""Resamples of a table of samples, and their informations: thousands of tables in a few calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid.result import named_values
from fastpid._solve.solve import count_workers, solve

__all__ = ["QUANTITIES", "Resampler", "Tables", "named", "seed_sequence", "solve_all"]

#: What an estimate is made for, in the order of named().
QUANTITIES = (
    "redundancy",
    "unique_x",
    "unique_y",
    "synergy",
    "mi_x",
    "mi_y",
    "mi_xy",
    "union_information",
)

#: Cells of the tables that are in memory at a time (32 MiB).
_CELLS_AT_A_TIME = 2**22

#: Resamples, some at a time: arrays (count, nx, ny, nz) of weights of cells.
Tables = Iterator[NDArray[np.float64]]


def seed_sequence(seed: Any) -> np.random.SeedSequence:
    """Return the seed sequence of whatever numpy takes for a seed.

    Raises
    ------
    TypeError, ValueError
        If `seed` is none of these.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, np.random.Generator):
        return np.random.SeedSequence(seed.integers(0, 2**32, 4).tolist())
    try:
        return np.random.SeedSequence(seed)
    except TypeError:
        raise TypeError(
            f"seed must be a non-negative integer, a numpy Generator or None; "
            f"got {type(seed).__name__}"
        ) from None
    except ValueError:
        raise ValueError(f"seed must be a non-negative integer; got {seed!r}") from None


def named(informations: NDArray[np.float64]) -> dict[str, Any]:
    """Return QUANTITIES by name of informations (..., 4): mi_x, mi_y, mi_xy, union; same unit."""
    mi_x, mi_y, mi_xy, union = np.moveaxis(informations, -1, 0)
    values = named_values(mi_x, mi_y, mi_xy, union, union, union, 1.0)
    return {name: values[name] for name in QUANTITIES}


def solve_all(
    tables: Tables, options: SolveOptions, done: Callable[[int], object]
) -> tuple[NDArray[np.float64], float]:
    """Return the informations (n, 4) of all tables in nats, and the largest gap among them."""
    informations, gap = [], 0.0
    for batch in tables:
        mi_x, mi_y, mi_xy, lower, upper = solve(batch, options).informations
        informations.append(np.stack([mi_x, mi_y, mi_xy, 0.5 * (lower + upper)], axis=1))
        gap = max(gap, float(np.max(upper - lower)))
        done(len(batch))
    return np.concatenate(informations), gap


@dataclasses.dataclass(frozen=True, eq=False)
class Resampler:
    """Samples by the cell of the table that they fall into."""

    cells: NDArray[np.int32]  # (n_samples,)
    shape: tuple[int, int, int]
    weights: NDArray[np.float64] | None
    threads: int  # 0: the default

    @property
    def size(self) -> int:
        """The number of cells of the table."""
        nx, ny, nz = self.shape
        return nx * ny * nz

    def codes(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return x, y and z of every sample."""
        x, y, z = np.unravel_index(self.cells, self.shape)
        return x, y, z

    def bootstrap(self, count: int, seed: np.random.SeedSequence) -> Tables:
        """Yield tables of as many samples drawn with replacement (Efron 1979)."""

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            return kernel.bootstrap(self.cells, self.weights, self.size, words, threads)

        return self._in_batches(draw, count, seed)

    def shuffle(self, count: int, seed: np.random.SeedSequence, role: str, given: str) -> Tables:
        """Yield tables in which the values of one variable were shuffled among the samples.

        Parameters
        ----------
        role : {"x", "y", "z"}
            The variable that is shuffled.
        given : {"", "x", "y", "z"}
            Shuffle among the samples alike in this variable, or among all.
        """
        _, ny, nz = self.shape
        codes = dict(zip("xyz", self.codes(), strict=True))
        strides = {"x": ny * nz, "y": nz, "z": 1}
        moved = (codes[role] * strides[role]).astype(np.int32)
        if given:
            order = np.argsort(codes[given], kind="stable")
            sizes = np.bincount(codes[given])
            strata = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        else:
            order, strata = np.arange(len(self.cells)), np.array([0, len(self.cells)])
        fixed, moved = (self.cells - moved)[order], moved[order]
        weights = None if self.weights is None else self.weights[order]

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            return kernel.permute(fixed, moved, strata, weights, self.size, words, threads)

        return self._in_batches(draw, count, seed)

    def parts(self, count: int, seed: np.random.SeedSequence, parts: int) -> Tables:
        """Yield the `parts` tables of `count` random divisions of the samples in equal parts."""
        rows = len(self.cells)
        part = (np.arange(rows, dtype=np.int64) * parts // rows).astype(np.int32)
        strata = np.array([0, rows])

        def draw(words: NDArray[np.uint32], threads: int) -> NDArray[np.float64]:
            # Weights must travel with their samples, so the parts are what is shuffled.
            return kernel.permute(
                self.cells,
                part * np.int32(self.size),
                strata,
                self.weights,
                parts * self.size,
                words,
                threads,
            )

        return self._in_batches(draw, count, seed, parts)

    def leave_one_out(self) -> tuple[Tables, NDArray[np.float64]]:
        """Return the tables that lack one sample, one per kind of sample, and how many of each.

        Samples are of a kind if they share their cell and their weight.
        """
        weights = np.ones(len(self.cells)) if self.weights is None else self.weights
        kinds, counts = np.unique(
            np.stack([self.cells.astype(np.float64), weights]), axis=1, return_counts=True
        )
        full = np.asarray(np.bincount(self.cells, weights, minlength=self.size), dtype=np.float64)
        cells, lost = kinds[0].astype(np.intp), kinds[1]

        def tables() -> Tables:
            step = max(1, _CELLS_AT_A_TIME // self.size)
            for start in range(0, len(cells), step):
                batch = slice(start, start + step)
                rows = np.repeat(full[None, :], len(cells[batch]), axis=0)
                rows[np.arange(len(rows)), cells[batch]] -= lost[batch]
                # A difference of weights may leave a rounding error where nothing is left.
                np.maximum(rows, 0.0, out=rows)
                yield rows.reshape((-1, *self.shape))

        return tables(), counts.astype(np.float64)

    def posterior(self, count: int, seed: np.random.SeedSequence, n_effective: float) -> Tables:
        """Yield distributions drawn from the posterior under a Dirichlet prior of total mass one.

        (W. Perks 1947: 1 / k in each of k cells.) Weighted samples count as `n_effective` ones.
        """
        weights = np.bincount(self.cells, self.weights, minlength=self.size)
        alpha = weights * (n_effective / weights.sum()) + 1.0 / self.size
        random = np.random.default_rng(seed)
        step = max(1, _CELLS_AT_A_TIME // self.size)
        for start in range(0, count, step):
            # Gamma variables of a tiny shape underflow to zero, which is where they belong.
            draws = random.standard_gamma(alpha, size=(min(step, count - start), self.size))
            yield (draws / draws.sum(axis=1, keepdims=True)).reshape((-1, *self.shape))

    def _in_batches(
        self,
        draw: Callable[[NDArray[np.uint32], int], NDArray[np.float64]],
        count: int,
        seed: np.random.SeedSequence,
        parts: int = 1,
    ) -> Tables:
        words = np.asarray(seed.generate_state(4 * count), dtype=np.uint32).reshape(count, 4)
        threads = count_workers(self.threads, count * max(len(self.cells), self.size))
        step = max(1, _CELLS_AT_A_TIME // (parts * self.size))
        for start in range(0, count, step):
            yield draw(words[start : start + step], threads).reshape((-1, *self.shape))
