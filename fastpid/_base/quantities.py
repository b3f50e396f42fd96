"""The words of a decomposition: its quantities, in one order, its units and its methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Unit = Literal["bits", "nats"]
Method = Literal["auto", "proxy", "gradient", "newton", "exact"]
OnFailure = Literal["warn", "raise", "ignore"]
Atom = Literal["redundancy", "unique_x", "unique_y", "synergy"]

NATS_PER_UNIT = {"bits": math.log(2.0), "nats": 1.0}
#: The methods, by the kernel's numbers.
METHODS = ("auto", "proxy", "gradient", "newton", "exact")
#: What the reference solver calls its formulations as methods, numbered behind these.
REFERENCE_METHODS = ("cvx_compact", "cvx_published")
ON_FAILURE = ("warn", "raise", "ignore")
ROLES = ("x", "y", "z")


def roles_of(n_sources: int) -> tuple[str, ...]:
    """Return what sources and target are called: x, y, z; of more than two, x0, x1, ..., z."""
    return ROLES if n_sources == 2 else (*(f"x{i}" for i in range(n_sources)), "z")


#: How far the sum of a table may lie from one. Sums of float32 probabilities stay inside it.
MASS_TOLERANCE = 1e-6

ATOMS: tuple[Atom, ...] = ("redundancy", "unique_x", "unique_y", "synergy")
"""The names of the four atoms, in the order of every table."""
#: What an estimate is made for.
QUANTITIES = (*ATOMS, "mi_x", "mi_y", "mi_xy", "union_information")
#: What a decomposition has.
VALUES = (*QUANTITIES, "lower", "upper", "gap")


class Terms(NamedTuple):
    """What the kernel finds of a table, in nats and in the order of its rows.

    Each is a number, an array or a tensor. Everything else is a linear combination of them, and
    stands here alone. The kernel's bounds respect ``max(mi_x, mi_y) <= lower <= upper <=
    min(mi_x + mi_y, mi_xy)`` in floating-point arithmetic, so that no atom is below zero by a
    rounding error; differences are therefore taken before a change of unit.
    """

    mi_x: Any
    mi_y: Any
    mi_xy: Any
    lower: Any
    upper: Any
    #: The union information, where it is not the middle of the bracket.
    union: Any = None

    @property
    def union_information(self) -> Any:
        return 0.5 * (self.lower + self.upper) if self.union is None else self.union

    @property
    def gap(self) -> Any:
        return self.upper - self.lower

    @property
    def redundancy(self) -> Any:
        return self.mi_x + self.mi_y - self.union_information

    @property
    def unique_x(self) -> Any:
        return self.union_information - self.mi_y

    @property
    def unique_y(self) -> Any:
        return self.union_information - self.mi_x

    @property
    def synergy(self) -> Any:
        return self.mi_xy - self.union_information

    def named(self, names: Sequence[str] = QUANTITIES) -> dict[str, Any]:
        """Return some of VALUES by name."""
        return {name: getattr(self, name) for name in names}

    def each(self, change: Callable[[Any], Any]) -> Terms:
        """Return the terms with a function applied to each."""
        return Terms(*(None if value is None else change(value) for value in self))

    def vector(self) -> NDArray[np.float64]:
        """Return mi_x, mi_y, mi_xy and the union information along a new last axis."""
        return np.stack([self.mi_x, self.mi_y, self.mi_xy, self.union_information], axis=-1)

    @classmethod
    def of_vector(cls, vector: NDArray[np.float64]) -> Terms:
        """Return the terms of a vector (..., 4), whose bounds are taken for equal."""
        mi_x, mi_y, mi_xy, union = np.moveaxis(vector, -1, 0)
        return cls(mi_x, mi_y, mi_xy, union, union)


class Codes(NamedTuple):
    """How the kernel came to its terms, in the order of its rows."""

    iterations: Any
    status: Any
    method: Any

    def each(self, change: Callable[[Any], Any]) -> Codes:
        """Return the codes with a function applied to each."""
        return Codes(*map(change, self))
