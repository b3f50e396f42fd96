"""Which rows of a covariance are X, Y and Z."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastpid._base.quantities import ROLES


class Variables(NamedTuple):
    """The rows of a covariance that belong to X, Y and Z, and whether they are all, in order."""

    columns: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    whole: bool

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The dimensions m, n and d."""
        m, n, d = map(len, self.columns)
        return m, n, d

    @property
    def total(self) -> int:
        """All dimensions."""
        return sum(self.sizes)

    @property
    def rows(self) -> list[int]:
        """The rows of X, then of Y, then of Z."""
        return [row for columns in self.columns for row in columns]

    @property
    def names(self) -> list[str]:
        """What error texts call them."""
        return [
            f"{role}[{i}]"
            for role, size in zip(ROLES, self.sizes, strict=True)
            for i in range(size)
        ]


def check_sizes(sizes: Any, total: int) -> Variables:
    """Return the variables that (m, n, d), or three lists of columns, mean for `total` rows."""
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or len(sizes) != 3:
        raise TypeError(
            "sizes must be three numbers (m, n, d), or three lists of columns, for X, Y and Z; "
            f"got {sizes!r}"
        )
    given = [_integer(size) for size in sizes]
    m, n, d = given
    if m is not None and n is not None and d is not None:
        for role, size in zip(ROLES, (m, n, d), strict=True):
            if size < 1:
                raise ValueError(
                    f"sizes: {role} needs a dimension or more; got {size} in {sizes!r}"
                )
        if m + n + d != total:
            raise ValueError(
                f"sizes {m} + {n} + {d} = {m + n + d} do not add up to the {total} rows of cov; "
                "pass three lists of columns to leave some out"
            )
        return Variables(
            (tuple(range(m)), tuple(range(m, m + n)), tuple(range(m + n, total))), True
        )
    if any(size is not None for size in given):
        raise TypeError(
            "sizes must be three numbers or three lists of columns, not some of both; got "
            f"{sizes!r}"
        )
    x, y, z = (_columns(role, part, total) for role, part in zip(ROLES, sizes, strict=True))
    rows = [*x, *y, *z]
    twice = next((row for i, row in enumerate(rows) if row in rows[:i]), None)
    if twice is not None:
        raise ValueError(
            f"sizes: column {twice} is named twice; a variable is part of X, of Y or of Z, once"
        )
    return Variables((x, y, z), rows == list(range(total)))


def _integer(size: Any) -> int | None:
    if isinstance(size, bool):
        return None
    try:
        return operator.index(size)
    except TypeError:
        return None


def _columns(role: str, part: Any, total: int) -> tuple[int, ...]:
    try:
        columns = tuple(map(_integer, part))
    except TypeError:
        raise TypeError(
            f"sizes: the columns of {role} must be a list of integers; got {part!r}"
        ) from None
    if not columns:
        raise ValueError(f"sizes: {role} needs a column or more")
    out = []
    for column in columns:
        if column is None:
            raise TypeError(f"sizes: the columns of {role} must be integers; got {part!r}")
        if not 0 <= column < total:
            raise ValueError(
                f"sizes: column {column} of {role} is not among the {total} rows of cov, which "
                "count from 0"
            )
        out.append(column)
    return tuple(out)
