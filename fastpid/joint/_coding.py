"""From columns to symbols: the rules, learnt from one column and applied to it or to another."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra
from fastpid.joint._bins import bin_codes, check_edges, intervals, make_edges
from fastpid.joint._columns import (
    Column,
    as_float,
    printable,
    refuse_infinite,
    refuse_missing,
)

#: A float column with more distinct values than this is continuous, whatever they are.
MAX_FLOAT_CATEGORIES = 20
#: From this many samples on, k-means works on mini-batches.
MINI_BATCH_FROM = 10_000

_PYTHON_TYPE: dict[str, Callable[[Any], Any]] = {"string": str, "boolean": bool, "integer": int}


@dataclasses.dataclass(frozen=True)
class CodingOptions:
    """How int bins and clusters are made."""

    strategy: str = "quantile"
    seed: int = 0
    standardize: bool = True
    n_components: int | None = None


class Coding(Protocol):
    """A rule that gives every value of a column a symbol."""

    @property
    def labels(self) -> tuple[Any, ...]:
        """What the symbols are."""
        ...

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the symbols of a column, which may be another than the rule was learnt from."""
        ...


def fit_coding(column: Column, spec: Any, options: CodingOptions) -> Coding:
    """Learn the rule for a column.

    `spec` is None (categories), "values" (categories, continuous or not), a number of bins, edges,
    or "auto". Missing values are learnt as a symbol of their own.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` documents.
    """
    argument = f'bins["{column.role}"]'
    if column.missing.any():
        if column.missing.all():
            if not (spec is None or isinstance(spec, str)):
                raise ValueError(f"{argument} cannot cut {column}: it has no values; leave it out")
            spec = None
        return WithMissing(fit_coding(column.take(~column.missing), spec, options))
    if column.kind == "features":
        if spec is None or isinstance(spec, str):
            raise ValueError(
                f"{column} must be one-dimensional, one value for every sample, or be clustered; "
                f"got shape {column.values.shape}: say into how many symbols, for example "
                f'bins={{"{column.role}": 8}}{_probabilities_hint(column)}'
            )
        return Clusters.fit(
            column, bin_count(argument, spec, "an int, the number of clusters"), options
        )
    if spec is None or (isinstance(spec, str) and spec == "values"):
        return Categories.fit(column, continuous=spec is not None)
    if not column.is_numeric:
        first = ""
        if column.is_coded and len(column):
            only = np.arange(len(column)) == 0
            first = f" ({column.rows.text(only)} holds {printable(column.value(0))!r})"
        raise TypeError(
            f"bins names {column}, which is {column.kind}{first}; only numeric columns can be "
            "binned"
        )
    if hasattr(spec, "__len__") and not isinstance(spec, str):
        return Bins(check_edges(argument, spec))
    count = (
        None if spec == "auto" else bin_count(argument, spec, "an int, an array of edges, or None")
    )
    edges = make_edges(column, as_float(column), count, options.strategy, options.seed)
    return Bins(edges)


def _probabilities_hint(column: Column) -> str:
    """Name the call for predicted probabilities, if that is what the rows look like."""
    rows = column.values
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1.0, atol=1e-5):
        return ""
    return (
        "; its rows sum to 1, as predicted probabilities do: "
        "fastpid.decompose(fastpid.joint.from_predictions(x, y, z)) takes these"
    )


def bin_count(argument: str, value: Any, expected: str) -> int:
    """Return a number of bins, 2 or more."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{argument} must be {expected}; got {type(value).__name__}")
    if count < 2:
        raise ValueError(f"{argument} is {count}; at least 2 bins are needed")
    return count


@dataclasses.dataclass(frozen=True, eq=False)
class Categories:
    """Every value is a symbol."""

    labels: tuple[Any, ...]
    kind: str

    @classmethod
    def fit(cls, column: Column, *, continuous: bool = False) -> Categories:
        """Take the values of a column, sorted; of a Categorical, its categories as they are.

        Raises
        ------
        ValueError
            If the column holds continuous numbers, unless `continuous` allows them.
        """
        if column.kind == "float" and not continuous:
            refuse_continuous(column)
        if column.kind == "categorical":
            return cls(column.categories, column.kind)
        if column.is_coded:  # every category occurs, unless rows were dropped
            used = np.bincount(column.values, minlength=len(column.categories)) > 0
            words = zip(column.categories, used.tolist(), strict=True)
            return cls(tuple(word for word, is_used in words if is_used), column.kind)
        if column.values.dtype == object and column.kind != "float":
            return cls(tuple(sorted(set(_objects(column)))), column.kind)
        return cls(tuple(np.unique(_plain(column)).tolist()), column.kind)

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the place of every value among the labels.

        Raises
        ------
        ValueError
            For a value that is not among them.
        """
        index = {label: code for code, label in enumerate(self.labels)}
        if column.is_coded:
            places = [index.get(category, -1) for category in column.categories]
            codes = np.take(np.asarray(places, dtype=np.intp), column.values)
        elif column.values.dtype == object and column.kind != "float":
            objects = _objects(column)
            codes = np.fromiter((index.get(value, -1) for value in objects), np.intp, len(objects))
        else:
            distinct, inverse = np.unique(_plain(column), return_inverse=True)
            places = [index.get(value, -1) for value in distinct.tolist()]
            codes = np.take(np.asarray(places, dtype=np.intp), inverse)
        unseen = codes < 0
        if unseen.any():
            value = column.value(int(np.flatnonzero(unseen)[0]))
            known = ", ".join(printable(label) for label in self.labels[:8])
            raise ValueError(
                f"{column} has {np.count_nonzero(unseen)} values of unseen categories "
                f"({column.rows.text(unseen)}, the first {printable(value)}); known are {known}"
                f"{', ...' if len(self.labels) > 8 else ''}: fit with all categories, for example "
                "a pandas Categorical, or leave those samples out"
            )
        return codes


def _objects(column: Column) -> list[Any]:
    to_python = _PYTHON_TYPE[column.kind]
    return [to_python(value) for value in column.values]


def _plain(column: Column) -> NDArray[Any]:
    return as_float(column) if column.kind == "float" else column.values


def refuse_continuous(column: Column, n_samples: int | None = None) -> None:
    """Refuse floats that are no categories: too many distinct ones, or too few of each.

    Of distinct values alone, `n_samples` says how many samples they come from.
    """
    values = as_float(column)
    distinct = np.unique(values).size
    samples = values.size if n_samples is None else n_samples
    whole = bool(np.all(values == np.floor(values)))
    if distinct > MAX_FLOAT_CATEGORIES or (not whole and 2 * distinct > samples):
        raise ValueError(
            f"{column} is continuous: {distinct} distinct floats in {samples} samples; pass "
            f'bins=, for example bins={{"{column.role}": 4}}, or convert it to integers or strings '
            "if its values are categories"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Bins:
    """Numbers between the same two edges are a symbol."""

    edges: NDArray[np.float64]
    outside: str = "error"

    @property
    def labels(self) -> tuple[Any, ...]:
        """The intervals."""
        return intervals(self.edges)

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the bin of every value.

        Raises
        ------
        ValueError
            For values outside the edges, unless these go to the nearest bin.
        """
        if not column.is_numeric:
            raise TypeError(f"{column} is {column.kind}, and its bins were fitted to numbers")
        return bin_codes(column, as_float(column), self.edges, self.outside)


@dataclasses.dataclass(frozen=True, eq=False)
class WithMissing:
    """A rule for the values that are there, and None as the symbol of those that are not."""

    present: Coding

    @property
    def labels(self) -> tuple[Any, ...]:
        """The labels of the rule, and None."""
        return (*self.present.labels, None)

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the symbol of every value, the last one where it is missing."""
        codes = np.full(len(column), len(self.present.labels))
        codes[~column.missing] = self.present.codes(column.take(~column.missing))
        return codes


@dataclasses.dataclass(frozen=True, eq=False)
class Clusters:
    """Samples of several features whose nearest centre is the same are a symbol.

    Features are standardised and projected on principal components if asked for; clusters are
    numbered by the first coordinate of their centres.
    """

    mean: NDArray[np.float64]  # (d,)
    scale: NDArray[np.float64]  # (d,)
    axes: NDArray[np.float64] | None  # (d, k), principal components
    centers: NDArray[np.float64]  # (n, k)

    @classmethod
    def fit(cls, column: Column, count: int, options: CodingOptions) -> Clusters:
        """Run k-means.

        Raises
        ------
        ValueError
            If there are fewer distinct samples than clusters.
        ImportError
            If scikit-learn is not installed.
        """
        cluster = import_extra("sklearn.cluster", "clustering a source of several columns")
        refuse_missing([column])
        refuse_infinite([column])
        values = column.values
        distinct = len(np.unique(values, axis=0))
        if distinct < count:
            raise ValueError(
                f"{column} has {distinct} distinct samples, fewer than the {count} clusters asked "
                "for; ask for fewer"
            )
        mean = values.mean(axis=0)
        scale = np.ones(values.shape[1])
        if options.standardize:
            spread = values.std(axis=0)
            scale = np.where(spread > 0, spread, 1.0)
        points, axes = (values - mean) / scale, None
        if options.n_components is not None:
            most = min(values.shape)
            if not 1 <= options.n_components <= most:
                raise ValueError(
                    f"n_components is {options.n_components}; {column} has shape {values.shape}, "
                    f"which allows 1 to {most}"
                )
            pca = import_extra("sklearn.decomposition", "n_components").PCA(
                options.n_components, random_state=options.seed
            )
            axes = np.asarray(pca.fit(points).components_.T)
            points = points @ axes
        chosen: dict[str, Any] = {"n_init": 4, "random_state": options.seed}
        if len(values) < MINI_BATCH_FROM:
            model = cluster.KMeans(count, **chosen)
        else:
            model = cluster.MiniBatchKMeans(count, batch_size=4096, **chosen)
        centers = np.asarray(model.fit(points).cluster_centers_, dtype=np.float64)
        return cls(mean, scale, axes, centers[np.lexsort(centers.T[::-1])])

    @property
    def labels(self) -> tuple[Any, ...]:
        """Their names, by number."""
        return tuple(f"cluster {number}" for number in range(len(self.centers)))

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the nearest centre of every sample."""
        if column.kind != "features" or column.values.shape[1] != self.mean.size:
            found = column.values.shape[1] if column.kind == "features" else 1
            raise ValueError(
                f"{column} has {found} columns, and its clusters were fitted to {self.mean.size}"
            )
        nearest = np.empty(len(column), dtype=np.intp)
        half_squares = 0.5 * np.sum(self.centers**2, axis=1)
        for start in range(0, len(column), 65536):  # distances of a few samples at a time
            part = (column.values[start : start + 65536] - self.mean) / self.scale
            if self.axes is not None:
                part = part @ self.axes
            nearest[start : start + 65536] = np.argmin(half_squares - part @ self.centers.T, axis=1)
        return nearest
