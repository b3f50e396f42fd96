"""Arrays of trials by channels by times, coded into symbols that mean the same at all times."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.quantities import ROLES
from fastpid.course._variable import Variable, agreed, check_times, coordinates, read_variable
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import CodingOptions
from fastpid.joint._columns import Column, Rows, read_column, refuse_infinite
from fastpid.joint._frames import check_names
from fastpid.joint._missing import POLICIES
from fastpid.joint._plan import coding_for, plan_bins
from fastpid.joint._tables import check_cells

_SHOWN = 5

Labels = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


class Trials(NamedTuple):
    """Coded trials.

    Attributes
    ----------
    codes : three ndarray (n_channels, n_lags, n_times, n_trials)
        The symbols of x, y and z; views that repeat what does not change.
    shape : tuple of three int
        The numbers of symbols: of several channels, the most.
    labels : tuple of Labels
        What the symbols are, for every channel.
    names : tuple of three str
    coords : dict
        The values along "channel", "lag" and "time", where there is such an axis.
    kept : ndarray of bool (n_trials,), optional
        Which trials are left, if some were dropped.
    """

    codes: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    shape: tuple[int, int, int]
    labels: tuple[Labels, ...]
    names: tuple[str, str, str]
    coords: dict[str, NDArray[Any]]
    kept: NDArray[np.bool_] | None


def read_trials(
    given: Sequence[Any],
    *,
    names: Sequence[str] | None,
    times: Any,
    lags: Any,
    bins: Any,
    strategy: str,
    missing: str,
) -> Trials:
    """Read, check and code three variables: :func:`fastpid.estimate_over` says how."""
    check_choice("missing", missing, POLICIES)
    options = CodingOptions(check_choice("strategy", strategy, STRATEGIES), 0)
    called = check_names(names, tuple(given))
    variables = [read_variable(*each) for each in zip(ROLES, called, given, strict=True)]
    n_trials = agreed(variables, "trials", lambda v: len(v.values))
    n_times = agreed([v for v in variables if v.n_times], "times", lambda v: v.n_times)
    if n_times == 0:
        raise ValueError(
            "neither x nor y nor z changes over time: each has one value a trial; use "
            "fastpid.estimate(x, y, z)"
        )
    n_channels = agreed([v for v in variables if v.n_channels], "channels", lambda v: v.n_channels)
    each_lag, has_lags = check_lags(lags, n_times, variables[2])

    columns = [
        [_column(variable, channel) for channel in range(max(1, variable.n_channels))]
        for variable in variables
    ]
    kept = _without_missing(variables, columns, n_trials, missing)
    coded: list[list[NDArray[np.intp]]] = [[], [], []]
    labels: list[Labels] = []
    for channel in range(max(1, n_channels)):
        three = [each[channel if len(each) > 1 else 0] for each in columns]
        codings = [
            coding_for(column, spec, options)
            for column, spec in zip(three, plan_bins(bins, three, strategy, three[2:]), strict=True)
        ]
        for role, column, coding in zip(range(3), three, codings, strict=True):
            codes = coding.codes(column)
            if len(coding.labels) < 2 or (codes == codes[0]).all():
                raise ValueError(
                    f"{column} has one symbol in all trials at all times, so it carries no "
                    "information; leave it out"
                )
            coded[role].append(codes.reshape(-1, max(1, variables[role].n_times)).T)
        labels.append((codings[0].labels, codings[1].labels, codings[2].labels))
    nx, ny, nz = (max(len(each[role]) for each in labels) for role in range(3))
    check_cells((nx, ny, nz))

    at = times_left(each_lag, n_times)
    n_left = coded[0][0].shape[1]
    full = (max(1, n_channels), len(each_lag), len(at), n_left)

    def over_lags(role: int) -> NDArray[np.intp]:
        codes = np.stack(coded[role])  # channels, times, trials
        if codes.shape[1] == 1:
            return np.broadcast_to(codes[:, None], full)
        moves = each_lag if role < 2 else [0] * len(each_lag)
        return np.broadcast_to(np.stack([codes[:, at - lag] for lag in moves], axis=1), full)

    coords = axes_of(variables, n_channels, each_lag, has_lags, times, n_times)
    return Trials(
        (over_lags(0), over_lags(1), over_lags(2)),
        (nx, ny, nz),
        tuple(labels),
        (variables[0].name, variables[1].name, variables[2].name),
        coords,
        kept,
    )


def times_left(lags: list[int], n_times: int) -> NDArray[np.intp]:
    """Return at which times of the target there are sources at all lags."""
    return np.arange(max(0, *lags), n_times + min(0, *lags))


def axes_of(
    variables: Sequence[Variable],
    n_channels: int,
    lags: list[int],
    has_lags: bool,
    times: Any,
    n_times: int,
) -> dict[str, NDArray[Any]]:
    """Return what stands along "channel", "lag" and "time", where there is such an axis."""
    coords: dict[str, NDArray[Any]] = {}
    if n_channels:
        coords["channel"] = coordinates(variables, "channels", np.arange(n_channels))
    if has_lags:
        coords["lag"] = np.array(lags)
    if times is not None:
        variables = [v._replace(times=check_times(times, n_times)) for v in variables]
    every = coordinates(variables, "times", np.arange(n_times))
    coords["time"] = every[times_left(lags, n_times)]
    return coords


def check_lags(lags: Any, n_times: int, target: Variable) -> tuple[list[int], bool]:
    has_lags = np.ndim(lags) > 0
    try:
        each = [operator.index(lag) for lag in (lags if has_lags else [lags])]
    except TypeError as error:
        raise TypeError(
            f"lags must be whole numbers of time steps, one or several; got {lags!r}"
        ) from error
    if not each or len(set(each)) < len(each):
        raise ValueError(f"lags must be one or more different numbers; got {lags!r}")
    if target.n_times == 0 and each != [0]:
        raise ValueError(
            f"lags={lags!r} needs a target that changes over time, and z has one value a trial; "
            "leave lags out"
        )
    if max(0, *each) - min(0, *each) >= n_times:
        raise ValueError(f"lags={lags!r} leave none of {n_times} times; take smaller ones")
    return each, has_lags


def _column(variable: Variable, channel: int) -> Column:
    """Return a variable as one long column, trial after trial."""
    if variable.n_times == 0:
        column: Column = variable.values
        return column
    values = variable.values if variable.n_channels == 0 else variable.values[:, channel]
    name = variable.name
    if variable.n_channels:
        label = channel if variable.channels is None else variable.channels[channel]
        name = f"{name}[{label}]"
    return read_column(variable.role, name, values.ravel(), rows=Rows("value"))


def _without_missing(
    variables: Sequence[Variable], columns: list[list[Column]], n_trials: int, missing: str
) -> NDArray[np.bool_] | None:
    """Refuse missing values, or drop their trials from the columns; say which are kept."""
    keep = np.ones(n_trials, dtype=bool)
    for variable, each in zip(variables, columns, strict=True):
        misses = np.stack([c.missing.reshape(n_trials, -1) for c in each])
        trials = np.flatnonzero(misses.any(axis=(0, 2)))
        if missing == "raise" and trials.size:
            where = np.flatnonzero(misses.any(axis=(0, 1)))
            span = ""
            if variable.n_times:
                first, last = where[[0, -1]].tolist()
                span = f", at time step {first}"
                if last > first:
                    span = f", from time step {first} to {last}"
            more = ", ..." if trials.size > _SHOWN else ""
            raise ValueError(
                f"{variable} misses values in {trials.size} of {n_trials} trials "
                f"({', '.join(map(str, trials[:_SHOWN].tolist()))}{more}){span}; drop these trials "
                'with missing="drop", cut these times off, or make them a symbol with '
                'missing="category"'
            )
        keep[trials] = False
    if missing == "drop" and not keep.all():
        if not keep.any():
            raise ValueError(
                'missing="drop" leaves no trial: every one misses a value; cut times off that many '
                "trials miss"
            )
        for variable, each in zip(variables, columns, strict=True):
            each[:] = [c.take(np.repeat(keep, max(1, variable.n_times))) for c in each]
    for each in columns:
        refuse_infinite(each)
    return keep if missing == "drop" and not keep.all() else None
