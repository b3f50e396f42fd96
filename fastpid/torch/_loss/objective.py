"""What a loss is made of: a linear combination of the quantities of a decomposition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from fastpid._base.checks import check_number
from fastpid._base.quantities import QUANTITIES, Terms
from fastpid._many._coverage import Subset, coverage_signs

#: Each quantity of two sources by mi_x, mi_y, mi_xy and the union information, in which it is
#: linear.
_BY_TERMS = {
    name: tuple(np.ravel(by).tolist())
    for name, by in Terms.of_vector(np.eye(4)).named(QUANTITIES).items()
}
#: Those of any number of sources that need no numbers, and those that have some in brackets.
_OF_ALL = ("redundancy", "synergy", "union_information", "mi_joint")
_OF_SOME = ("unique", "mi", "union_information", "coverage")
_INDEXED = re.compile(r"(\w+)\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")
_EXPLAINED = (
    f"{', '.join(QUANTITIES)}; of any number of sources, counted from 0, synergy, redundancy, "
    "union_information, mi_joint, 'unique[0]', 'mi[0]', 'coverage[0, 1]', 'union_information[0, 1]'"
)


class Weights(NamedTuple):
    """An objective as a linear combination of the terms of two sources."""

    mi_x: float
    mi_y: float
    mi_xy: float
    union_information: float


class SetWeights(NamedTuple):
    """An objective as one of what all sources say and of the union information of sets of them."""

    joint: float
    sets: dict[Subset, float]


class Objective:
    """Weights of quantities by name."""

    def __init__(self, weights: dict[str, float]) -> None:
        self._weights = weights

    def of_pair(self) -> Weights:
        """Return the weights of two sources.

        Raises
        ------
        ValueError
            If a quantity names a source that there is not.
        """
        total = [0.0] * 4
        for name, weight in self._weights.items():
            by = _BY_TERMS.get(name)
            if by is None:
                joint, sets = self._combine(name, 2)
                by = (sets.get((0,), 0.0), sets.get((1,), 0.0), joint, sets.get((0, 1), 0.0))
            total = [t + weight * b for t, b in zip(total, by, strict=True)]
        return Weights(*total)

    def of_sources(self, count: int) -> SetWeights:
        """Return the weights of three sources or more; raises as :meth:`of_pair`."""
        joint, sets = 0.0, dict[Subset, float]()
        for name, weight in self._weights.items():
            by_joint, by_sets = self._combine(name, count)
            joint += weight * by_joint
            for subset, by in by_sets.items():
                sets[subset] = sets.get(subset, 0.0) + weight * by
        return SetWeights(joint, {subset: by for subset, by in sets.items() if by != 0.0})

    def _combine(self, name: str, count: int) -> SetWeights:
        everything = tuple(range(count))
        word, subset = _parse(name)
        if word is None:
            raise ValueError(
                f"objective has {name!r}, which is of two sources; of {count}, counted from 0, "
                "there are synergy, redundancy, union_information, mi_joint, 'unique[0]', "
                "'mi[0]', 'coverage[0, 1]' and 'union_information[0, 1]'"
            )
        if subset and subset[-1] >= count:
            raise ValueError(
                f"objective has {name!r}, which names a source that there is not; {count} sources "
                f"count from 0 to {count - 1}"
            )
        combinations: dict[str, Callable[[], SetWeights]] = {
            "mi_joint": lambda: SetWeights(1.0, {}),
            "synergy": lambda: SetWeights(1.0, {everything: -1.0}),
            "union_information": lambda: SetWeights(0.0, {subset or everything: 1.0}),
            "mi": lambda: SetWeights(0.0, {subset: 1.0}),
            "redundancy": lambda: _coverage(everything, everything),
            "unique": lambda: _coverage(everything, subset),
            "coverage": lambda: _coverage(everything, subset),
        }
        return combinations[word]()


def _coverage(everything: Subset, subset: Subset) -> SetWeights:
    signs = coverage_signs(everything, subset)
    return SetWeights(0.0, {part: float(sign) for part, sign in signs.items()})


def _parse(name: str) -> tuple[str | None, Subset]:
    """Return the word of a quantity of any number of sources, and its sources; None for others."""
    if name in _OF_ALL:
        return name, ()
    found = _INDEXED.fullmatch(name)
    if found is None or found[1] not in _OF_SOME:
        return None, ()
    subset = tuple(sorted(int(i) for i in found[2].split(",")))
    single = found[1] in ("unique", "mi")
    if len(set(subset)) < len(subset) or (single and len(subset) > 1):
        return None, ()
    return found[1], subset


def check_objective(objective: object) -> Objective:
    """Return an objective: the name of a quantity, or a mapping of names to weights.

    Raises
    ------
    TypeError, ValueError
        For what is neither, for unknown names, and for weights that are not finite numbers.
    """
    if isinstance(objective, str):
        objective = {objective: 1.0}
    if not isinstance(objective, Mapping):
        raise TypeError(
            "objective must be the name of a quantity or a mapping of names to weights, as "
            f"{{'synergy': -1.0, 'redundancy': 1.0}}; got {type(objective).__name__}"
        )
    if not objective:
        raise ValueError("objective is empty; name at least one quantity")
    weights = {}
    for name, weight in objective.items():
        known = isinstance(name, str) and (name in _BY_TERMS or _parse(name)[0] is not None)
        if not known:
            raise ValueError(
                f"objective has the unknown quantity {name!r}; it is made of {_EXPLAINED}"
            )
        weights[name] = check_number(f"objective[{name!r}]", weight, -1e300, 1e300)
    return Objective(weights)
