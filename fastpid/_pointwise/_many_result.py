"""What a pointwise decomposition of several sources is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.quantities import NATS_PER_UNIT, Unit
from fastpid._many import ManyDecomposition

Floats = NDArray[np.float64]
Subset = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ManyPointwiseDecomposition(Comparable, Shown):
    """What every cell of a table of M sources, or of a batch, contributes to their parts.

    Every value has the shape of `p`, in `unit`, and is NaN where `p` is zero. Its average over `p`,
    :meth:`average`, is the value of the whole table in `decomposition`, up to `slack`. One cell may
    have a value below zero: what is seen there misinforms about the target.

    They rest on sums of the dual potentials, which are unique where the coupling is and has the
    tuple of symbols; between parts of the support that are not connected they are not, as
    :class:`fastpid.PointwiseDecomposition` explains, which bounds them cell by cell for two
    sources. A batch can be indexed, sliced and iterated over, and has a length. Made by
    :func:`fastpid.pointwise_many`.

    Attributes
    ----------
    p : ndarray (..., n_1, ..., n_M, nz)
        The table, which sums to one; of composite sources, with the axes of each merged.
    decomposition : ManyDecomposition
        The values of the whole table, and their certificates.
    """

    p: Floats
    decomposition: ManyDecomposition
    _union: Floats  # (subsets, *p.shape), nats
    _joint: Floats  # p.shape, nats

    def _shown(self, nats: Floats) -> Floats:
        values: Floats = nats * (1.0 / NATS_PER_UNIT[self.unit])
        return values

    @property
    def n_sources(self) -> int:
        """M."""
        return self.decomposition.n_sources

    @property
    def subsets(self) -> tuple[Subset, ...]:
        """The sets of sources whose union information is known."""
        return self.decomposition.subsets

    @property
    def unit(self) -> Unit:
        """The unit of all values: "bits" or "nats"."""
        return self.decomposition.unit

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return self.decomposition.shape

    def union_information(self, sources: Iterable[int] | int | None = None) -> Floats:
        """Return what the sources of a set say without their synergy in every cell.

        Parameters
        ----------
        sources : iterable of int, or int, optional
            Numbers of sources, from 0; all of them by default.

        Raises
        ------
        KeyError
            If this set was not asked for.
        """
        chosen = range(self.n_sources) if sources is None else sources
        return self._shown(self._union[self.decomposition._at(chosen)])

    @property
    def mi(self) -> Floats:
        """``log(p(z | x_i) / p(z))`` of every source, shape (M, *p.shape)."""
        return np.stack([self.union_information(i) for i in range(self.n_sources)])

    @property
    def mi_joint(self) -> Floats:
        """``log(p(z | x_1, ..., x_M) / p(z))``."""
        return self._shown(self._joint)

    @property
    def synergy(self) -> Floats:
        """What only several sources together say in a cell."""
        return self.mi_joint - self.union_information()

    @property
    def unique(self) -> Floats:
        """What each source says in a cell that no other does, shape (M, *p.shape).

        Raises
        ------
        KeyError
            If the sets of all sources but one were not asked for.
        """
        sets = [[j for j in range(self.n_sources) if j != i] for i in range(self.n_sources)]
        everything = self.union_information()
        return np.stack([everything - self.union_information(rest) for rest in sets])

    @property
    def coverage(self) -> dict[Subset, Floats]:
        """What exactly the sources of each set share in a cell, for every non-empty set.

        Raises
        ------
        ValueError
            Unless all subsets were asked for.
        """
        signs = self.decomposition._signs()
        return {
            subset: sum(
                (sign * self.union_information(a) for a, sign in of_set.items()),
                start=np.zeros_like(self.p),
            )
            for subset, of_set in signs.items()
        }

    @property
    def redundancy(self) -> Floats:
        """What all sources share in a cell: the coverage atom of all of them."""
        return self.coverage[tuple(range(self.n_sources))]

    def average(self, values: Floats) -> Any:
        """Return the average of values over the cells of every table, as of `synergy`.

        Parameters
        ----------
        values : ndarray (..., *p.shape)
            What this result has for every cell; leading axes, as `unique` has, stay.

        Returns
        -------
        float or ndarray
            One for every table, behind the leading axes.
        """
        given = np.asarray(values)
        if given.shape[given.ndim - self.p.ndim :] != self.p.shape:
            raise ValueError(
                f"values must have the shape of p, {self.p.shape}, behind any leading axes; got "
                f"{given.shape}"
            )
        cells = tuple(range(-1 - self.n_sources, 0))
        sums = np.sum(np.where(self.p > 0.0, self.p * given, 0.0), axis=cells)
        return sums if sums.ndim else float(sums)

    @property
    def slack(self) -> Any:
        """By how much averages of union informations miss them, the most of all sets.

        Half the gap of a set, and more where a bound of a neighbour or an information inequality,
        which no cell has a share in, narrowed its bracket.
        """
        averages = self.average(self._shown(self._union))
        known = np.stack([self.decomposition.union_information(a) for a in self.subsets])
        most = np.abs(known - averages).max(axis=0)
        return most if most.ndim else float(most)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for every cell with mass: its symbols, p, the values.

        Columns are `p`, `synergy`, and the coverage atoms, named by their sources as "0,2", if all
        sets are known; otherwise the union information of every set.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        cells = np.nonzero(self.p > 0.0)
        axes = [f"batch_{i}" for i in range(len(self.shape))]
        axes += [f"source_{i}" for i in range(self.n_sources)]
        index = pd.MultiIndex.from_arrays(cells, names=[*axes, "z"])
        if len(self.subsets) == 2**self.n_sources - 1:
            values = self.coverage
        else:
            values = {subset: self.union_information(subset) for subset in self.subsets}
        columns = {",".join(map(str, subset)): value[cells] for subset, value in values.items()}
        first = {"p": self.p[cells], "synergy": self.synergy[cells]}
        return pd.DataFrame({**first, **columns}, index=index)

    def __bool__(self) -> bool:
        """Return True: a result is one, even of a single table, which has no length."""
        return True

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the ManyPointwiseDecomposition of one table has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> ManyPointwiseDecomposition:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the ManyPointwiseDecomposition of one table cannot be indexed")
        at = np.arange(math.prod(self.shape)).reshape(self.shape)[key]
        table = self.p.shape[len(self.shape) :]
        return dataclasses.replace(
            self,
            p=self.p.reshape(-1, *table)[at],
            decomposition=self.decomposition[key],
            _union=self._union.reshape(len(self.subsets), -1, *table)[:, at],
            _joint=self._joint.reshape(-1, *table)[at],
        )

    def __iter__(self) -> Iterator[ManyPointwiseDecomposition]:
        """Return the results along the first axis of the batch."""
        if not self.shape:
            raise TypeError("the ManyPointwiseDecomposition of one table cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        cells = int(np.count_nonzero(self.p > 0.0))
        size = " x ".join(map(str, self.p.shape[len(self.shape) :]))
        what = f"a batch of shape {self.shape} of {size}" if self.shape else size
        shown = {"synergy": self.synergy}
        if len(self.subsets) == 2**self.n_sources - 1:
            shown = {
                **{",".join(map(str, subset)): value for subset, value in self.coverage.items()},
                **shown,
            }
        lines = [
            f"ManyPointwiseDecomposition of {what}, {cells} cells with mass ({self.unit})",
            f"  {'':<12}{'average':>12}{'least':>12}{'most':>12}",
        ]
        for name, values in shown.items():
            seen = values[self.p > 0.0]
            row = (float(np.median(self.average(values))), seen.min(), seen.max())
            # Adding zero makes -0 of a rounded value 0.
            lines.append(f"  {name:<12}" + "".join(f"{round(v, 6) + 0.0:>12.6f}" for v in row))
        median = ", and those shown the medians of the tables" if self.shape else ""
        return "\n".join([*lines, f"  averages are the values to {np.max(self.slack):.1e}{median}"])
