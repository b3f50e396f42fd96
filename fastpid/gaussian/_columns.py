"""Samples of X, Y and Z in columns, read and checked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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
_DETERMINED = 1e-13
#: A column of so few different integers is one of counts or symbols.
_FEW_LEVELS = 10


class Columns(NamedTuple):
    """Samples in rows, and the columns of X, of Y and of Z one after the other."""

    values: Floats  # (n_samples, m + n + d)
    sizes: tuple[int, int, int]
    names: tuple[tuple[str, ...], ...]  # of the columns of X, Y and Z

    @property
    def ranks(self) -> tuple[int, int, int, int]:
        """The dimensions of X, Y, (X, Y), which may have columns in common, and Z."""
        m, n, d = self.sizes
        return m, n, int((_eigenvalues(self.values[:, : m + n])[0] > _DETERMINED).sum()), d

    def normal_scores(self) -> Columns:
        """Return the columns with ranks in place of values, and normal quantiles of these."""
        n_samples = len(self.values)
        # Ranks that ties share are multiples of one half.
        halves = np.arange(2, 2 * n_samples + 1) / (2.0 * (n_samples + 1))
        quantiles = np.array([NormalDist().inv_cdf(share) for share in halves.tolist()])
        scores = np.empty_like(self.values)
        for column, values in enumerate(self.values.T):
            _, level, count = np.unique(values, return_inverse=True, return_counts=True)
            last = np.cumsum(count)
            scores[:, column] = quantiles[(2 * last - count + 1 - 2)[level.ravel()]]
        return self._replace(values=scores)


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
        _check_values(argument, array, of_columns)
    _warn_of_counts(arrays, names)
    m, n, d = (array.shape[1] for array in arrays.values())
    values = np.concatenate([array.astype(np.float64) for array in arrays.values()], axis=1)
    return Columns(values, (m, n, d), names)


def check_number(columns: Columns, quarters: bool) -> None:
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
    n_samples, k = columns.values.shape
    least = 2 * k + 8
    why = ""
    if quarters:
        least *= 4
        why = ' for bias="qe", which divides them in quarters'
    if n_samples < least:
        m, n, d = columns.sizes
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
    """Return the names that columns of a frame, or a series, have."""
    labels = getattr(values, "columns", None)
    if labels is not None:
        return tuple(map(str, labels))
    name = getattr(values, "name", None)
    if isinstance(name, str):
        return (name,)
    return tuple(f"{argument}[{i}]" for i in range(size))


def _check_values(argument: str, array: NDArray[Any], names: Sequence[str]) -> None:
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
    values, vectors = _eigenvalues(array.astype(np.float64))
    if values[0] <= _DETERMINED and len(array) > array.shape[1]:
        raise ValueError(
            f"{argument}: columns repeat one another, {combination(vectors[:, 0], list(names))} in "
            "standard deviations does not vary; leave out one of these columns"
        )


def _eigenvalues(values: Floats) -> tuple[Floats, Floats]:
    """Return those of the correlation matrix, from the least one, and its eigenvectors."""
    centred = values - values.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=0)
    found = np.linalg.eigh(centred.T @ centred)
    return found[0], found[1]


def _warn_of_counts(arrays: dict[str, NDArray[Any]], names: tuple[tuple[str, ...], ...]) -> None:
    for (argument, array), of_columns in zip(arrays.items(), names, strict=True):
        for name, column in zip(of_columns, array.T, strict=True):
            levels = np.unique(column)
            if len(levels) <= _FEW_LEVELS and (levels == np.round(levels)).all():
                warnings.warn(
                    f"{argument}: column {name} has {len(levels)} different integers, which no "
                    "Gaussian has; fastpid.estimate takes counts and symbols as they are",
                    stacklevel=stacklevel_outside("fastpid"),
                )
                return
