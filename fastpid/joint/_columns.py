"""Columns of samples as they are handed in: what kind of values they hold, and what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array
from fastpid.joint._frames import is_frame

_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 5
_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType"})
_POLARS_WHOLE = ("Int", "UIn", "Boo")
_ARROW_WHOLE = ("int", "boo")
_KIND_OF_DTYPE = {"U": "string", "b": "boolean", "i": "integer", "u": "integer", "f": "float"}


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Where samples stand: rows counted from 0, or lines of a file counted from 1."""

    word: str = "row"
    numbers: NDArray[np.int64] | None = None  # by default 0, 1, 2, ...

    def text(self, mask: NDArray[np.bool_]) -> str:
        """Say where a mask is set: "row 3", "lines 3, 9", "rows 0, 1, 2, 3, 4, ..."."""
        rows = np.flatnonzero(mask)
        shown = rows[:_SHOWN_ROWS]
        numbers = shown if self.numbers is None else self.numbers[shown]
        plural = "" if rows.size == 1 else "s"
        more = ", ..." if rows.size > _SHOWN_ROWS else ""
        return f"{self.word}{plural} {', '.join(map(str, numbers.tolist()))}{more}"

    def take(self, keep: NDArray[np.bool_]) -> Rows:
        """Return where some of the samples stand."""
        numbers = np.arange(keep.size) if self.numbers is None else self.numbers
        return Rows(self.word, numbers[keep])


FROM_ZERO = Rows()


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """A column as read: one kind of values, and which rows have none.

    Values that are `categories` are held as codes; the codes of missing values mean nothing.
    """

    role: str
    name: str
    kind: str
    values: NDArray[Any]  # for features (n, d) floats
    missing: NDArray[np.bool_]
    categories: tuple[Any, ...] = ()
    rows: Rows = FROM_ZERO
    #: Of text that reads as numbers in several spellings, the numbers; bins cut these.
    numbers: NDArray[np.float64] | None = None

    def __str__(self) -> str:
        return title(self.role, self.name)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_coded(self) -> bool:
        """Whether the values are codes of categories."""
        return self.kind == "categorical" or bool(self.categories)

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers, which bins can cut."""
        return self.kind in ("integer", "float") or self.numbers is not None

    def take(self, keep: NDArray[np.bool_]) -> Column:
        """Return some of the samples."""
        return dataclasses.replace(
            self,
            values=self.values[keep],
            missing=self.missing[keep],
            rows=self.rows.take(keep),
            numbers=None if self.numbers is None else self.numbers[keep],
        )

    def value(self, row: int) -> Any:
        """Return one value, as it was handed in."""
        return self.categories[self.values[row]] if self.is_coded else self.values[row]


def title(role: str, name: str) -> str:
    """Return what a column is called in a message."""
    return role if name == role else f"{role} ({name!r})"


def printable(label: object, width: int = 40) -> str:
    """Return a label for a person: quoted where its blanks would not show, shortened if long."""
    text = str(label)
    if not text.isprintable() or text.strip() != text or not text:
        text = repr(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def read_column(
    role: str, name: str, column: Any, *, features: bool = False, rows: Rows = FROM_ZERO
) -> Column:
    """Read a list, an array, a Series, an Arrow column; with `features`, also an (n, d) array."""
    if isinstance(column, Column):
        return column
    coded = _read_categorical(column)
    if coded is not None:
        codes, categories = coded
        return Column(role, name, "categorical", codes, codes < 0, categories, rows)
    column, masked = _split_nulls(column)
    # Through object, as numpy would turn a list like ["a", 1.5] into strings without a word.
    array = np.asarray(column, dtype=None if hasattr(column, "__array__") else object)
    called = title(role, name)
    if array.ndim == 2 and features and array.shape[1] > 1:
        return _read_features(role, name, array, masked, rows)
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
            f"{called} must be one-dimensional, one value for every sample; got "
            f"{type(column).__name__} of shape {array.shape}{remedy}"
        )
    kind = _KIND_OF_DTYPE.get(array.dtype.kind)
    if kind is not None:
        missing = np.isnan(array) if kind == "float" else np.zeros(array.shape, dtype=bool)
    elif array.dtype.kind in "OT":
        array = array.astype(object)
        kind, missing = _kind_of_objects(called, array, masked)
    else:
        raise TypeError(
            f"{called} has dtype {array.dtype}; expected strings, booleans, integers, floats or "
            f"categories{_remedy(array.dtype.kind)}"
        )
    return Column(
        role, name, kind, array, missing if masked is None else missing | masked, rows=rows
    )


def _read_categorical(column: Any) -> tuple[NDArray[np.intp], tuple[Any, ...]] | None:
    """Return codes and categories where a column has categories of its own; -1 is missing.

    Packages are recognised by names of classes, so that they need not be installed.
    """
    dtype = type(getattr(column, "dtype", None)).__name__
    if dtype == "CategoricalDtype":  # pandas
        codes = np.asarray(getattr(column, "cat", column).codes, dtype=np.intp)
        return codes, tuple(column.dtype.categories.tolist())
    if type(getattr(column, "dtype", None)).__name__ == "Enum":  # polars
        categories = tuple(column.dtype.categories.to_list())
        codes = np.asarray(column.to_physical().fill_null(len(categories)), dtype=np.intp)
        return np.where(codes == len(categories), -1, codes), categories
    if type(getattr(column, "type", None)).__name__ == "DictionaryType":  # Arrow
        if hasattr(column, "unify_dictionaries"):
            column = column.unify_dictionaries().combine_chunks()
        codes = np.asarray(column.indices.fill_null(-1), dtype=np.intp)
        return codes, tuple(column.dictionary.to_pylist())
    return None


def _split_nulls(column: Any) -> tuple[Any, NDArray[np.bool_] | None]:
    """Return values and where they are missing, of columns that numpy.asarray would change.

    It forgets the masks of masked arrays, and makes floats of integers and booleans with nulls.
    """
    if isinstance(column, np.ma.MaskedArray):
        return column.data, np.ma.getmaskarray(column)
    package = type(column).__module__.split(".")[0]
    dtype = None if is_frame(column) else getattr(column, "dtype", None)
    if package == "pandas" and dtype is not None and hasattr(dtype, "numpy_dtype"):
        if dtype.kind in "iub":
            missing = np.asarray(column.isna())
            filled = column.fillna(dtype.type(0)) if missing.any() else column
            return filled.to_numpy(dtype=dtype.numpy_dtype), missing
        return column, None
    if (
        package == "polars"
        and dtype is not None
        and column.null_count()
        and str(column.dtype)[:3] in _POLARS_WHOLE
    ):
        zero = False if str(column.dtype) == "Boolean" else 0
        return column.fill_null(zero).to_numpy(), column.is_null().to_numpy()
    if (
        package == "pyarrow"
        and column.null_count
        and str(column.type).strip("u")[:3] in _ARROW_WHOLE
    ):
        zero = False if str(column.type) == "bool" else 0
        return np.asarray(column.fill_null(zero)), np.asarray(column.is_null())
    return column, None


def _read_features(
    role: str, name: str, array: NDArray[Any], masked: NDArray[np.bool_] | None, rows: Rows
) -> Column:
    try:
        values = array.astype(np.float64) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        values = None
    if values is None:
        raise TypeError(
            f"{title(role, name)} has {array.shape[1]} columns of dtype {array.dtype}; a source of "
            "several columns must be numeric: encode its categories, or pass one column"
        )
    missing = np.asarray(np.isnan(values).any(axis=1))
    if masked is not None:
        missing |= masked.any(axis=1)
    return Column(role, name, "features", values, missing, rows=rows)


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


def check_weights(weights: Any, n_samples: int) -> tuple[NDArray[np.float64], float] | None:
    """Return the weights of samples over their largest, and that; None if there are none.

    Only ratios of weights matter, and over the largest one no sum of squares can overflow.
    """
    if weights is None:
        return None
    array = check_real_array(weights, "weights", bools=True).astype(np.float64)
    if array.shape != (n_samples,):
        raise ValueError(
            f"weights must have one entry a sample, shape ({n_samples},); got {array.shape}"
        )
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        raise ValueError(
            f"weights must be finite and not negative; {np.count_nonzero(bad)} are not "
            f"({FROM_ZERO.text(bad)}, the first {array[bad][0]:g})"
        )
    largest = float(array.max(initial=0.0))
    if largest == 0.0:
        raise ValueError("weights are all zero: no sample is left")
    return array / largest, largest


def check_lengths(columns: Sequence[Column]) -> None:
    """Refuse columns of different lengths, and empty ones."""
    first = columns[0]
    for column in columns[1:]:
        if len(column) != len(first):
            lengths = [f"{c} has {len(c)}" for c in columns[:3]]
            if f"{column} has {len(column)}" not in lengths:
                lengths = [*lengths[:2], "...", f"{column} has {len(column)}"]
            raise ValueError(
                f"the columns differ in length: {', '.join(lengths)}; one value a sample is needed"
            )
    if len(first) == 0:
        raise ValueError("the columns are empty: at least one sample is needed")


def refuse_missing(
    columns: Sequence[Column], remedy: str = "drop these rows, or impute them"
) -> None:
    """Refuse missing values, naming columns and rows."""
    having = [column for column in columns if column.missing.any()]
    if having:
        rows = np.logical_or.reduce([column.missing for column in having])
        parts = [
            f"{column} has {np.count_nonzero(column.missing)} ({column.rows.text(column.missing)})"
            for column in having[:_SHOWN_COLUMNS]
        ]
        parts += [f"and {len(having) - len(parts)} more"] if len(having) > len(parts) else []
        raise ValueError(
            f"missing values in {np.count_nonzero(rows)} of {rows.size} rows: {'; '.join(parts)}; "
            f"{remedy}"
        )


def refuse_infinite(columns: Sequence[Column]) -> None:
    """Refuse infinite values, naming the column and rows."""
    for column in columns:
        if column.kind in ("float", "features"):
            infinite = np.isinf(as_float(column))
            if infinite.ndim == 2:
                infinite = np.asarray(infinite.any(axis=1))
            infinite &= ~column.missing
            if infinite.any():
                raise ValueError(
                    f"{column} has {np.count_nonzero(infinite)} infinite values "
                    f"({column.rows.text(infinite)}); drop or replace them"
                )


def as_float(column: Column) -> NDArray[np.float64]:
    """Return the values of a numeric column in double precision."""
    if column.numbers is not None:
        return column.numbers
    try:
        # a long double beyond float64 becomes infinite, and is refused as such
        with np.errstate(over="ignore"):
            return np.asarray(column.values, dtype=np.float64)
    except OverflowError:
        raise ValueError(f"{column} holds integers too large for a float; rescale them") from None
