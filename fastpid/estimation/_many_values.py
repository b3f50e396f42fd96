"""The values of several sources by their names, wherever they were estimated from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._many._coverage import Subset
from fastpid.estimation._many_problem import ManyProblem, name_of_atom, name_of_union


class ManyValues(ABC):
    """What an estimate of many sources is asked for, and its plot."""

    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]

    @property
    @abstractmethod
    def n_sources(self) -> int:
        """M."""

    @property
    @abstractmethod
    def _problem(self) -> ManyProblem:
        """The names of the atoms that are known."""

    @property
    def synergy(self) -> float:
        """The total synergy: what all say beyond their union information."""
        return self.values["synergy"]

    @property
    def mi_joint(self) -> float:
        """I(X_1, ..., X_M; Z)."""
        return self.values["mi_joint"]

    @property
    def unique(self) -> NDArray[np.float64]:
        """The unique information of every source against all others, (M,)."""
        return np.array([self.values[f"unique_{i}"] for i in range(self.n_sources)])

    @property
    def coverage(self) -> dict[Subset, float]:
        """The coverage atoms, by set of sources.

        Raises
        ------
        ValueError
            Unless all sets were asked for, or there are no others than those of all but one.
        """
        if name_of_atom(tuple(range(self.n_sources)), self.n_sources) not in self.values:
            raise ValueError(
                'coverage atoms need the union information of all sets: pass subsets="all"'
            )
        return {subset: self.values[name] for subset, name in self._problem.atoms.items()}

    @property
    def redundancy(self) -> float:
        """The coverage atom of all sources; see :attr:`coverage`."""
        return self.coverage[tuple(range(self.n_sources))]

    def union_information(self, sources: Iterable[int] | int | None = None) -> float:
        """Return the union information of some sources, of all by default.

        Raises
        ------
        KeyError
            If this set was not asked for.
        """
        every = range(self.n_sources) if sources is None else sources
        subset = (every,) if isinstance(every, (int, np.integer)) else tuple(sorted(every))
        name = name_of_union(subset, self.n_sources)
        if name not in self.values:
            raise KeyError(f"the union information of sources {subset} was not asked for")
        return self.values[name]

    def plot(self, *, kind: str = "bars", ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.coverage`."""
        from fastpid.plot import coverage

        return coverage(self, kind=kind, ax=ax)

    def _coverage_bars(self) -> list[tuple[Subset | None, float, float, float]]:
        """Return sets with their atom and its interval, the synergy last, for a plot."""
        bars: list[tuple[Subset | None, float, float, float]] = []
        for subset, name in [*self._problem.atoms.items(), (None, "synergy")]:
            value = self.values[name]
            bars.append((subset, value, *self.intervals.get(name, (value, value))))
        return bars

    def _atom_rows(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return the names of the atoms and the synergy, and what a text calls them."""
        rows = []
        for subset, name in self._problem.atoms.items():
            word = "unique to" if len(subset) == 1 else "shared by"
            rows.append((name, f"{word} {', '.join(names[i] for i in subset)}"))
        return [*rows, ("synergy", "synergy")]
