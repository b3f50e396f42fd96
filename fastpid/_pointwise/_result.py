"""What a pointwise decomposition is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.pointwise import HasPointwiseValues
from fastpid._base.quantities import ATOMS, NATS_PER_UNIT, QUANTITIES, Terms
from fastpid._pointwise._intervals import certified_logs
from fastpid._pointwise._terms import surprise_of_target
from fastpid.joint._bins import Interval
from fastpid.joint._lookup import Labels, find_symbols
from fastpid.result import Decomposition

Floats = NDArray[np.float64]
#: The columns of a frame of cells or samples.
COLUMNS = (*ATOMS, "mi_x", "mi_y", "mi_xy")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PointwiseDecomposition(HasPointwiseValues, Comparable, Shown):
    """What every cell of a table, or of a batch of tables, contributes to the atoms.

    Every value is an array of the shape of `p`, in `unit`, NaN where `p` is zero. Its average over
    `p` is the value of the whole table, for the atoms and the union information up to `slack`. One
    cell may have a value below zero: what is seen there misinforms about the target.

    How far they are determined. They rest on the sums lam[x, z] + mu[y, z] of the dual potentials,
    not on either alone, which can be shifted against one another. Where the optimal coupling has
    the pair (x, y) these sums are the logarithm of its q(z | x, y), and so are unique if that is;
    where a chain of such pairs leads to another pair, they are for it, too. Between parts of the
    support that no chain connects they are not: :meth:`interval` says of every cell what the
    certificate leaves open, for both reasons.

    A batch can be indexed, sliced and iterated over, and has a length. Made by
    :func:`fastpid.pointwise` and :meth:`fastpid.Estimate.pointwise`.

    Attributes
    ----------
    p : ndarray (..., nx, ny, nz)
        The table, which sums to one.
    decomposition : Decomposition
        The atoms, and their certificate.
    labels : tuple of three tuples
        What every index of an axis means; its number, if the table did not say.
    names : tuple of three str
        The names of the variables.
    redundancy, unique_x, unique_y, synergy : ndarray, the shape of p
        The pointwise atoms.
    mi_x, mi_y, mi_xy : ndarray, the shape of p
        The pointwise mutual informations, ``log(p(z | x) / p(z))`` and so on.
    union_information : ndarray, the shape of p
        ``lam[x, z] + mu[y, z] - log p(z)``.
    """

    p: Floats
    decomposition: Decomposition[Any]
    labels: Labels
    names: tuple[str, str, str]
    _terms: Terms  # in nats

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return self.decomposition.shape

    def average(self, name: str) -> Any:
        """Return the average of a value over the cells of every table, a float for one table.

        Parameters
        ----------
        name : str
            An atom, or "mi_x", "mi_y", "mi_xy", "union_information".

        Raises
        ------
        ValueError
            For an unknown name.
        """
        value = self._value(check_choice("name", name, QUANTITIES))
        sums = np.sum(np.where(self.p > 0.0, self.p * value, 0.0), axis=(-3, -2, -1))
        sums = np.where(np.isnan(self.p).any(axis=(-3, -2, -1)), np.nan, sums)
        return sums if self.shape else float(sums)

    @property
    def slack(self) -> Any:
        """By how much the averages of the atoms miss the atoms: what the potentials do not prove.

        ``decomposition.union_information - average("union_information")``: half the gap, and more
        where an information inequality, which no cell has a share in, narrowed the bracket: up to
        `tol` where the solve itself came that far, beyond that for ``method="proxy"``.
        """
        return self.decomposition.union_information - self.average("union_information")

    def interval(self, name: str) -> tuple[Floats, Floats]:
        """Return what the certificate leaves open of a value in every cell.

        The interval contains the value of every optimal pair of potentials, and the one given: it
        is wide where the gap is wide for a cell as light as this one, and where the optimum is not
        unique. Takes a time that is cubic in nx + ny, and a coupling, when it is first asked for.

        Parameters
        ----------
        name : str
            An atom or "union_information"; the mutual informations are exact.

        Returns
        -------
        low, high : ndarray, the shape of p
            NaN where `p` is zero.

        Raises
        ------
        ValueError
            For an unknown name.
        """
        check_choice("name", name, (*ATOMS, "union_information"))
        ends = [
            getattr(self._terms._replace(union=union), name) * (1.0 / NATS_PER_UNIT[self.unit])
            for union in self._union_ends
        ]
        return np.minimum(*ends), np.maximum(*ends)

    @functools.cached_property
    def _union_ends(self) -> tuple[Floats, Floats]:
        """Bounds on the pointwise union information in nats."""
        shape = self.p.shape[-3:]
        lam, mu = self.decomposition.potentials
        tables = self.p.reshape((-1, *shape))
        low, high = np.full_like(tables, np.nan), np.full_like(tables, np.nan)
        lams, mus = (part.reshape((-1, *part.shape[-2:])) for part in (lam, mu))
        coupling = self.decomposition.coupling().reshape(tables.shape)
        for i in np.flatnonzero(~np.isnan(tables).any(axis=(1, 2, 3))):
            ends = certified_logs(tables[i], lams[i], mus[i], coupling[i])
            h = surprise_of_target(tables[i])
            low[i], high[i] = (np.where(tables[i] > 0.0, end + h, np.nan) for end in ends)
        return low.reshape(self.p.shape), high.reshape(self.p.shape)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for every cell with mass: its symbols, p, the values.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        cells = np.nonzero(self.p > 0.0)
        columns: dict[str, Any] = {f"batch_{i}": at for i, at in enumerate(cells[:-3])}
        for name, labels, at in zip(self.names, self.labels, cells[-3:], strict=True):
            columns[name] = pd.Series([_plain(labels[i]) for i in at.tolist()], dtype=object)
            columns[name] = columns[name].infer_objects()
        index = pd.MultiIndex.from_frame(pd.DataFrame(columns))
        values = {"p": self.p[cells]}
        values.update((name, self._value(name)[cells]) for name in COLUMNS)
        return pd.DataFrame(values, index=index)

    def top(self, atom: str = "synergy", n: int = 10) -> Any:
        """Return the cells with the highest values of one atom, as :meth:`to_frame` shows them.

        Columns `low` and `high` have the :meth:`interval` of the atom.

        Parameters
        ----------
        atom : str
        n : int
            How many cells, the highest first.

        Raises
        ------
        ValueError
            For an unknown atom, or `n` below one.
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        check_choice("atom", atom, ATOMS)
        frame = self.to_frame()
        frame["low"], frame["high"] = (end[self.p > 0.0] for end in self.interval(atom))
        return frame.nlargest(check_positive_integer("n", n), atom)

    def of(self, x: Any, y: Any, z: Any, *, data: Any = None) -> Any:
        """Return the values of samples: those of the cells they fall into, one row a sample.

        Parameters
        ----------
        x, y, z : array-like (n_samples,)
            As :func:`fastpid.joint.from_samples` takes them, and as the table was made of, before
            any binning; indices of symbols where the table was an array. With `data`, names of its
            columns. For indices alone, ``result.synergy[x, y, z]`` is the same, without pandas.
        data : frame or mapping, optional

        Returns
        -------
        pandas.DataFrame
            Columns `p`, the atoms, `mi_x`, `mi_y`, `mi_xy`; NaN where a sample falls into a cell
            that the table has not seen.

        Raises
        ------
        ValueError
            For values that have no symbol in the table, missing ones, columns of different lengths;
            for a batch.
        TypeError
            For columns that no table can be made of.
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "of()")
        if self.shape:
            raise ValueError(
                f"of() is for one table; this is a batch of shape {self.shape}: index it first"
            )
        cells = find_symbols(self.labels, self.names, x, y, z, data)
        values = {"p": self.p[cells]}
        values.update((name, self._value(name)[cells]) for name in COLUMNS)
        return pd.DataFrame(values)

    def plot(self, *, atoms: Any = ATOMS, ax: Any = None) -> Any:
        """Draw how the atoms are made up: :func:`fastpid.plot.pointwise`."""
        from fastpid.plot import pointwise

        return pointwise(self, atoms=atoms, ax=ax)

    def __bool__(self) -> bool:
        """Return True: a result is one, even of a single table, which has no length."""
        return True

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the PointwiseDecomposition of one table has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> PointwiseDecomposition:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the PointwiseDecomposition of one table cannot be indexed")
        rows = np.arange(int(np.prod(self.shape))).reshape(self.shape)[key]

        def part(values: Floats) -> Floats:
            chosen: Floats = values.reshape((-1, *self.p.shape[-3:]))[rows]
            return chosen

        return dataclasses.replace(
            self,
            p=part(self.p),
            decomposition=self.decomposition[key],
            _terms=self._terms.each(part),
        )

    def __iter__(self) -> Iterator[PointwiseDecomposition]:
        """Return the results along the first axis of the batch."""
        if not self.shape:
            raise TypeError("the PointwiseDecomposition of one table cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        """Return a row for every atom: its average, and the range over cells."""
        cells = int(np.count_nonzero(self.p > 0.0))
        size = " x ".join(map(str, self.p.shape[-3:]))
        what = f"a batch of shape {self.shape} of {size}" if self.shape else size
        lines = [
            f"PointwiseDecomposition of {what}, {cells} cells with mass ({self.unit})",
            f"  {'':<12}{'average':>12}{'least':>12}{'most':>12}",
        ]
        for name in ATOMS:
            values = self._value(name)
            seen = values[np.isfinite(values)]
            averages = np.ravel(self.average(name))
            averages = averages[np.isfinite(averages)]
            if seen.size:
                row = (float(np.median(averages)), float(seen.min()), float(seen.max()))
                # Adding zero makes -0 of a rounded value 0.
                shown = (f"{round(value, 6) + 0.0:>12.6f}" for value in row)
                lines.append(f"  {name:<12}" + "".join(shown))
        slack = np.ravel(self.slack)
        largest = float(np.max(np.abs(slack[np.isfinite(slack)]), initial=0.0))
        median = ", and those shown the medians of the tables" if self.shape else ""
        return "\n".join([*lines, f"  averages are the atoms to {largest:.1e}{median}"])


def _plain(label: Any) -> Any:
    """Return a label as an entry of an index, which takes tuples apart."""
    return repr(label) if isinstance(label, Interval) else label
