"""Columns of samples as they are handed in: what kind of values they hold, and what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array

_SHOWN_ROWS = 5
_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType"})
_KIND_OF_DTYPE = {"U": "string", "b": "boolean", "i": "integer", "u": "integer", "f": "float"}


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """A column as read: one kind of values, and which rows have none."""

    role: str
    name: str
    kind: str
    values: NDArray[Any]  # for a Categorical, its codes; for features (n, d) floats
    missing: NDArray[np.bool_]
    categories: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return _title(self.role, self.name)

    def __len__(self) -> int:
        return len(self.values)


def _title(role: str, name: str) -> str:
    return role if name == role else f"{role} ({name!r})"


def printable(label: object, width: int = 40) -> str:
    """Return a label for a person: quoted where its blanks would not show, shortened if long."""
    text = str(label)
    if not text.isprintable() or text.strip() != text or not text:
        text = repr(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def rows_text(mask: NDArray[np.bool_]) -> str:
    """Say where a mask is set: "row 3", "rows 3, 9", "rows 0, 1, 2, 3, 4, ..."."""
    rows = np.flatnonzero(mask)
    text = ", ".join(map(str, rows[:_SHOWN_ROWS].tolist()))
    plural = "" if rows.size == 1 else "s"
    return f"row{plural} {text}" + (", ..." if rows.size > _SHOWN_ROWS else "")


def read_column(role: str, name: str, column: Any, *, features: bool = False) -> Column:
    """Read a list, an array, a Series, an Arrow column; with `features`, also an (n, d) array."""
    # pandas is recognised by its class names, so that it need not be installed.
    if type(getattr(column, "dtype", None)).__name__ == "CategoricalDtype":
        codes = np.asarray(getattr(column, "cat", column).codes, dtype=np.intp)
        categories = tuple(column.dtype.categories.tolist())
        return Column(role, name, "categorical", codes, codes < 0, categories)
    masked = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
    # Through object, as numpy would turn a list like ["a", 1.5] into strings without a word.
    array = np.asarray(column, dtype=None if hasattr(column, "__array__") else object)
    title = _title(role, name)
    if array.ndim == 2 and features and array.shape[1] > 1 and array.shape[0] != 1:
        return _read_features(role, name, array, masked)
    if array.ndim != 1:
        remedy = ""
        if array.ndim == 2 and 1 in array.shape:
            remedy = f"; pass {role}.ravel()"
        elif array.ndim == 2 and role != "z":
            remedy = (
                "; a source of several columns is clustered: say into how many symbols, for "
                f'example bins={{"{role}": 8}}'
            )
        raise ValueError(
            f"{title} must be one-dimensional, one value for every sample; got "
            f"{type(column).__name__} of shape {array.shape}{remedy}"
        )
    kind = _KIND_OF_DTYPE.get(array.dtype.kind)
    if kind is not None:
        missing = np.isnan(array) if kind == "float" else np.zeros(array.shape, dtype=bool)
    elif array.dtype.kind in "OT":
        array = array.astype(object)
        kind, missing = _kind_of_objects(title, array, masked)
    else:
        raise TypeError(
            f"{title} has dtype {array.dtype}; expected strings, booleans, integers, floats or "
            f"categories{_remedy(array.dtype.kind)}"
        )
    return Column(role, name, kind, array, missing if masked is None else missing | masked)


def _read_features(
    role: str, name: str, array: NDArray[Any], masked: NDArray[np.bool_] | None
) -> Column:
    title = _title(role, name)
    try:
        values = array.astype(np.float64) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        values = None
    if values is None:
        raise TypeError(
            f"{title} has {array.shape[1]} columns of dtype {array.dtype}; a source of several "
            "columns must be numeric: encode its categories, or pass one column"
        )
    missing = np.asarray(np.isnan(values).any(axis=1))
    if masked is not None:
        missing |= masked.any(axis=1)
    return Column(role, name, "features", values, missing)


def _remedy(dtype_kind: str) -> str:
    remedies = {
        "M": ": convert dates to what matters about them, such as the hour or the month",
        "m": ": convert time spans to a number of seconds",
        "c": ": pass the real part, the modulus or the phase",
        "S": ": decode bytes with .astype(str)",
    }
    return remedies.get(dtype_kind, "")


def _kind_of_objects(
    title: str, array: NDArray[Any], masked: NDArray[np.bool_] | None
) -> tuple[str, NDArray[np.bool_]]:
    missing = np.zeros(array.shape, dtype=bool)
    first_row: dict[str, int] = {}
    for row, value in enumerate(array):
        if masked is not None and masked[row]:
            continue
        if type(value).__name__ in _MISSING_TYPES:
            missing[row] = True
        elif isinstance(value, str):
            first_row.setdefault("string", row)
        elif isinstance(value, (bool, np.bool_)):
            first_row.setdefault("boolean", row)
        elif isinstance(value, (int, np.integer)):
            # numpy's time spans count as its integers
            if isinstance(value, np.timedelta64):
                raise _bad_object(title, row, value)
            first_row.setdefault("integer", row)
        elif isinstance(value, (float, np.floating)):
            if value != value:
                missing[row] = True
            else:
                first_row.setdefault("float", row)
        else:
            raise _bad_object(title, row, value)
    kinds = set(first_row)
    if kinds == {"integer", "float"}:
        return "float", missing
    if len(kinds) > 1:
        found = " and ".join(f"{kind}s (first in row {row})" for kind, row in first_row.items())
        raise TypeError(
            f"{title} mixes {found}; convert it to one type, for example with .astype(str)"
        )
    return (kinds.pop() if kinds else "string"), missing


def _bad_object(title: str, row: int, value: object) -> TypeError:
    return TypeError(
        f"{title} holds a {type(value).__name__} in row {row}; expected strings, booleans, "
        "integers, floats or categories: convert it, for example with .astype(str)"
    )


def check_weights(weights: Any, n_samples: int) -> NDArray[np.float64] | None:
    """Return the weights of samples as float64; None if there are none."""
    if weights is None:
        return None
    array = check_real_array(weights, "weights").astype(np.float64)
    if array.shape != (n_samples,):
        raise ValueError(
            f"weights must have one entry a sample, shape ({n_samples},); got {array.shape}"
        )
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        raise ValueError(
            f"weights must be finite and not negative; {np.count_nonzero(bad)} are not "
            f"({rows_text(bad)}, the first {array[bad][0]:g})"
        )
    if not array.any():
        raise ValueError("weights are all zero: no sample is left")
    return array


def check_lengths(columns: Sequence[Column]) -> None:
    """Refuse columns of different lengths, and empty ones."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        found = ", ".join(
            f"{column} has {length}" for column, length in zip(columns, lengths, strict=True)
        )
        raise ValueError(f"the columns differ in length: {found}; one value a sample is needed")
    if lengths[0] == 0:
        raise ValueError("the columns are empty: at least one sample is needed")


def refuse_missing(columns: Sequence[Column]) -> None:
    """Refuse missing values, naming columns and rows."""
    found = [
        f"{column} has {np.count_nonzero(column.missing)} ({rows_text(column.missing)})"
        for column in columns
        if column.missing.any()
    ]
    if found:
        rows = np.logical_or.reduce([column.missing for column in columns])
        raise ValueError(
            f"missing values in {np.count_nonzero(rows)} of {rows.size} rows: {'; '.join(found)}; "
            "drop these rows, impute them, or make missingness a category of its own"
        )


def refuse_infinite(columns: Sequence[Column]) -> None:
    """Refuse infinite values, naming the column and rows."""
    for column in columns:
        if column.kind in ("float", "features"):
            infinite = np.isinf(as_float(column))
            if infinite.ndim == 2:
                infinite = np.asarray(infinite.any(axis=1))
            if infinite.any():
                raise ValueError(
                    f"{column} has {np.count_nonzero(infinite)} infinite values "
                    f"({rows_text(infinite)}); drop or replace them"
                )


def as_float(column: Column) -> NDArray[np.float64]:
    """Return the values of a numeric column in double precision."""
    try:
        # a long double beyond float64 becomes infinite, and is refused as such
        with np.errstate(over="ignore"):
            return np.asarray(column.values, dtype=np.float64)
    except OverflowError:
        raise ValueError(f"{column} holds integers too large for a float; rescale them") from None
