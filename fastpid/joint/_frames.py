"""Columns by name: of frames, Arrow tables and mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastpid._base.quantities import ROLES


def column_names(data: Any) -> list[Any]:
    """Return the column names of a pandas or polars frame, an Arrow table, a mapping."""
    names = getattr(data, "column_names", None)  # Arrow, whose .columns are arrays
    if names is None:
        names = data.keys() if isinstance(data, Mapping) else getattr(data, "columns", None)
    if names is None:
        raise TypeError(
            f"data must be a frame with named columns (pandas, polars, pyarrow) or a mapping of "
            f"columns; got {type(data).__name__}"
        )
    return list(names)


def pick(data: Any, role: str, key: Any) -> Any:
    """Return the column of `data` that `key` names, or the (n, d) array of a list of names."""
    if isinstance(key, (list, tuple)):
        columns = [pick(data, role, name) for name in key]
        if not columns:
            raise ValueError(f"{role} names no column of data")
        if len(columns) == 1:
            return columns[0]
        arrays = [np.asarray(column) for column in columns]
        return np.stack(arrays, axis=1)
    names = column_names(data)
    if key not in names:
        raise ValueError(f"{role} names {unknown_name(key, names)}")
    return data[key]


def unknown_name(key: Any, names: Sequence[Any], where: str = "data") -> str:
    """Say that there is no column `key`, and which one may have been meant."""
    import difflib  # for errors alone

    folded = {str(name).strip().casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(str(key).strip().casefold(), folded, n=1)
    suggestion = f"; did you mean {folded[close[0]]!r}?" if close else ""
    shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    return f"a column {key!r} that {where} does not have{suggestion} (its columns are {shown})"


def check_names(names: Sequence[str] | None, columns: tuple[Any, ...]) -> tuple[str, ...]:
    """Return three names: those given, or those that the columns have, or x, y and z."""
    if names is None:
        found = (getattr(column, "name", None) for column in columns)
        return tuple(
            role if name is None or callable(name) else str(name)
            for role, name in zip(ROLES, found, strict=True)
        )
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names must be three strings; got {names!r}")
    if len(names) != 3:
        raise ValueError(f"names must be three strings; got {len(names)}")
    return tuple(names)
