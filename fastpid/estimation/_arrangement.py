"""Samples that depend on one another: which may change places, and which of them are independent.

What a null hypothesis does to independent samples - shuffle one variable among those alike in
another - would take their dependence away as well, and leave a null that is too narrow. One rule
makes all surrogates here: the samples are put into another order that keeps them next to one
another (whole groups in random order, a series that starts elsewhere), and in every stratum, the
samples of equal y say, the j-th value of the new order goes to the j-th sample of the old one. What
is moved keeps its distribution in every stratum exactly, and its dependence as far as the order
does. Independent samples are a case of it: any order will do.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count
from fastpid.joint._columns import read_column

Permute = Literal["between", "within"]
PERMUTE = ("between", "within")

#: Of fewer groups, resampling whole ones says nothing.
LEAST_GROUPS = 5
#: Of fewer blocks, series are too short to be resampled.
_LEAST_BLOCKS = 8


class Arrangement:
    """How samples may be put in order, drawn and divided.

    Samples are meant as `sorted` puts them: by their group, and inside of it as they came.

    Parameters
    ----------
    runs : ndarray of int (n_samples,)
        The group or recording of every sample, all below the number of groups.
    unit : {"sample", "group", "block"}
        What is independent: every sample, but only inside of its group where there are several;
        whole groups; or blocks of a series.
    block_length : int
        How far a series depends on what was before.
    """

    def __init__(self, runs: NDArray[np.intp], unit: str, block_length: int = 1) -> None:
        self.unit = unit
        self.block_length = block_length
        self.sorted = np.argsort(runs, kind="stable")
        self.runs = runs[self.sorted]
        self.lengths = np.bincount(runs)
        self._starts = np.cumsum(self.lengths) - self.lengths

    @classmethod
    def of_independent(cls, n_samples: int) -> Arrangement:
        """Return that of samples which do not depend on one another."""
        return cls(np.zeros(n_samples, dtype=np.intp), "sample")

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self.runs)

    @property
    def n_units(self) -> int:
        """How many units count as independent."""
        return len(self.unit_sizes)

    @functools.cached_property
    def unit_sizes(self) -> NDArray[np.intp]:
        """How many samples each unit has, one after the other."""
        if self.unit == "group":
            return self.lengths
        if self.unit == "sample":
            return np.ones(self.n_samples, dtype=np.intp)
        sizes: list[int] = []
        for length in self.lengths.tolist():
            whole, rest = divmod(length, self.block_length)
            # A rest of less than half a block belongs to the block before.
            blocks = [self.block_length] * whole
            if 2 * rest >= self.block_length:
                blocks.append(rest)
            else:
                blocks[-1] += rest
            sizes += blocks
        return np.array(sizes, dtype=np.intp)

    @property
    def moves(self) -> str:
        """What is done to a variable under a null hypothesis."""
        if self.unit == "block":
            return "shifted"
        if self.unit == "group" and self.n_units < self.n_samples:
            return "shuffled between groups"
        if self.unit == "group":
            return "shuffled"
        return "shuffled" if len(self.lengths) == 1 else "shuffled within groups"

    @property
    def units(self) -> str:
        """What is resampled."""
        if self.unit == "block":
            return f"blocks of {self.block_length} samples"
        if self.unit == "group":
            return "groups" if self.n_units < self.n_samples else "samples"
        return "samples" if len(self.lengths) == 1 else "samples within groups"

    @property
    def strata(self) -> NDArray[np.intp]:
        """Between what nothing may move: groups, unless whole ones change places. (n_samples,)."""
        return np.zeros_like(self.runs) if self.unit == "group" else self.runs

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """Draw another order of the samples, as their numbers."""
        if self.unit == "group":
            groups = random.permutation(len(self.lengths))
            lengths = self.lengths[groups]
            return np.arange(self.n_samples) + np.repeat(
                self._starts[groups] - np.cumsum(lengths) + lengths, lengths
            )
        if self.unit == "sample":
            # Only the order inside of each group matters, which is random as well.
            return random.permutation(self.n_samples)
        # At least a block away, on either side.
        length = self.block_length
        shifts = random.integers(length, self.lengths - length + 1)
        starts, lengths = self._starts[self.runs], self.lengths[self.runs]
        within = np.arange(self.n_samples) - starts + shifts[self.runs]
        return np.asarray(starts + within % lengths)

    def resample(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Draw units with replacement, in four parts: how often each sample is there, (4, n).

        Of groups, whole ones (the cluster bootstrap: Davison and Hinkley 1997, section 3.8); of
        series, blocks that start anywhere and go on from the end of their series at its beginning
        (the circular block bootstrap: D. N. Politis and J. P. Romano 1992); of samples, any of the
        same group.
        """
        n, n_units = self.n_samples, self.n_units
        if self.unit == "group":
            part = np.arange(n_units) * 4 // n_units
            drawn = np.bincount(random.integers(0, n_units, n_units) + n_units * part)
            drawn.resize(4, n_units)
            return np.asarray(np.repeat(drawn, self.lengths, axis=1), dtype=np.float64)
        sizes = self.unit_sizes
        before = np.cumsum(sizes) - sizes
        run = self.runs[before]
        lengths = self.lengths[run]
        first = np.minimum((random.random(n_units) * lengths).astype(np.intp), lengths - 1)
        steps = np.arange(n) - np.repeat(before, sizes) + np.repeat(first, sizes)
        drawn = np.repeat(self._starts[run], sizes) + steps % np.repeat(lengths, sizes)
        part = np.repeat(self._parts(random, 4), sizes)
        times = np.bincount(drawn + n * part, minlength=4 * n)
        return np.asarray(times.reshape(4, n), dtype=np.float64)

    def divide(self, random: np.random.Generator, parts: int) -> NDArray[np.float64]:
        """Divide the units in equal parts: whether each sample is in each, (parts, n_samples)."""
        part = np.repeat(self._parts(random, parts), self.unit_sizes)
        return np.asarray(part == np.arange(parts)[:, None], dtype=np.float64)

    def without_each(self, step: int) -> Iterator[NDArray[np.float64]]:
        """Yield what is left without each unit, `step` units at a time, (n, n_samples)."""
        unit = np.repeat(np.arange(self.n_units), self.unit_sizes)
        for first in range(0, self.n_units, step):
            lost = np.arange(first, min(first + step, self.n_units))
            yield (unit != lost[:, None]).astype(np.float64)

    def _parts(self, random: np.random.Generator, parts: int) -> NDArray[np.intp]:
        """Return a random part for every unit; parts are equal but for one unit."""
        return random.permutation(np.arange(self.n_units) * parts // self.n_units)


def read_labels(
    argument: str, labels: object, n_samples: int
) -> tuple[NDArray[np.intp], tuple[Any, ...]]:
    """Read a label for every sample: numbers (n_samples,) of those there are, and these.

    Categories come as they are, also those that no sample has.

    Raises
    ------
    ValueError
        If there is not one label for every sample, or some are missing.
    TypeError
        If labels are of a type that columns of symbols cannot be.
    """
    column = read_column(argument, argument, labels)
    if len(column) != n_samples:
        raise ValueError(
            f"{argument} has {len(column)} labels for {n_samples} samples; pass one for each sample"
        )
    if column.missing.any():
        raise ValueError(
            f"{argument} misses labels ({column.rows.text(column.missing)}); leave out these "
            "samples, or say where they belong"
        )
    if column.is_coded:
        return np.asarray(column.values, dtype=np.intp), column.categories
    seen, numbers = np.unique(column.values, return_inverse=True)
    return numbers.ravel(), tuple(seen.tolist())


def read_groups(
    groups: object, n_samples: int, kept: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """Read the groups of the samples that are kept: numbers of those that have any of them.

    Raises
    ------
    ValueError, TypeError
        As :func:`read_labels` does.
    """
    numbers, _ = read_labels("groups", groups, n_samples)
    return np.unique(numbers if kept is None else numbers[kept], return_inverse=True)[1].ravel()


def check_arrangement(
    groups: NDArray[np.intp] | None,
    permute: object,
    block_length: object,
    n_samples: int,
    names: tuple[str, str] = ("samples", "series"),
) -> Arrangement:
    """Check how samples are said to depend; `names` are what a sample and a series are called.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.estimate` says of `groups`, `permute` and `block_length`.
    """
    samples, series = names
    if permute is not None:
        check_choice("permute", permute, PERMUTE)
        if groups is None:
            raise ValueError(f"permute={permute!r} needs groups; pass groups=, or leave it out")
    if groups is None and block_length is None:
        return Arrangement.of_independent(n_samples)
    runs = np.zeros(n_samples, dtype=np.intp) if groups is None else groups
    sizes = np.bincount(runs)
    if groups is not None:
        if len(sizes) == 1:
            raise ValueError(
                "groups has one group, so that nothing is known of how groups differ; leave it "
                f"out, or pass block_length= if the {samples} are a time series"
            )
        if sizes.max() == 1:
            raise ValueError(
                f"groups has a group of its own for every one of {n_samples} {samples}, which is "
                "what it means that they are independent; leave it out"
            )
    if block_length is not None:
        if permute is not None:
            raise ValueError(
                f"permute={permute!r} cannot be had with block_length: series are shifted, each "
                "within its group; leave one of them out"
            )
        length = check_count("block_length", block_length, 1)
        shortest = int(sizes.min())
        if _LEAST_BLOCKS * length > n_samples or 2 * length >= shortest:
            raise ValueError(
                f"block_length={length} is too long: {n_samples} {samples} have to hold at least "
                f"{_LEAST_BLOCKS} blocks, and the shortest series, of {shortest} {samples}, more "
                f"than two; take a smaller one, or longer {series}"
            )
        return Arrangement(runs, "block", length)
    if permute == "within":
        if sizes.min() < 2:
            alone = int(np.count_nonzero(sizes == 1))
            raise ValueError(
                f'permute="within" exchanges {samples} inside of groups, and {alone} of '
                f'{len(sizes)} groups have one; leave these out, or take permute="between"'
            )
        return Arrangement(runs, "sample")
    if len(sizes) < LEAST_GROUPS:
        raise ValueError(
            f"groups has {len(sizes)} groups, and at least {LEAST_GROUPS} are needed to resample "
            'whole ones; if no other groups are meant than these, pass permute="within"'
        )
    return Arrangement(runs, "group")
