"""What a loss is made of: a linear combination of the quantities of a decomposition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fastpid._base.checks import check_number
from fastpid._base.quantities import QUANTITIES, Terms

#: Each quantity by mi_x, mi_y, mi_xy and the union information, in which it is linear.
_BY_TERMS = {
    name: tuple(np.ravel(by).tolist())
    for name, by in Terms.of_vector(np.eye(4)).named(QUANTITIES).items()
}


class Weights(NamedTuple):
    """An objective as a linear combination of the terms that the kernel finds."""

    mi_x: float
    mi_y: float
    mi_xy: float
    union_information: float


def check_objective(objective: object) -> Weights:
    """Return the weights of an objective: the name of a quantity, or a mapping of names to weights.

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
    total = [0.0] * 4
    for name, weight in objective.items():
        if name not in _BY_TERMS:
            raise ValueError(
                f"objective has the unknown quantity {name!r}; it is made of "
                f"{', '.join(QUANTITIES)}"
            )
        number = check_number(f"objective[{name!r}]", weight, -1e300, 1e300)
        total = [t + number * by for t, by in zip(total, _BY_TERMS[name], strict=True)]
    return Weights(*total)
