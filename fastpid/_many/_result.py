"""What several sources say about a target: the union information of their subsets and the rest."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.quantities import METHODS, NATS_PER_UNIT, Unit
from fastpid._many._coverage import Subset, coverage_signs, subsets_of
from fastpid.result import STATUSES, Decomposition, Words


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ManyDecomposition(Comparable):
    """What M sources say about a target: each alone, some together, only all together.

    With g(A) the union information of the sources in A (what they say without their synergy)::

        synergy         = I(X_1, ..., X_M; Z) - g(all)
        unique[i]       = g(all) - g(all but i)
        coverage[B]     what exactly the sources of B share: g(A) is the sum of coverage[B] over
                        all B that have a source in common with A
        redundancy      = coverage[all]

    The coverage atoms sum to g(all); for two sources they are the unique informations and the
    redundancy of :func:`fastpid.decompose`. Of three sources or more, and three target symbols or
    more, some may be negative: g is monotone, but it need not be the measure of a union of sets,
    and a negative atom says by how much it is not one. See "More than two sources" in the
    documentation.

    Values are floats for one table and arrays of the batch shape for a batch, in `unit`; sources
    are counted from 0. Of a tensor they are tensors of its dtype, and carry gradients;
    :meth:`numpy` converts them. Results pickle, and compare equal if they hold the same numbers.
    Made by :func:`fastpid.decompose_many`.

    Attributes
    ----------
    n_sources : int
        M.
    subsets : tuple of tuple of int
        The sets of sources whose union information is known, the smaller ones first.
    unit : str
        "bits" or "nats".
    pairs : mapping
        (i, j) -> :class:`fastpid.Decomposition` of sources i < j, for the pairs in `subsets`.
    """

    n_sources: int
    subsets: tuple[Subset, ...]
    unit: Unit
    pairs: Mapping[Subset, Decomposition[Any]]
    _lower: Any  # (subsets, ...), nats
    _upper: Any
    _mi_joint: Any  # (...), nats
    _iterations: Any  # (subsets, ...)
    _status: Any
    _method: Any
    _dtype: Any = None  # of the values, if they are tensors
    _place: dict[Subset, int] = dataclasses.field(init=False, compare=False)

    def _shown(self, nats: Any) -> Any:
        if self._dtype is not None:
            return (nats * (1.0 / NATS_PER_UNIT[self.unit])).to(self._dtype)
        values = np.asarray(nats) * (1.0 / NATS_PER_UNIT[self.unit])
        return values.item() if values.ndim == 0 else values

    def __post_init__(self) -> None:
        # Once, and where torch.compile can follow.
        places = {subset: place for place, subset in enumerate(self.subsets)}
        object.__setattr__(self, "_place", places)

    @property
    def _everything(self) -> Subset:
        return tuple(range(self.n_sources))

    def _at(self, sources: Iterable[int] | int) -> int:
        subset = (sources,) if isinstance(sources, (int, np.integer)) else tuple(sorted(sources))
        if subset not in self._place:
            raise KeyError(
                f"the union information of sources {subset} was not asked for; known are "
                f"{', '.join(map(str, self.subsets[:20]))}"
            )
        return self._place[subset]

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return tuple(self._mi_joint.shape)

    def union_information(self, sources: Iterable[int] | int | None = None) -> Any:
        """Return g(sources), the middle of its bracket; that of all sources by default.

        Parameters
        ----------
        sources : iterable of int, or int, optional
            Numbers of sources, from 0.

        Raises
        ------
        KeyError
            If this set was not asked for.
        """
        return self._shown(self._union(sources))

    def _union(self, sources: Iterable[int] | int | None = None) -> Any:
        return self._middle(self._at(self._everything if sources is None else sources))

    def _middle(self, at: int | list[int]) -> Any:
        return 0.5 * (self._lower[at] + self._upper[at])

    def bounds(self, sources: Iterable[int] | int | None = None) -> tuple[Any, Any]:
        """Return certified bounds on g(sources), of all sources by default.

        Those of a set hold for its subsets from above, and for its supersets from below, and are
        taken where they are better than their own.
        """
        at = self._at(self._everything if sources is None else sources)
        return self._shown(self._lower[at]), self._shown(self._upper[at])

    @property
    def gap(self) -> Any:
        """The widest bracket of all sets."""
        width = self._upper - self._lower
        return self._shown(width.max(axis=0) if self._dtype is None else width.amax(0))

    @property
    def mi(self) -> Any:
        """I(X_i; Z) of every source, shape (M, ...)."""
        return self._shown(self._lower[[self._at(i) for i in self._everything]])

    @property
    def mi_joint(self) -> Any:
        """I(X_1, ..., X_M; Z)."""
        return self._shown(self._mi_joint)

    @property
    def synergy(self) -> Any:
        """What only several sources together say: I(X_1, ..., X_M; Z) - g(all)."""
        return self._shown(self._mi_joint - self._union())

    @property
    def unique(self) -> Any:
        """What each source says that no other does, g(all) - g(all but i), shape (M, ...).

        Raises
        ------
        KeyError
            If these sets were not asked for.
        """
        rest = [tuple(j for j in self._everything if j != i) for i in self._everything]
        return self._shown(self._union() - self._middle([self._at(a) for a in rest]))

    @property
    def coverage(self) -> dict[Subset, Any]:
        """What exactly the sources of each set share, for every non-empty set.

        Raises
        ------
        ValueError
            Unless all subsets were asked for.
        """
        return {
            subset: self._shown(sum(sign * self._union(a) for a, sign in signs.items()))
            for subset, signs in self._signs().items()
        }

    @property
    def coverage_bounds(self) -> dict[Subset, tuple[Any, Any]]:
        """Certified bounds on the coverage atoms, from those of the sets that they are made of.

        An atom whose upper bound is negative is negative beyond doubt.
        """

        def bound(signs: Mapping[Subset, int], rising: Any, falling: Any) -> Any:
            terms = [
                sign * (rising if sign > 0 else falling)[self._at(a)] for a, sign in signs.items()
            ]
            return self._shown(sum(terms))

        return {
            subset: (
                bound(signs, self._lower, self._upper),
                bound(signs, self._upper, self._lower),
            )
            for subset, signs in self._signs().items()
        }

    def _signs(self) -> dict[Subset, dict[Subset, int]]:
        everything = subsets_of(self._everything)
        if len(self.subsets) != len(everything):
            raise ValueError(
                'coverage atoms need the union information of all sets: pass subsets="all"'
            )
        return {subset: coverage_signs(self._everything, subset) for subset in everything}

    @property
    def redundancy(self) -> Any:
        """What all sources share: the coverage atom of all of them."""
        return self.coverage[self._everything]

    @property
    def converged(self) -> Any:
        """Whether the union information of every set was found to the requested tolerance."""
        if self._dtype is not None:
            return (self._status == 0).all(0)
        converged = (self._status == 0).all(axis=0)
        return bool(converged) if converged.ndim == 0 else converged

    def status(self, sources: Iterable[int] | int | None = None) -> Any:
        """Return how the solve of a set ended: a word, an array of words, or Words."""
        return self._words(self._status, [s.value for s in STATUSES], sources)

    def method(self, sources: Iterable[int] | int | None = None) -> Any:
        """Return the method that gave the answer of a set: a word, an array of words, or Words."""
        return self._words(self._method, METHODS, sources)

    def iterations(self, sources: Iterable[int] | int | None = None) -> Any:
        """Return the steps of the iterative method that solved a set; 0 for a closed form."""
        steps = self._iterations[self._at(self._everything if sources is None else sources)]
        return steps.item() if self._dtype is None and steps.ndim == 0 else steps

    def _words(self, codes: Any, words: Any, sources: Iterable[int] | int | None) -> Any:
        at = self._at(self._everything if sources is None else sources)
        if self._dtype is not None:
            return Words(codes[at], tuple(words))
        chosen = np.array(words)[codes[at]]
        return str(chosen) if chosen.ndim == 0 else chosen

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the ManyDecomposition of one table has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> ManyDecomposition:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the ManyDecomposition of one table cannot be indexed")
        at = np.arange(math.prod(self.shape)).reshape(self.shape)[key]
        fields = {"_lower", "_upper", "_iterations", "_status", "_method"}
        count = len(self.subsets)
        joint = self._mi_joint.reshape(-1)[at]
        return dataclasses.replace(
            self,
            pairs={pair: d[key] for pair, d in self.pairs.items()},
            _mi_joint=joint if self._dtype is not None else np.asarray(joint),
            **{name: getattr(self, name).reshape(count, -1)[:, at] for name in fields},
        )

    def numpy(self) -> ManyDecomposition:
        """Return this with numbers and arrays in the place of tensors; itself if it has none.

        The result carries no gradient.
        """
        if self._dtype is None:
            return self
        names = ("_lower", "_upper", "_mi_joint", "_iterations", "_status", "_method")
        arrays = {name: getattr(self, name).detach().cpu().numpy() for name in names}
        pairs = {pair: d.numpy() for pair, d in self.pairs.items()}
        return dataclasses.replace(self, pairs=pairs, _dtype=None, **arrays)

    def to_dict(self) -> dict[str, Any]:
        """Return one table's values as plain numbers, strings and lists; sets are written "0,2".

        Raises
        ------
        TypeError
            For a batch.
        """
        if self._dtype is not None:
            return self.numpy().to_dict()
        if self.shape:
            raise TypeError(f"this is a batch of shape {self.shape}; take one of its tables")
        unions = {}
        for subset in self.subsets:
            lower, upper = self.bounds(subset)
            unions[_key(subset)] = {
                "value": self.union_information(subset),
                "lower": lower,
                "upper": upper,
                "iterations": self.iterations(subset),
                "status": self.status(subset),
                "method": self.method(subset),
            }
        all_known = len(self.subsets) == 2**self.n_sources - 1
        return {
            "unit": self.unit,
            "n_sources": self.n_sources,
            "mi_joint": self.mi_joint,
            "synergy": self.synergy,
            "unique": self.unique.tolist() if self._knows_unique() else None,
            "coverage": {_key(s): m for s, m in self.coverage.items()} if all_known else None,
            "union_information": unions,
            "converged": self.converged,
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row for every table and set of sources.

        Its index is the batch axes and the set, written as "0,2"; its columns are the union
        information with its bounds, the coverage atom if all sets are known, iterations, status
        and method.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        if self._dtype is not None:
            return self.numpy().to_frame()
        pd = import_extra("pandas", "to_frame()")
        names = list(map(_key, self.subsets))
        count = len(names)

        def column(values: Any) -> Any:  # sets last
            return np.moveaxis(np.asarray(values).reshape(count, -1), 0, -1).ravel()

        columns = {
            "union_information": column(self._shown(0.5 * (self._lower + self._upper))),
            "lower": column(self._shown(self._lower)),
            "upper": column(self._shown(self._upper)),
        }
        if count == 2**self.n_sources - 1:
            coverage = self.coverage
            columns["coverage"] = column(np.stack([coverage[subset] for subset in self.subsets]))
        columns["iterations"] = column(self._iterations)
        columns["status"] = column(np.array([s.value for s in STATUSES])[self._status])
        columns["method"] = column(np.array(METHODS)[self._method])
        columns["unit"] = self.unit
        axes = [range(n) for n in self.shape]
        labels = [f"batch_{axis}" for axis in range(len(axes))]
        if axes:
            index = pd.MultiIndex.from_product([*axes, names], names=[*labels, "sources"])
        else:
            index = pd.Index(names, name="sources")
        return pd.DataFrame(columns, index=index)

    def _rows(self) -> list[tuple[str, float]]:
        """Names and values of one table's parts; they sum to mi_joint if all sets are known."""
        if len(self.subsets) == 2**self.n_sources - 1:
            parts = [(_name(subset), value) for subset, value in self.coverage.items()]
        elif self._knows_unique():
            parts = [(_name((i,)), float(value)) for i, value in enumerate(self.unique)]
        else:
            parts = []
        return [*parts, ("synergy", self.synergy)]

    def _knows_unique(self) -> bool:
        return all(
            tuple(j for j in self._everything if j != i) in self._place for i in self._everything
        )

    def plot(self, *, kind: str = "bars", ax: Any = None) -> Any:
        """Draw the coverage atoms and the synergy: :func:`fastpid.plot.coverage`."""
        from fastpid.plot import coverage

        return coverage(self, kind=kind, ax=ax)

    def _coverage_bars(self) -> list[tuple[Subset | None, float, float, float]]:
        """Return sets with their atom and its bounds, the synergy last, for a plot."""
        if self.shape:
            raise ValueError(
                f"result is a batch of shape {self.shape}; draw one of its tables, as result[0]"
            )
        bounds = self.coverage_bounds
        low, high = self.bounds()
        half = 0.5 * (high - low)
        bars: list[tuple[Subset | None, float, float, float]] = [
            (subset, atom, *bounds[subset]) for subset, atom in self.coverage.items()
        ]
        return [*bars, (None, self.synergy, self.synergy - half, self.synergy + half)]

    def _notes(self) -> list[str]:
        low, high = self.bounds()
        notes = [f"union information of all in [{low:.9g}, {high:.9g}], widest gap {self.gap:.1e}"]
        if len(self.subsets) == 2**self.n_sources - 1:
            negative = [s for s, (_, most) in self.coverage_bounds.items() if most < -1e-12]
            if negative:
                notes.append(
                    "negative atoms are no error: g is not the measure of a union of sets here"
                )
        if not self.converged:
            notes.append("some sets were not solved to the tolerance; their bounds hold")
        return notes

    def __repr__(self) -> str:
        if self._dtype is not None:
            return repr(self.numpy())
        head = f"ManyDecomposition of {self.n_sources} sources ({self.unit})"
        if self.shape:
            gap, converged = np.max(self.gap), int(np.sum(self.converged))
            return (
                f"{head}, a batch of shape {self.shape}\n  {len(self.subsets)} sets of sources; "
                f"largest gap {gap:.1e}; {converged} of {self._mi_joint.size} converged"
            )
        rows = [*self._rows(), ("I(all;Z)", self.mi_joint)]
        lines = [f"  {name:<22}{_digits(value):>12}" for name, value in rows]
        return "\n".join([head, *lines, *(f"  {note}" for note in self._notes())])

    def _repr_html_(self) -> str:
        """Return the table of atoms for a notebook."""
        if self._dtype is not None:
            return self.numpy()._repr_html_()
        if self.shape:
            return f"<pre>{html.escape(repr(self))}</pre>"
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{_digits(value)}</td></tr>"
            for name, value in [*self._rows(), ("I(all;Z)", self.mi_joint)]
        )
        notes = "<br>".join(map(html.escape, self._notes()))
        return (
            f"<table><thead><tr><th></th><th>{self.unit}</th></tr></thead><tbody>{rows}</tbody>"
            f"</table><small>{notes}</small>"
        )


def _key(subset: Subset) -> str:
    return ",".join(map(str, subset))


def _name(subset: Subset) -> str:
    if len(subset) == 1:
        return f"unique to {subset[0]}"
    return "shared by " + ", ".join(map(str, subset))


def _digits(value: float) -> str:
    return f"{round(value, 6) + 0.0:.6f}"  # without the sign of what rounds to zero
