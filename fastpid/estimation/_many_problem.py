"""Any number of sources: what is found of every table, and what its atoms are tested against."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import METHODS, Method, roles_of
from fastpid._many import ManyDecomposition, decompose_many
from fastpid._many._coverage import Subset, coverage_signs, subsets_of
from fastpid._solve.options import SolveOptions
from fastpid.estimation._intervals import Hypotheses
from fastpid.estimation._problem import Solver
from fastpid.estimation._resampling import axes_of

Vectors = NDArray[np.float64]

#: What sums of values are off by, in nats: values of closed forms have no gap to tell ties by.
_ROUNDING = 1e-13

#: Values by the union informations that they are a sum of, with signs; None is I(all; Z).
_Sum: TypeAlias = "dict[Subset | None, int]"


class ManyProblem:
    """M sources: the vector is the union information of every set, and I(all; Z) the last.

    Parameters
    ----------
    n_sources : int
    n_targets : int
        The number of target symbols. Of two, no coverage atom is negative.
    everything : bool
        Whether all subsets are solved, or only those of one source and of all but one.
    """

    def __init__(self, n_sources: int, n_targets: int, everything: bool) -> None:
        everything = everything or n_sources <= 3  # which have no other subsets
        self.n_sources = n_sources
        self.subsets_asked = "all" if everything else "leave_one_out"
        every = tuple(range(n_sources))
        sizes = range(1, n_sources + 1) if everything else {1, n_sources - 1, n_sources}
        self.subsets = [subset for subset in subsets_of(every) if len(subset) in sizes]
        #: Coverage atoms; of one source its unique information.
        self.atoms: dict[Subset, str] = {
            subset: name_of_atom(subset, n_sources)
            for subset in self.subsets
            if everything or len(subset) == 1
        }
        self.values = self._values(every)
        signed = n_sources > 2 and n_targets > 2
        self.signed = frozenset(
            name for subset, name in self.atoms.items() if signed and len(subset) > 1
        )

    def _values(self, every: Subset) -> dict[str, _Sum]:
        values: dict[str, _Sum] = {
            name: dict(coverage_signs(every, subset).items()) for subset, name in self.atoms.items()
        }
        values["synergy"] = {None: 1, every: -1}
        for subset in self.subsets:
            values[name_of_union(subset, self.n_sources)] = {subset: 1}
        values["mi_joint"] = {None: 1}
        return values

    @functools.cached_property
    def _sums(self) -> dict[str, list[tuple[int, int]]]:
        place: dict[Subset | None, int] = {subset: k for k, subset in enumerate(self.subsets)}
        place[None] = len(place)
        return {
            name: [(place[of], sign) for of, sign in total.items()]
            for name, total in self.values.items()
        }

    def decompose(
        self,
        p: NDArray[np.float64],
        options: SolveOptions,
        unit: Any = "nats",
        subsets: Sequence[Subset] | None = None,
    ) -> ManyDecomposition:
        """Decompose tables (..., n_1, ..., n_M, nz), for all sets or those given."""
        return decompose_many(
            p,
            n_sources=self.n_sources,
            subsets=self.subsets_asked if subsets is None else subsets,
            method=cast(Method, METHODS[options.method]),
            tol=options.tol if unit == "nats" else options.tol * options.scale,
            max_iter=options.max_iter or None,
            unit=unit,
            threads=options.threads or None,
            normalize=True,
            on_failure="ignore",
        )

    def solve(self, tables: NDArray[np.float64], options: SolveOptions) -> tuple[Vectors, Any]:
        """Return the vectors (n, width) of tables (n, n_1, ..., n_M, nz), and their gaps (n,)."""
        found = self.decompose(tables, options)
        return self.vector(found), np.maximum(found.gap, _ROUNDING)

    def where_moved(self, roles: str, observed: Vectors) -> Solver:
        """Return what solves tables that differ by some variables that were moved alone.

        The union information of sources that were not is that of `observed`: it depends on the
        table of each of them with the target, which stays.
        """
        moved = frozenset(axes_of(roles, self.n_sources + 1))
        return self if self.n_sources in moved else _Moved(self, moved, observed)

    def vector(self, found: ManyDecomposition) -> Vectors:
        """Return the vectors of decompositions, in their unit."""
        unions = [found.union_information(subset) for subset in self.subsets]
        return np.stack([*unions, found.mi_joint], axis=-1)

    def named(self, vectors: Vectors, scale: float) -> dict[str, Any]:
        """Return what vectors (..., width) stand for by name, in the unit of `scale`."""
        return {
            name: sum(sign * vectors[..., k] for k, sign in total) * scale
            for name, total in self._sums.items()
        }


@dataclasses.dataclass(frozen=True, eq=False)
class _Moved:
    """Solves the sets that a moved source is in, and takes the others from what was observed."""

    problem: ManyProblem
    sources: frozenset[int]
    observed: Vectors

    def solve(self, tables: NDArray[np.float64], options: SolveOptions) -> tuple[Vectors, Any]:
        sets = [subset for subset in self.problem.subsets if self.sources.intersection(subset)]
        found = self.problem.decompose(tables, options, subsets=sets)
        vectors = np.tile(self.observed, (len(tables), 1))
        for k, subset in enumerate(self.problem.subsets):
            if subset in sets:
                vectors[:, k] = found.union_information(subset)
        vectors[:, -1] = found.mi_joint
        return vectors, np.maximum(found.gap, _ROUNDING)


def name_of_atom(subset: Subset, n_sources: int) -> str:
    """Return the name of a coverage atom: "unique_0", "shared_0_2", and of all "redundancy"."""
    if len(subset) == n_sources:
        return "redundancy"
    return "_".join(["unique" if len(subset) == 1 else "shared", *map(str, subset)])


def name_of_union(subset: Subset, n_sources: int) -> str:
    """Return the name of a union information: "mi_0" of one source, "union_0_2", and of all."""
    if len(subset) == n_sources:
        return "union_information"
    return "_".join(["mi" if len(subset) == 1 else "union", *map(str, subset)])


def hypotheses_of(problem: ManyProblem) -> Hypotheses:
    """Return what the atoms of several sources are tested against.

    g, and so every coverage atom, depends on the tables p(x_i, z) alone, one a source.

    * If x_i says nothing of z beyond x_j, it is x_j seen through a channel, so that x_i adds
      nothing to any set that x_j is in: every atom of a set with i and without j is zero. So is,
      if x_i says nothing at all, that of every set with i.
    * If all the others say nothing of z beyond x_i, I(all; Z) = I(X_i; Z) <= g(all): there is no
      synergy.

    For two sources these are the hypotheses of estimate(), in its order and of its names.
    """
    n = problem.n_sources
    roles = roles_of(n)
    sources, target = range(n), roles[-1]
    beyond = {
        (i, j): f"{roles[i]} shuffled among equal {roles[j]}"
        for i in sources
        for j in sources
        if j != i
    }
    alone = [f"{roles[i]} shuffled" for i in sources]
    rest = [",".join(roles[j] for j in sources if j != i) for i in sources]
    others = [f"{rest[i]} shuffled among equal {roles[i]}" for i in reversed(sources)]
    shuffles = {f"{target} shuffled": (target, "")}
    shuffles |= {alone[i]: (roles[i], "") for i in sources}
    shuffles |= {what: (roles[i], roles[j]) for (i, j), what in beyond.items()}
    shuffles |= {
        what: (rest[i], roles[i]) for what, i in zip(others, reversed(sources), strict=True)
    }
    conditional = {
        name: tuple(beyond[i, j] for i in subset for j in sources if j not in subset)
        or tuple(alone)
        for subset, name in problem.atoms.items()
    }
    judged = tuple(conditional)
    conditional["synergy"] = tuple(others)
    return Hypotheses(
        shuffles,
        {"target": dict.fromkeys(conditional, (f"{target} shuffled",)), "conditional": conditional},
        {"target": (), "conditional": judged},
        tuple(name_of_atom((i,), n) for i in sources),
    )
