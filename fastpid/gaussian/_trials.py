"""Trials of numbers: the columns of two sources and a target at every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_real_array
from fastpid._base.quantities import ROLES
from fastpid.course._trials import axes_of, check_lags, times_left
from fastpid.course._variable import Variable, agreed, read_variable
from fastpid.gaussian._columns import (
    check_repeats,
    correlation_of,
    normal_scores,
    ranks_of,
    warn_of_counts,
)
from fastpid.joint._columns import Column
from fastpid.joint._frames import check_names

Floats = NDArray[np.float64]

POLICIES = ("raise", "drop")
_SHOWN = 5


class NumericTrials(NamedTuple):
    """Trials whose sources and target are columns of numbers at every time.

    Attributes
    ----------
    values : three ndarray (n_trials, n_columns, n_times)
        With one time for what does not change.
    lags : list of int
    left : ndarray of int (n_left,)
        The times of the target that have sources at all lags.
    coords : dict
        The values along "lag" and "time", where there is such an axis.
    names : tuple of three str
    columns : three tuples of str
        What the columns are called.
    kept : ndarray of bool, optional
        Which trials are left, if some were dropped.
    copula : bool
        Whether ranks stand in place of values.
    """

    values: tuple[Floats, Floats, Floats]
    lags: list[int]
    left: NDArray[np.intp]
    coords: dict[str, NDArray[Any]]
    names: tuple[str, str, str]
    columns: tuple[tuple[str, ...], ...]
    kept: NDArray[np.bool_] | None
    copula: bool

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The dimensions of X, Y and Z."""
        m, n, d = (values.shape[1] for values in self.values)
        return m, n, d

    @property
    def n_trials(self) -> int:
        """The number of trials."""
        return len(self.values[0])

    @property
    def n_places(self) -> int:
        """The number of lags and times together."""
        return len(self.lags) * len(self.left)

    def at(self, places: NDArray[np.intp]) -> Floats:
        """Return the columns of X, Y and Z at some places, (n_places, n_trials, k)."""
        lag, time = np.divmod(places, len(self.left))
        target_times = self.left[time]
        source_times = target_times - np.array(self.lags)[lag]
        parts = []
        for values, times in zip(
            self.values, (source_times, source_times, target_times), strict=True
        ):
            here = np.zeros_like(times) if values.shape[-1] == 1 else times
            parts.append(np.moveaxis(values[..., here], -1, 0))
        whole = np.concatenate(parts, axis=-1)
        if not self.copula:
            return np.ascontiguousarray(whole)
        flat = np.moveaxis(whole, 1, 0).reshape(self.n_trials, -1)
        scores = normal_scores(flat).reshape(self.n_trials, len(places), -1)
        return np.ascontiguousarray(np.moveaxis(scores, 0, 1))

    def where(self, place: int) -> str:
        """Say which lag and time a place has."""
        lag, time = divmod(place, len(self.left))
        text = f"time {self.coords['time'][time]}"
        return text + (f", lag {self.lags[lag]}" if "lag" in self.coords else "")

    def check(self, values: Floats, places: NDArray[np.intp]) -> None:
        """Refuse columns that are constant, or repeat others of their variable, at some place.

        Raises
        ------
        ValueError
            That names the column and the place.
        """
        at = 0
        for role, names in zip(ROLES, self.columns, strict=True):
            some = values[..., at : at + len(names)]
            at += len(names)
            constant = (some == some[:, :1]).all(axis=1)
            if constant.any():
                place, column = (int(i) for i in np.argwhere(constant)[0])
                raise ValueError(
                    f"{role}: column {names[column]} is {some[place, 0, column]:g} in every trial "
                    f"at {self.where(int(places[place]))}, so it carries no information; cut such "
                    "times off, or leave the column out"
                )
            if len(names) == 1:
                continue
            centred = some - some.mean(axis=1, keepdims=True)
            centred /= np.linalg.norm(centred, axis=1, keepdims=True)
            few = np.flatnonzero(ranks_of(np.swapaxes(centred, 1, 2) @ centred) < len(names))
            for place in few.tolist():
                called = f"{role} at {self.where(int(places[place]))}"
                check_repeats(called, correlation_of(some[place]), names)


def read_numeric_trials(
    given: Sequence[Any], *, times: Any, lags: Any, missing: str, copula: bool
) -> NumericTrials:
    """Read and check three variables: :func:`fastpid.gaussian.estimate_over` says how.

    Raises
    ------
    ValueError, TypeError
        As it says.
    """
    check_choice("missing", missing, POLICIES)
    called = check_names(None, tuple(given))
    variables = [read_variable(*each) for each in zip(ROLES, called, given, strict=True)]
    agreed(variables, "trials", lambda v: len(v.values))
    changing = [v for v in variables if v.n_times > 1]
    n_times = agreed(changing, "times", lambda v: v.n_times)
    if n_times == 0:
        raise ValueError(
            "neither X nor Y nor Z changes over time: each has one value a trial; use "
            "fastpid.gaussian.estimate(X, Y, Z)"
        )
    variables = [v if v.n_times > 1 else v._replace(n_times=0, times=None) for v in variables]
    each_lag, has_lags = check_lags(lags, n_times, variables[2])
    values = [_numbers(variable) for variable in variables]
    keep = _without_missing(variables, values, missing)
    if keep is not None:
        values = [each[keep] for each in values]
    columns = tuple(map(_column_names, variables, values))
    flat = [np.moveaxis(each, 1, -1).reshape(-1, each.shape[1]) for each in values]
    warn_of_counts(dict(zip(ROLES, flat, strict=True)), columns)
    x, y, z = values
    return NumericTrials(
        (x, y, z),
        each_lag,
        times_left(each_lag, n_times),
        axes_of(variables, 0, each_lag, has_lags, times, n_times),
        (variables[0].name, variables[1].name, variables[2].name),
        columns,
        keep,
        copula,
    )


def _numbers(variable: Variable) -> Floats:
    """Return the numbers of a variable, (n_trials, n_columns, n_times)."""
    values = variable.values
    if isinstance(values, Column):
        if values.kind not in ("integer", "float", "boolean"):
            raise TypeError(f"{variable} must hold numbers; got {values.kind} values")
        read = np.where(values.missing, np.nan, np.asarray(values.values, dtype=np.float64))
        return read[:, None, None]
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    read = check_real_array(values, str(variable), bools=True).astype(np.float64)
    return read[:, None, :] if read.ndim == 2 else read


def _column_names(variable: Variable, values: Floats) -> tuple[str, ...]:
    if variable.channels is not None:
        return tuple(map(str, variable.channels))
    n = values.shape[1]
    return (variable.name,) if n == 1 else tuple(f"{variable.name}[{i}]" for i in range(n))


def _without_missing(
    variables: Sequence[Variable], values: Sequence[Floats], missing: str
) -> NDArray[np.bool_] | None:
    """Refuse infinite and missing values, or say which trials are kept without them."""
    keep = np.ones(len(values[0]), dtype=bool)
    for variable, each in zip(variables, values, strict=True):
        if np.isinf(each).any():
            trial, _, time = (int(i) for i in np.argwhere(np.isinf(each))[0])
            raise ValueError(
                f"{variable} is infinite in trial {trial} at time step {time}; leave such trials "
                "out"
            )
        lost = np.asarray(np.isnan(each).any(axis=(1, 2)))
        if missing == "raise" and lost.any():
            trials = np.flatnonzero(lost)
            shown = ", ".join(map(str, trials[:_SHOWN].tolist()))
            more = ", ..." if trials.size > _SHOWN else ""
            raise ValueError(
                f"{variable} misses values in {trials.size} of {len(lost)} trials ({shown}{more}); "
                'drop these trials with missing="drop", or cut off the times that many miss'
            )
        keep &= ~lost
    if keep.all():
        return None
    if not keep.any():
        raise ValueError(
            'missing="drop" leaves no trial: every one misses a value; cut times off that many '
            "trials miss"
        )
    return keep
