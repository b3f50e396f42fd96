"""What posteriors of any number of sources claim about the target, and what the labels confirm.

As :mod:`fastpid.models._informations` has it of two. Where labels contradict the claims, the union
information of every set keeps its relative place between the largest information of its sources
and their sum, which are then those that labels confirm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT
from fastpid._many import UnionInformation
from fastpid._many._coverage import Subset
from fastpid._posteriors._bias import check_parts, excess
from fastpid._posteriors._rake import rake
from fastpid._posteriors._read import read_sources
from fastpid._posteriors._source import information, sums_p_log_p
from fastpid._posteriors._symbols import choose_symbols
from fastpid._posteriors._union import limits_of, solve_union
from fastpid._solve.options import check_options
from fastpid.estimation._bias import kept_in_place
from fastpid.estimation._many_problem import ManyProblem
from fastpid.models._informations import contradict, surprise
from fastpid.models._read import Target
from fastpid.models._wanted import Wanted

Floats = NDArray[np.float64]

#: Cells of the tuples of symbols of all sources: each set is solved some ten times.
_CELLS = 500_000


class ManyInformations(NamedTuple):
    """What was found of one set of posteriors, in nats but for `unions`."""

    unions: dict[Subset, UnionInformation]  # of two sources or more, in the unit asked for
    claimed: Floats  # (M + 1,): I(X_i; Z) of every source, and of all together
    confirmed: Floats  # (M + 1,)
    contradicted: bool
    excess: dict[Subset, float]  # of each union, as far as it is taken out

    @property
    def used(self) -> Floats:
        """The informations that the values are made of."""
        return self.confirmed if self.contradicted else self.claimed

    def plug_in(self, problem: ManyProblem) -> Floats:
        """Return the vector of what is claimed, nothing corrected."""
        unions = {members: _nats(found) for members, found in self.unions.items()}
        return vector_of(problem, unions, self.claimed)

    def vector(self, problem: ManyProblem) -> Floats:
        """Return the vector of the problem, the excess taken out."""
        unions = {
            members: self._used(members, _nats(found) - self.excess[members])
            for members, found in self.unions.items()
        }
        return vector_of(problem, unions, self.used)

    def _used(self, members: Subset, union: float) -> float:
        """Return a union information that goes along with the informations that are used."""
        old, new = (mi[list(members)] for mi in (self.claimed, self.used))
        union = float(np.clip(union, old.max(), old.sum()))  # what the gap may put beyond either
        return float(kept_in_place(union, (old.max(), old.sum()), (new.max(), new.sum())))


def vector_of(problem: ManyProblem, unions: Mapping[Subset, float], mi: Floats) -> Floats:
    """Return the union information of every set of a problem, and I(all; Z) the last.

    That of a set is not below that of a smaller one within it.
    """
    known: dict[Subset, float] = {}
    for members in problem.subsets:  # the smaller ones first
        own = float(mi[members[0]]) if len(members) == 1 else unions[members]
        known[members] = max([own, *(v for s, v in known.items() if set(s) < set(members))])
    return np.array([*known.values(), mi[-1]])


def many_informations(
    posteriors: Sequence[Floats],
    names: Sequence[str],
    target: Target,
    problem: ManyProblem,
    wanted: Wanted,
    seed: int,
) -> ManyInformations:
    """Solve the sets of a problem of posteriors, all together the last, and ask the labels."""
    n, p_z = len(target.codes), target.frequencies
    surprises = [surprise(name, rows, target) for name, rows in zip(names, posteriors, strict=True)]
    random = np.random.default_rng(seed)
    options = check_options("auto", wanted.tol, None, wanted.unit, wanted.threads, False, "ignore")
    *alone, together = posteriors
    named = dict(zip(names, alone, strict=False))
    sources, p_z = read_sources(named, None, p_z)
    if wanted.bias == "extrapolation":
        check_parts(sources)
    limits = limits_of(len(sources), len(p_z), _CELLS)
    symbols = choose_symbols(sources, options.tol, wanted.n_symbols, random, limits)
    sets = [members for members in problem.subsets if len(members) > 1]
    unions, excesses = {}, {}
    entropy = -float(sums_p_log_p(p_z))
    for members in sets:
        of_them = [sources[i] for i in members]
        found = solve_union(of_them, symbols.of(members), options)
        unions[members] = found
        excesses[members] = 0.0
        if wanted.bias == "extrapolation":
            some = symbols.of(members)
            mi = [information(marginal) for marginal in some.marginals]
            of_symbols = float(np.clip(_nats(found) - 0.5 * sum(some.lost), max(mi), sum(mi)))
            bias = excess(of_them, p_z, some.centres, mi, of_symbols, options, random)
            # By convexity none is below zero, and the union information not below any of its own.
            excesses[members] = min(bias, max(_nats(found) - max(some.full), 0.0))
    both = rake(names[-1], together, np.full(n, 1.0 / n), p_z)
    return ManyInformations(
        unions,
        np.array([*symbols.full, entropy + float(sums_p_log_p(both).mean())]),
        np.array([entropy - float(s.mean()) for s in surprises]),
        contradict(surprises, posteriors),
        excesses,
    )


def _nats(found: UnionInformation) -> float:
    return float(found.value) * NATS_PER_UNIT[found.unit]
