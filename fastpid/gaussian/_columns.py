"""Samples of X, Y and Z in columns, read and checked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.gaussian.covariances import combination
from fastpid.joint import UndersampledWarning

Floats = NDArray[np.float64]

#: Of fewer samples for each column, corrections and errors are rough.
_SAMPLES_OF_COLUMN = 20
#: Below this share of its variance a direction is rounding of the others.
DETERMINED = 1e-13
#: A column of so few different integers is one of counts or symbols.
_FEW_LEVELS = 20


class Columns(NamedTuple):
    """Samples in rows, and the columns of X, of Y and of Z one after the other."""

    values: Floats  # (n_samples, m + n + d)
    sizes: tuple[int, int, int]
    names: tuple[tuple[str, ...], ...]  # of the columns of X, Y and Z

    def normal_scores(self) -> Columns:
        """Return the columns with ranks in place of values, and normal quantiles of these."""
        return self._replace(values=normal_scores(self.values))


def normal_scores(values: Floats) -> Floats:
    """Return normal quantiles of the ranks of each column; tied values share the average rank."""
    n_samples = len(values)
    # Ranks that ties share are multiples of one half.
    halves = np.arange(2, 2 * n_samples + 1) / (2.0 * (n_samples + 1))
    quantiles = np.array([NormalDist().inv_cdf(share) for share in halves.tolist()])
    scores = np.empty_like(values)
    for column, of_column in enumerate(values.T):
        _, level, count = np.unique(of_column, return_inverse=True, return_counts=True)
        last = np.cumsum(count)
        scores[:, column] = quantiles[(2 * last - count + 1 - 2)[level.ravel()]]
    return scores


def read_columns(X: Any, Y: Any, Z: Any) -> Columns:
    """Read samples in columns, (n_samples,) or (n_samples, columns) each.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.gaussian.estimate` says of X, Y and Z.
    """
    given = {"X": X, "Y": Y, "Z": Z}
    arrays = {argument: _read(argument, values) for argument, values in given.items()}
    lengths = {argument: len(array) for argument, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{argument} has {n}" for argument, n in lengths.items())
        raise ValueError(
            f"X, Y and Z must have the same number of samples, in rows; {found}; transpose what "
            "has its samples in columns, and leave out samples that one of them lacks"
        )
    names = tuple(
        _names(argument, given[argument], array.shape[1]) for argument, array in arrays.items()
    )
    for (argument, array), of_columns in zip(arrays.items(), names, strict=True):
        check_values(argument, array, of_columns)
        if len(array) > array.shape[1]:
            check_repeats(argument, correlation_of(array.astype(np.float64)), of_columns)
    warn_of_counts(arrays, names)
    m, n, d = (array.shape[1] for array in arrays.values())
    values = np.concatenate([array.astype(np.float64) for array in arrays.values()], axis=1)
    return Columns(values, (m, n, d), names)


def least_samples(k: int) -> int:
    """Return how many samples of k columns there have to be."""
    return 2 * k + 8


def stacked(columns: Mapping[str, Any], argument: str) -> NDArray[Any]:
    """Return columns by name as one array (n_samples, n_columns).

    Raises
    ------
    ValueError, TypeError
        That names the column.
    """
    read = []
    for name, values in columns.items():
        called = f"{argument}: column {name}"
        array = check_real_array(values, called, bools=True)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(
                f"{called} must have one number for every sample; got shape {array.shape}"
            )
        read.append(array)
    if len({len(array) for array in read}) > 1:
        raise ValueError(
            f"the columns of {argument} differ in length; cut them to the same samples"
        )
    if not read:
        raise ValueError(f"{argument} has no columns")
    return np.stack(read, axis=1)


def check_number(n_samples: int, sizes: tuple[int, int, int], quarters: bool) -> None:
    """Check that there are samples enough for the covariance of resamples to have an inverse.

    Of samples drawn with replacement some 63% are different ones.

    Raises
    ------
    ValueError
        If there are not.

    Warns
    -----
    UndersampledWarning
        If there are few.
    """
    k = sum(sizes)
    least = least_samples(k)
    why = ""
    if quarters:
        least *= 4
        why = ' for bias="qe", which divides them in quarters'
    if n_samples < least:
        m, n, d = sizes
        raise ValueError(
            f"X, Y and Z have {n_samples} samples of {m} + {n} + {d} columns, and at least {least} "
            f"are needed{why}; take more samples, or fewer columns (principal components, say)"
        )
    if n_samples < _SAMPLES_OF_COLUMN * k:
        warnings.warn(
            f"{n_samples} samples of {k} columns are fewer than {_SAMPLES_OF_COLUMN} for each "
            "column: too few for the correction of equal channels, whose unique information may "
            "come out as significant; take more samples, or fewer columns",
            UndersampledWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )


def _read(argument: str, values: Any) -> NDArray[Any]:
    if isinstance(values, Mapping):
        return stacked(values, argument)
    array = check_real_array(values, argument, bools=True)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{argument} must have samples in rows and variables in columns, (n_samples, columns), "
            f"or be one column, (n_samples,); got shape {np.shape(values)}"
        )
    return array


def _names(argument: str, values: Any, size: int) -> tuple[str, ...]:
    """Return the names that columns of a mapping, of a frame, or a series, have."""
    if isinstance(values, Mapping):
        return tuple(map(str, values))
    labels = getattr(values, "columns", None)
    if labels is not None:
        return tuple(map(str, labels))
    name = getattr(values, "name", None)
    if isinstance(name, str):
        return (name,)
    return tuple(f"{argument}[{i}]" for i in range(size))


def check_values(argument: str, array: NDArray[Any], names: Sequence[str]) -> None:
    """Refuse values that are not finite, and constant columns.

    Raises
    ------
    ValueError
        That names the column.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{argument} has {int(bad.sum())} values that are not finite, the first of them "
            f"{array[row, column]} in sample {row} of column {names[column]}; leave such samples "
            "out of X, Y and Z, or impute what is missing"
        )
    constant = (array == array[0]).all(axis=0)
    if constant.any():
        column = int(np.argmax(constant))
        raise ValueError(
            f"{argument}: column {names[column]} is {array[0, column]} in every sample, so it "
            "carries no information; leave it out"
        )


def check_repeats(argument: str, correlation: Floats, names: Sequence[str]) -> None:
    """Refuse columns of one variable that determine another of them.

    Raises
    ------
    ValueError
        That names the combination.
    """
    values, vectors = np.linalg.eigh(correlation)
    if values[0] <= DETERMINED:
        raise ValueError(
            f"{argument}: columns repeat one another, {combination(vectors[:, 0], list(names))} in "
            "standard deviations does not vary; leave out one of these columns"
        )


def correlation_of(values: Floats) -> Floats:
    """Return the correlation matrix of columns that vary."""
    centred = values - values.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=0)
    found = centred.T @ centred
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def ranks_of(correlations: Floats) -> NDArray[np.intp]:
    """Return how many of the variables of correlation matrices (..., k, k) repeat no others."""
    return np.asarray((np.linalg.eigvalsh(correlations) > DETERMINED).sum(axis=-1))


def warn_of_counts(arrays: Mapping[str, NDArray[Any]], names: Sequence[Sequence[str]]) -> None:
    """Warn of the first column of few different integers, which is one of counts or symbols."""
    for (argument, array), of_columns in zip(arrays.items(), names, strict=True):
        whole = (array == np.round(array)).all(axis=0)
        for i in np.flatnonzero(whole).tolist():
            name, levels = of_columns[i], np.unique(array[:, i])
            if len(levels) <= _FEW_LEVELS:
                warnings.warn(
                    f"{argument}: column {name} has {len(levels)} different integers, which no "
                    "Gaussian has; fastpid.estimate takes counts and symbols as they are",
                    stacklevel=stacklevel_outside("fastpid"),
                )
                return
