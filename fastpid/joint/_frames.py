"""Columns by name: of frames, Arrow tables, mappings, AnnData and sparse matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastpid._base.quantities import ROLES


def is_frame(data: Any) -> bool:
    """Whether an object holds columns by name; a Series or an array does not."""
    if isinstance(data, np.ndarray):
        return data.dtype.names is not None
    return isinstance(data, Mapping) or _names_attribute(data) is not None


def _names_attribute(data: Any) -> Any:
    names = getattr(data, "column_names", None)  # Arrow, whose .columns are arrays
    if names is None or callable(names):
        names = getattr(data, "columns", None)
    # A frame may have columns of these names; those are columns, not lists of names.
    if names is None or callable(names) or getattr(names, "ndim", 1) != 1:
        return None
    return names


def column_names(data: Any) -> list[Any]:
    """Return the column names of a pandas or polars frame, an Arrow table, a mapping.

    Raises
    ------
    TypeError
        If `data` has no columns by name.
    """
    if type(data).__name__ == "LazyFrame":
        raise TypeError("data is a polars LazyFrame; pass data.collect()")
    if isinstance(data, np.ndarray) and data.dtype.names is not None:
        return list(data.dtype.names)
    names = list(data) if isinstance(data, Mapping) else _names_attribute(data)
    if names is None:
        raise TypeError(
            f"data must be a frame with named columns (pandas, polars, pyarrow) or a mapping of "
            f"columns; got {type(data).__name__}"
        )
    return list(names)


def frame_column(data: Any, name: Any) -> Any:
    """Return the one column of a name.

    Raises
    ------
    ValueError
        If several columns have it.
    """
    names = column_names(data)
    if names.count(name) > 1:
        raise ValueError(f"data has {names.count(name)} columns named {name!r}; rename them")
    return data[name]


def name_of(values: Any) -> str | None:
    """Return the name of a Series; None for an array, and for a frame with a column "name"."""
    if is_frame(values):
        return None
    name = getattr(values, "name", None)
    return None if name is None or callable(name) or name == "" else str(name)


def pick(data: Any, role: str, key: Any) -> Any:
    """Return the column of `data` that `key` names, or the (n, d) array of a list of names."""
    if isinstance(key, list):
        if not key:
            raise ValueError(f"{role} names no column of data")
        columns = [pick(data, role, name) for name in key]
        if len(columns) == 1:
            return columns[0]
        arrays = [np.ma.asanyarray(column) for column in columns]
        masked = any(isinstance(array, np.ma.MaskedArray) for array in arrays)
        return (np.ma if masked else np).stack(arrays, axis=1)
    names = column_names(data)
    if key not in names:
        if isinstance(key, tuple):  # no name of a MultiIndex: names of several columns
            return pick(data, role, list(key))
        raise ValueError(f"{role} names {unknown_name(key, names)}")
    return frame_column(data, key)


def named_columns(X: Any, names: Sequence[str] | None) -> dict[str, Any]:  # noqa: N803
    """Return the columns of a frame or of a matrix (n_samples, n_columns), by name.

    Raises
    ------
    ValueError
        For names that do not fit, or that are the same as text.
    """
    if type(X).__module__.split(".")[0] == "anndata":
        names, X = [str(name) for name in X.var_names], X.X  # noqa: N806
    if is_frame(X):
        if names is not None:
            raise ValueError("names are for arrays; X has names of its own")
        keys = column_names(X)
        _refuse_doubles([str(key) for key in keys], "X")
        return {str(key): X[key] for key in keys}
    sparse = hasattr(X, "tocsc")
    if sparse:
        X = X.tocsc()  # noqa: N806
        n_columns = int(X.shape[1])
    else:
        X = np.ma.asanyarray(X)  # noqa: N806
        if X.ndim != 2:
            raise ValueError(f"X must be (n_samples, n_columns); got shape {X.shape}")
        n_columns = X.shape[1]
    if names is None:
        names = [str(i) for i in range(n_columns)]
    elif isinstance(names, str) or len(names) != n_columns:
        raise ValueError(
            f"names must be {n_columns} different strings, one a column; got {len(names)}"
        )
    names = [str(name) for name in names]
    _refuse_doubles(names, "names")
    if sparse:
        return {name: X[:, [i]].toarray()[:, 0] for i, name in enumerate(names)}
    return {name: X[:, i] for i, name in enumerate(names)}


def _refuse_doubles(names: list[str], what: str) -> None:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        if count > 1:
            raise ValueError(
                f"{what} has {count} columns whose name reads {name!r}; give each a name of its own"
            )


def unknown_name(key: Any, names: Sequence[Any], where: str = "data") -> str:
    """Say that there is no column `key`, and which one may have been meant."""
    import difflib  # for errors alone

    folded = {str(name).strip().casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(str(key).strip().casefold(), folded, n=1)
    suggestion = f"; did you mean {folded[close[0]]!r}?" if close else ""
    shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    return f"a column {key!r} that {where} does not have{suggestion} (its columns are {shown})"


def check_names(
    names: Sequence[str] | None, columns: Sequence[Any], roles: tuple[str, ...] = ROLES
) -> tuple[str, ...]:
    """Return a name for each role: those given, or those that the columns have, or the roles."""
    if names is None:
        own = map(name_of, columns)
        return tuple(role if n is None else n for role, n in zip(roles, own, strict=True))
    wanted = "three strings" if len(roles) == 3 else f"{len(roles)} strings, the target's last"
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names must be {wanted}; got {names!r}")
    if len(names) != len(roles):
        raise ValueError(f"names must be {wanted}; got {len(names)}")
    return tuple(names)
