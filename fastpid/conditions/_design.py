"""Which samples may change conditions, if the null hypothesis of no difference holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.intp]


class Design(NamedTuple):
    """How samples came to be of a condition.

    Attributes
    ----------
    condition : ndarray of int (n_samples,)
    unit : ndarray of int (n_samples,)
        The group of every sample, or its own number.
    kind : {"unpaired", "paired", "within"}
        Whether a unit is of one condition; or of all, which change places as wholes; or holds
        samples that changed places one by one.
    """

    condition: Labels
    unit: Labels
    kind: str

    def pair(self, first: int, second: int) -> tuple[NDArray[np.bool_], Design]:
        """Return the samples of two conditions, and their design: these are 0 and 1 there."""
        of = (self.condition == first) | (self.condition == second)
        unit = np.unique(self.unit[of], return_inverse=True)[1].ravel()
        return of, Design((self.condition[of] == second).astype(np.intp), unit, self.kind)

    @property
    def are_alone(self) -> bool:
        """Whether every sample is a unit of its own."""
        return int(self.unit.max()) + 1 == len(self.unit)

    @property
    def moved(self) -> str:
        """What is done to conditions under the null hypothesis."""
        if self.kind == "paired":
            sizes = np.bincount(self.unit)
            one_each = bool((sizes == len(np.unique(self.condition))).all())
            return "conditions swapped" + ("" if one_each else " within groups")
        if self.kind == "within":
            return "conditions shuffled within groups"
        return "conditions shuffled" + ("" if self.are_alone else " between groups")

    def relabelled(self, count: int, random: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        """Yield which samples are of the first of two conditions, when these were moved."""
        first = self.condition == 0
        if self.kind == "unpaired":
            of_unit = np.zeros(int(self.unit.max()) + 1, dtype=bool)
            of_unit[self.unit] = first
            for _ in range(count):
                yield random.permutation(of_unit)[self.unit]
        elif self.kind == "paired":
            n_units = int(self.unit.max()) + 1
            for _ in range(count):
                yield first ^ (random.random(n_units) < 0.5)[self.unit]
        else:
            standing = np.argsort(self.unit, kind="stable")
            for _ in range(count):
                order = random.permutation(len(first))
                order = order[np.argsort(self.unit[order], kind="stable")]
                moved = np.empty_like(first)
                moved[standing] = first[order]
                yield moved


def check_design(
    condition: Labels, n_conditions: int, groups: Labels | None, permute: object
) -> Design:
    """Find out from groups how conditions were assigned.

    Raises
    ------
    ValueError
        If some groups hold some conditions, but not all.
    """
    if groups is None:
        if permute is not None:
            raise ValueError(f"permute={permute!r} needs groups; pass groups=, or leave it out")
        return Design(condition, np.arange(len(condition)), "unpaired")
    held = np.zeros((int(groups.max()) + 1, n_conditions), dtype=bool)
    held[groups, condition] = True
    each = held.sum(axis=1)
    if permute == "within":
        if (each < 2).any():
            raise ValueError(
                f'permute="within" lets samples of a group change conditions, and '
                f"{np.count_nonzero(each < 2)} of {len(each)} groups have samples of one only; "
                "leave these out, or leave out permute"
            )
        return Design(condition, groups, "within")
    if (each == 1).all():
        return Design(condition, groups, "unpaired")
    if (each == n_conditions).all():
        return Design(condition, groups, "paired")
    some = int(np.count_nonzero((each > 1) & (each < n_conditions)))
    one, all_ = int(np.count_nonzero(each == 1)), int(np.count_nonzero(each == n_conditions))
    raise ValueError(
        f"of {len(each)} groups, {one} have samples of one condition, {all_} of all and {some} of "
        "some; groups have to be of one condition each, or all of all: leave out what is missing "
        "elsewhere"
    )
