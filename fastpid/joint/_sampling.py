"""How much of a distribution its samples have seen."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Below these, corrections fail and intervals hold by being wide; bench/studies/estimation has the
#: figures behind them.
LEAST_COVERAGE = 0.9
LEAST_PER_OCCUPIED_CELL = 2.0
#: From so many samples for each of its cells on, a table is about as well covered as that.
_ENOUGH_PER_CELL = 5


class UndersampledWarning(UserWarning):
    """The samples are too few for the symbols they are counted in."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How much of a distribution its samples have seen.

    Attributes
    ----------
    n_samples : int
        The number of samples.
    n_effective : float
        How many unweighted samples would be as uncertain.
    shape : tuple of int
        The numbers of symbols of x, y and z, or of more sources and z.
    n_occupied : float
        How many cells of the table hold samples; of soft predictions, as many as they are worth.
    coverage : float
        How much of the probability lies in cells that were seen: one less the share of samples that
        are alone in their cell (I. J. Good, after A. M. Turing, Biometrika 40, 1953).
    n_wanted : int or None
        About how many samples would cover 90 %, extrapolated from how many cells hold one sample
        and two (A. Chao and L. Jost, Ecology 93, 2012); None where they do. It is rough, and too
        small rather than too large where most of the samples are alone.
    """

    n_samples: int
    n_effective: float
    shape: tuple[int, ...]
    n_occupied: float
    coverage: float
    n_wanted: int | None

    @property
    def samples_per_occupied_cell(self) -> float:
        """Effective samples by the cells that hold any."""
        return self.n_effective / self.n_occupied

    @property
    def samples_per_cell(self) -> float:
        """Effective samples by all cells of the table."""
        return self.n_effective / math.prod(self.shape)

    @property
    def is_sufficient(self) -> bool:
        """Whether 90 % are covered, and there are two effective samples for an occupied cell."""
        return (
            self.coverage >= LEAST_COVERAGE
            and self.samples_per_occupied_cell >= LEAST_PER_OCCUPIED_CELL
        )

    @property
    def advice(self) -> str:
        """What is the matter and what to do, in a sentence; empty if nothing is."""
        if self.is_sufficient:
            return ""
        of = " x ".join(map(str, self.shape))
        if self.coverage < LEAST_COVERAGE:
            what = (
                f"{self.n_samples} samples in {of} symbols cover {self.coverage:.0%} of their "
                f"distribution, and at least {LEAST_COVERAGE:.0%} are wanted"
            )
            more = f", or some {_rounded_up(self.n_wanted)} samples" if self.n_wanted else ""
        else:
            what = (
                f"the weights leave {self.n_effective:.3g} effective samples of {self.n_samples}, "
                f"for {self.n_occupied:.3g} occupied cells"
            )
            more = ", or less unequal weights"
        cells = max(8, int(self.n_effective) // _ENOUGH_PER_CELL)
        return (
            f"{what}: values cannot be relied on, and intervals hold by being wide; take fewer "
            f"symbols or bins (about {cells} cells in all){more}"
        )

    def __str__(self) -> str:
        """Return one line."""
        return (
            f"{self.coverage:.1%} covered, {self.samples_per_occupied_cell:.1f} samples per "
            f"occupied cell, {self.samples_per_cell:.1f} per cell"
        )


def sampling_of(counts: NDArray[np.int64], p: NDArray[np.float64], n_effective: float) -> Sampling:
    """Say how well a table is sampled, from its counts, its shares of the weight and Kish's N."""
    sizes = int(counts.sum()), n_effective
    return sampling_of_shares(counts, p, sizes, float(np.count_nonzero(counts)))


def sampling_of_shares(
    n_contributing: NDArray[Any],
    p: NDArray[np.float64],
    sizes: tuple[int, float],
    n_cells: float,
) -> Sampling:
    """Say how well a table is sampled, from how many samples contribute to its cells.

    Parameters
    ----------
    n_contributing : ndarray (nx, ny, nz)
        Counts; of soft predictions, as many as would contribute as much if all did the same. Up to
        one and a half are one, up to two and a half are two.
    p : ndarray (nx, ny, nz)
        The shares of the weight.
    sizes : (int, float)
        The number of samples, and Kish's.
    n_cells : float
        The number of occupied cells, or as many as predictions are worth.
    """
    n_samples, n_effective = sizes
    once = (n_contributing > 0.0) & (n_contributing < 1.5)
    twice = (n_contributing >= 1.5) & (n_contributing < 2.5)
    coverage = float(1.0 - p[once].sum())
    return Sampling(
        n_samples=n_samples,
        n_effective=n_effective,
        shape=p.shape,
        n_occupied=n_cells,
        coverage=max(coverage, 0.0),
        n_wanted=None
        if coverage >= LEAST_COVERAGE
        else _wanted(int(np.count_nonzero(once)), int(np.count_nonzero(twice)), n_samples),
    )


def coverage_of(counts: NDArray[Any], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coverage of tables (n, n_1, ..., nz), and how many cells are occupied, (2, n)."""
    cells = tuple(range(1, counts.ndim))
    once = np.where(counts == 1, p, 0.0).sum(axis=cells)
    return np.asarray(np.stack([1.0 - once, np.count_nonzero(counts, axis=cells)]))


def _wanted(once: int, twice: int, n: int) -> int:
    """Return N at which Chao and Jost's extrapolation of the coverage, their eq. 12, reaches 90 %.

    1 - C(n + m) = f1 / n [(n - 1) f1 / ((n - 1) f1 + 2 f2)]^(m + 1), f1 and f2 being the numbers of
    cells that hold one sample and two; without any of two, f1 - 1 and 1 stand for f1 and f2.
    """
    singles, pairs = (once, twice) if twice else (max(once - 1, 1), 1)
    ratio = (n - 1) * singles / ((n - 1) * singles + 2 * pairs)
    missing = once / n
    if not 0.0 < ratio < 1.0 or missing <= 1.0 - LEAST_COVERAGE:
        return n + 1
    more = math.log((1.0 - LEAST_COVERAGE) / missing) / math.log(ratio) - 1.0
    return n + max(1, math.ceil(more))


def _rounded_up(n: int) -> str:
    step = 10 ** max(0, math.floor(math.log10(n)) - 1)
    return f"{math.ceil(n / step) * step:,}"
