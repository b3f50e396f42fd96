"""Joint tables from data: samples of three columns, or the predictions of two classifiers."""

from __future__ import annotations

import dataclasses
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._soft_joint import from_probabilities
from fastpid._validate import check_choice

__all__ = ["Interval", "JointTable", "from_probabilities", "from_samples"]

ROLES = ("x", "y", "z")
STRATEGIES = ("quantile", "uniform")

#: A float column with more distinct values than this is continuous, whatever they are.
MAX_FLOAT_CATEGORIES = 20
#: The largest table built, in cells: 2 GiB of probabilities.
MAX_CELLS = 2**28

_SHOWN_ROWS = 5
_SHOWN_LABELS = 8
_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType"})
_KIND_OF_DTYPE = {"U": "string", "b": "boolean", "i": "integer", "u": "integer", "f": "float"}
_PYTHON_TYPE: dict[str, Callable[[Any], Any]] = {"string": str, "boolean": bool, "integer": int}


class Interval(NamedTuple):
    """The values behind one symbol of a binned column: ``lo <= value < hi``.

    The last bin of a column also holds its right edge and prints as ``[lo, hi]``.
    """

    lo: float
    hi: float

    def __repr__(self) -> str:
        """Return the interval as it is written in mathematics."""
        lo, hi = f"{self.lo:.6g}", f"{self.hi:.6g}"
        if lo == hi:  # edges that six digits do not tell apart
            lo, hi = repr(self.lo), repr(self.hi)
        return f"[{lo}, {hi})"


class _LastInterval(Interval):
    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}]"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class JointTable:
    """The empirical joint distribution of two sources and a target.

    It stands wherever an array of its shape does: ``fastpid.decompose(table)``.

    Attributes
    ----------
    p : ndarray (nx, ny, nz), float64, read-only
        Relative frequencies, ``counts / n_samples``; they sum to one.
    counts : ndarray (nx, ny, nz), int64, read-only
        How many samples fell into every cell.
    labels : tuple of three tuples
        What every index of an axis means: the category (str, int, bool, float, or whatever a pandas
        Categorical holds), or an :class:`Interval` ``(lo, hi)`` for a binned column.
    n_samples : int
        The number of samples, ``counts.sum()``.
    names : tuple of three str
        The names of the columns.
    """

    p: NDArray[np.float64]
    counts: NDArray[np.int64]
    labels: tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
    n_samples: int
    names: tuple[str, str, str] = ROLES

    @property
    def shape(self) -> tuple[int, ...]:
        """(nx, ny, nz)."""
        return self.p.shape

    def is_binned(self, axis: int) -> bool:
        """Whether the symbols along an axis are bins of a numeric column."""
        return isinstance(self.labels[axis][0], Interval)

    def marginal(self, axis: int) -> NDArray[np.int64]:
        """Return how many samples every symbol along an axis has, shape (n,)."""
        others = tuple(i for i in range(3) if i != axis)
        return np.asarray(self.counts.sum(axis=others), dtype=np.int64)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return `p`, so that numpy takes a table for an array."""
        return np.array(self.p, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """Return a few lines: the shape, and what the symbols of every axis are."""
        shape = " x ".join(map(str, self.shape))
        used = np.count_nonzero(self.counts)
        lines = [
            f"JointTable {shape} from {self.n_samples} samples, "
            f"{used} of {self.counts.size} cells occupied"
        ]
        names = [_printable(name) for name in self.names]
        width = max(map(len, names))
        for axis, role in enumerate(ROLES):
            lines.append(f"  {role}  {names[axis]:<{width}}  {self.describe(axis)}")
        return "\n".join(lines)

    def describe(self, axis: int) -> str:
        """Return one line about an axis: what its symbols are and how many samples each has."""
        labels, samples = self.labels[axis], self.marginal(axis)
        if self.is_binned(axis):
            kind = "bin" if len(labels) == 1 else "bins"
        else:
            kind = "category" if len(labels) == 1 else "categories"
        shown = ", ".join(
            f"{_printable(label)} ({count})"
            for label, count in zip(labels[:_SHOWN_LABELS], samples.tolist(), strict=False)
        )
        more = len(labels) - _SHOWN_LABELS
        return f"{len(labels)} {kind}: {shown}" + (f", and {more} more" if more > 0 else "")


def from_samples(
    x: Any,
    y: Any,
    z: Any,
    *,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
) -> JointTable:
    """Count samples of two sources and a target into a joint table.

    What becomes of a column depends on its type and on `bins`:

    * Strings, booleans and pandas Categoricals are categories. A Categorical keeps the order of its
      categories, and the unobserved ones too, at probability zero; everything else is sorted.
    * Integers are categories, unless `bins` names their column: ``bins={"x": 4}``.
    * Floats are cut into bins where `bins` says so. Without bins they are categories if they look
      like codes: at most 20 distinct values that are whole numbers or occur twice on average.
      Any other float column is refused, since every sample would be a symbol of its own.

    A bin holds its left edge and not its right one; the last bin holds both, as in
    :func:`numpy.histogram`. No sample is ever dropped.

    Parameters
    ----------
    x, y, z : array-like (n_samples,)
        The two sources and the target: lists, numpy arrays, pandas Series or Categoricals.
    bins : int, mapping, or sequence of three, optional
        An int is the number of bins of every float column, 2 or more. A mapping with keys among
        "x", "y", "z", or a sequence of three, says it for each column: an int, an increasing array
        of edges, or None for none.
    strategy : {"quantile", "uniform"}
        Where an int leaves the edges to us: at equally spaced quantiles of the column (linear
        interpolation, as in ``numpy.quantile``), or equally spaced from minimum to maximum.
        Uniform bins may be empty; quantile bins never are: where ties leave no sample between two
        quantiles, their bins are merged, and a UserWarning says how many are left.
    names : sequence of three str, optional
        Names of the columns, by default those of the pandas Series given, or "x", "y", "z".

    Returns
    -------
    JointTable
        Shape (nx, ny, nz), the target last.

    Raises
    ------
    ValueError
        If a column is not one-dimensional, is empty, holds missing (None, NaN, NA) or infinite
        values; if lengths differ; if a float column needs bins; if bins cannot be made (one
        distinct value, fewer distinct values than quantile bins, all samples in one bin, values
        outside the edges given); or if the table would have more than 2**28 cells.
    TypeError
        If a column holds dates, complex numbers, bytes, other objects or a mixture of types, or if
        `bins` is of a type it cannot be.

    Warns
    -----
    UserWarning
        If ties leave fewer quantile bins than asked for.

    Examples
    --------
    >>> from fastpid.joint import from_samples
    >>> table = from_samples([0.1, 0.4, 0.6, 0.9], ["a", "b", "a", "b"], [0, 0, 1, 1], bins=2)
    >>> table
    JointTable 2 x 2 x 2 from 4 samples, 4 of 8 cells occupied
      x  x  2 bins: [0.1, 0.5) (2), [0.5, 0.9] (2)
      y  y  2 categories: a (2), b (2)
      z  z  2 categories: 0 (2), 1 (2)
    """
    check_choice("strategy", strategy, STRATEGIES)
    given = _check_names(names, (x, y, z))
    columns = [
        _read(role, name, values)
        for role, name, values in zip(ROLES, given, (x, y, z), strict=True)
    ]
    _check_rows(columns)
    _refuse_missing(columns)
    _refuse_infinite(columns)
    plan = _bins_of_columns(bins, columns)
    coded: list[tuple[NDArray[np.intp], tuple[Any, ...]]] = []
    for column in columns:
        spec = plan[column.role]
        coded.append(_categories(column) if spec is None else _bin(column, spec, strategy))
    shape = tuple(len(labels) for _, labels in coded)
    cells = shape[0] * shape[1] * shape[2]
    if cells > MAX_CELLS:
        raise ValueError(
            f"a table of {shape[0]} x {shape[1]} x {shape[2]} symbols has {cells} cells, more than "
            f"the {MAX_CELLS} supported; bin or group the column with the most symbols"
        )
    flat = np.ravel_multi_index([codes for codes, _ in coded], shape)
    counts = np.bincount(flat, minlength=cells).reshape(shape).astype(np.int64)
    n_samples = len(columns[0].values)
    p = counts / float(n_samples)
    for array in (p, counts):
        array.flags.writeable = False
    return JointTable(
        p=p,
        counts=counts,
        labels=(coded[0][1], coded[1][1], coded[2][1]),
        n_samples=n_samples,
        names=(columns[0].name, columns[1].name, columns[2].name),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Column:
    """A column as read: one kind of values, and which rows have none."""

    role: str
    name: str
    kind: str
    values: NDArray[Any]  # for a Categorical, its codes
    missing: NDArray[np.bool_]
    categories: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return _title(self.role, self.name)


def _title(role: str, name: str) -> str:
    return role if name == role else f"{role} ({name!r})"


def _printable(label: object, width: int = 40) -> str:
    text = str(label)
    if not text.isprintable() or text.strip() != text or not text:
        text = repr(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _rows(mask: NDArray[np.bool_]) -> str:
    """Say where a mask is set: "row 3", "rows 3, 9", "rows 0, 1, 2, 3, 4, ..."."""
    rows = np.flatnonzero(mask)
    text = ", ".join(map(str, rows[:_SHOWN_ROWS].tolist()))
    plural = "" if rows.size == 1 else "s"
    return f"row{plural} {text}" + (", ..." if rows.size > _SHOWN_ROWS else "")


def _check_names(names: Sequence[str] | None, columns: tuple[Any, ...]) -> tuple[str, ...]:
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


# Reading columns ------------------------------------------------------------------------------


def _read(role: str, name: str, column: Any) -> _Column:
    # pandas is recognised by its class names, so that it need not be installed.
    if type(getattr(column, "dtype", None)).__name__ == "CategoricalDtype":
        codes = np.asarray(getattr(column, "cat", column).codes, dtype=np.intp)
        categories = tuple(column.dtype.categories.tolist())
        return _Column(role, name, "categorical", codes, codes < 0, categories)
    masked = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
    # Through object, as numpy would turn a list like ["a", 1.5] into strings without a word.
    array = np.asarray(column, dtype=None if hasattr(column, "__array__") else object)
    title = _title(role, name)
    if array.ndim != 1:
        remedy = f"; pass {role}.ravel()" if array.ndim == 2 and 1 in array.shape else ""
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
    return _Column(role, name, kind, array, missing if masked is None else missing | masked)


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


def _check_rows(columns: list[_Column]) -> None:
    lengths = [len(column.values) for column in columns]
    if len(set(lengths)) > 1:
        found = ", ".join(
            f"{column} has {length}" for column, length in zip(columns, lengths, strict=True)
        )
        raise ValueError(f"the columns differ in length: {found}; one value a sample is needed")
    if lengths[0] == 0:
        raise ValueError("the columns are empty: at least one sample is needed")


def _refuse_missing(columns: list[_Column]) -> None:
    found = [
        f"{column} has {np.count_nonzero(column.missing)} ({_rows(column.missing)})"
        for column in columns
        if column.missing.any()
    ]
    if found:
        rows = np.logical_or.reduce([column.missing for column in columns])
        raise ValueError(
            f"missing values in {np.count_nonzero(rows)} of {rows.size} rows: {'; '.join(found)}; "
            "drop these rows, impute them, or make missingness a category of its own"
        )


def _refuse_infinite(columns: list[_Column]) -> None:
    for column in columns:
        if column.kind == "float":
            infinite = np.isinf(_as_float(column))
            if infinite.any():
                raise ValueError(
                    f"{column} has {np.count_nonzero(infinite)} infinite values "
                    f"({_rows(infinite)}); drop or replace them"
                )


# Categories -----------------------------------------------------------------------------------


def _categories(column: _Column) -> tuple[NDArray[np.intp], tuple[Any, ...]]:
    if column.kind == "categorical":
        return column.values, column.categories
    if column.kind == "float":
        values = _as_float(column)
        _refuse_continuous(column, values)
    elif column.values.dtype == object:
        to_python = _PYTHON_TYPE[column.kind]
        objects = [to_python(value) for value in column.values]
        labels = tuple(sorted(set(objects)))
        index = {label: code for code, label in enumerate(labels)}
        return np.fromiter((index[value] for value in objects), np.intp, len(objects)), labels
    else:
        values = column.values
    unique, codes = np.unique(values, return_inverse=True)
    return codes, tuple(unique.tolist())


def _refuse_continuous(column: _Column, values: NDArray[np.float64]) -> None:
    distinct = np.unique(values).size
    whole = bool(np.all(values == np.floor(values)))
    if distinct > MAX_FLOAT_CATEGORIES or (not whole and 2 * distinct > values.size):
        raise ValueError(
            f"{column} is continuous: {distinct} distinct floats in {values.size} samples; pass "
            f'bins=, for example bins={{"{column.role}": 4}}, or convert it to integers or strings '
            "if its values are categories"
        )


# Bins -----------------------------------------------------------------------------------------


def _bins_of_columns(bins: Any, columns: list[_Column]) -> dict[str, Any]:
    """Say for every role whether and how it is binned: an int, edges, or None."""
    if bins is None:
        return dict.fromkeys(ROLES)
    if isinstance(bins, Mapping):
        unknown = [key for key in bins if key not in ROLES]
        if unknown:
            raise ValueError(f'bins has the key {unknown[0]!r}; its keys are "x", "y" and "z"')
        plan = {role: bins.get(role) for role in ROLES}
    elif isinstance(bins, (list, tuple)):
        if len(bins) != 3:
            raise ValueError(
                f"bins has {len(bins)} entries; a sequence needs three, one for each of x, y and z "
                '(give edges by column: bins={"x": edges})'
            )
        plan = dict(zip(ROLES, bins, strict=True))
    else:
        count = _bin_count("bins", bins, 'an int, a mapping such as {"x": 4}, or three of them')
        plan = {column.role: count if column.kind == "float" else None for column in columns}
        if not any(plan.values()):
            kinds = ", ".join(f"{column} is {column.kind}" for column in columns)
            raise ValueError(
                f"bins={count} is for float columns, and there are none ({kinds}); name the "
                f'columns to bin, for example bins={{"x": {count}}}'
            )
    for column in columns:
        if plan[column.role] is not None and column.kind not in ("integer", "float"):
            raise TypeError(
                f"bins names {column}, which is {column.kind}; only numeric columns can be binned"
            )
    return plan


def _bin_count(argument: str, value: Any, expected: str) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{argument} must be {expected}; got {type(value).__name__}")
    if count < 2:
        raise ValueError(f"{argument} is {count}; at least 2 bins are needed")
    return count


def _bin(
    column: _Column, spec: Any, strategy: str
) -> tuple[NDArray[np.intp], tuple[Interval, ...]]:
    values = _as_float(column)
    argument = f'bins["{column.role}"]'
    if hasattr(spec, "__len__") and not isinstance(spec, str):
        edges = _check_edges(argument, column, values, spec)
    else:
        count = _bin_count(argument, spec, "an int, an array of edges, or None")
        edges = _make_edges(column, values, count, strategy)
    codes = np.searchsorted(edges, values, side="right") - 1
    codes[values == edges[-1]] = edges.size - 2
    pairs = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    return codes, (*(Interval(*pair) for pair in pairs[:-1]), _LastInterval(*pairs[-1]))


def _as_float(column: _Column) -> NDArray[np.float64]:
    try:
        # a long double beyond float64 becomes infinite, and is refused as such
        with np.errstate(over="ignore"):
            return np.asarray(column.values, dtype=np.float64)
    except OverflowError:
        raise ValueError(f"{column} holds integers too large for a float; rescale them") from None


def _make_edges(
    column: _Column, values: NDArray[np.float64], count: int, strategy: str
) -> NDArray[np.float64]:
    distinct = np.unique(values)
    if distinct.size == 1:
        raise ValueError(
            f"{column} has one distinct value, {distinct[0]:g}, and cannot be binned; leave it "
            "out, or convert it to a string to keep it as a source of one symbol"
        )
    lo, hi = float(distinct[0]), float(distinct[-1])
    if not np.isfinite(hi - lo):
        raise ValueError(f"{column} spans {lo:g} to {hi:g}, beyond double precision; rescale it")
    if strategy == "uniform":
        edges = np.linspace(lo, hi, count + 1)
        if not np.all(np.diff(edges) > 0):
            raise ValueError(
                f"{column} spans {lo!r} to {hi!r}, too little for {count} uniform bins in double "
                "precision; subtract an offset, or ask for fewer bins"
            )
        return edges
    if count > distinct.size:
        raise ValueError(
            f"{column} has {distinct.size} distinct values, fewer than the {count} quantile bins "
            "asked for; ask for fewer bins, or keep it as categories: bin only the other columns, "
            "by name, and convert this one to integers or strings"
        )
    edges = np.unique(_quantiles(np.sort(values), count))
    # A quantile interpolated just below a tie leaves a bin without a sample: it joins its left one.
    occupied, _ = np.histogram(values, edges)
    edges = np.append(edges[:-1][occupied > 0], edges[-1])
    made = edges.size - 1
    if made < count:
        common, samples = np.unique(values, return_counts=True)
        mode, share = common[samples.argmax()], samples.max() / values.size
        cause = f"ties ({share:.0%} of the samples are {mode:g})"
        if made == 1:
            raise ValueError(
                f"{column} cannot be cut into {count} quantile bins: {cause} put all samples into "
                'one bin; pass explicit edges, or strategy="uniform"'
            )
        warnings.warn(
            f"{column} has {made} quantile bins, not the {count} asked for, because of {cause}; "
            'ask for fewer, pass explicit edges, or use strategy="uniform"',
            UserWarning,
            stacklevel=4,
        )
    return edges


def _quantiles(ordered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the `count` + 1 equally spaced quantiles, interpolated linearly.

    The positions are exact rationals, so that a quantile that is a sample equals it. From the
    rounded 0.6 numpy.quantile can answer one unit above the sample, and it would change bins.
    """
    position, remainder = np.divmod(np.arange(count + 1) * (ordered.size - 1), count)
    below = ordered[position]
    above = ordered[np.minimum(position + 1, ordered.size - 1)]
    quantiles: NDArray[np.float64] = np.minimum(below + remainder / count * (above - below), above)
    return quantiles


def _check_edges(
    argument: str, column: _Column, values: NDArray[np.float64], spec: Any
) -> NDArray[np.float64]:
    try:
        edges = np.asarray(spec, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{argument} must be an int or an array of edges: {error}") from None
    if edges.ndim != 1 or edges.size < 2:
        raise ValueError(
            f"{argument} must be a one-dimensional array of two edges or more; "
            f"got shape {edges.shape}"
        )
    # written so that NaN fails it too
    rising = edges[:-1] < edges[1:]
    if not rising.all():
        where = int(np.flatnonzero(~rising)[0])
        raise ValueError(
            f"{argument} must increase strictly; got {edges[where]:g} and then "
            f"{edges[where + 1]:g} at index {where + 1}"
        )
    outside = (values < edges[0]) | (values > edges[-1])
    if outside.any():
        raise ValueError(
            f"{column} has {np.count_nonzero(outside)} of {values.size} values outside the edges "
            f"[{edges[0]:g}, {edges[-1]:g}] ({_rows(outside)}, the first {values[outside][0]:g}); "
            "widen the edges (-inf and inf are allowed) or drop those samples"
        )
    return edges
