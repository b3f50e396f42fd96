"""Many channels and a target, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid.gaussian._columns import (
    check_repeats,
    check_values,
    correlation_of,
    least_samples,
    normal_scores,
    stacked,
    warn_of_counts,
)
from fastpid.joint._frames import column_names, is_frame, name_of, named_columns, unknown_name
from fastpid.screening._plans import column_number

Floats = NDArray[np.float64]


class Channels(NamedTuple):
    """Channels of one column or several, and a target."""

    values: Floats  # (n_samples, n_columns), those of the target last
    correlation: Floats  # (n_columns, n_columns)
    names: tuple[str, ...]  # of the channels
    columns: tuple[tuple[int, ...], ...]  # of each channel
    target: str
    target_columns: tuple[int, ...]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many columns each channel has."""
        return np.array([len(columns) for columns in self.columns])

    def of_pair(self, x: int, y: int) -> list[int]:
        """Return the columns of two channels and the target."""
        return [*self.columns[x], *self.columns[y], *self.target_columns]


def read_channels(
    X: Any,
    z: Any,
    names: Sequence[str] | None,
    channels: Mapping[str, Sequence[Any]] | None,
    copula: bool,
) -> Channels:
    """Read and check channels: :func:`fastpid.gaussian.screen` says how.

    Raises
    ------
    ValueError, TypeError
        As it says.
    """
    given = named_columns(X, names)
    target, of_target = _target(z, given)
    sources = {name: values for name, values in given.items() if name not in of_target}
    if z is None or not sources:
        raise ValueError("X has no column that is not part of the target")
    arrays = {"X": stacked(sources, "X"), "z": stacked(of_target, "z")}
    lengths = {argument: len(array) for argument, array in arrays.items()}
    if lengths["X"] != lengths["z"]:
        raise ValueError(
            f"X and z must have the same number of samples, in rows; X has {lengths['X']}, z has "
            f"{lengths['z']}"
        )
    labels = (tuple(sources), tuple(of_target))
    for (argument, array), of_columns in zip(arrays.items(), labels, strict=True):
        check_values(argument, array, of_columns)
    warn_of_counts(arrays, labels)
    values = np.concatenate([array.astype(np.float64) for array in arrays.values()], axis=1)
    n = len(sources)
    chosen = _channels(channels, tuple(sources))
    target_columns = tuple(range(n, n + len(of_target)))
    if copula:
        values = normal_scores(values)
    _check_number(len(values), chosen, len(target_columns))
    found = Channels(
        *(values, correlation_of(values), tuple(chosen), tuple(chosen.values())),
        *(target, target_columns),
    )
    everything = [*labels[0], *labels[1]]
    groups = [*((f"channel {name!r}", at) for name, at in chosen.items()), ("z", target_columns)]
    for what, columns in groups:
        if len(columns) > 1:
            of_group = found.correlation[np.ix_(columns, columns)]
            check_repeats(what, of_group, [everything[i] for i in columns])
    return found


def _target(z: Any, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of the target and its columns by name."""
    if z is None:
        raise ValueError("there is no target: pass z, samples in rows or names of columns of X")
    if isinstance(z, str):
        z = [z]
    if isinstance(z, (list, tuple)) and z and all(isinstance(name, str) for name in z):
        for name in z:
            if name not in given:
                raise ValueError(f"z names {unknown_name(name, list(given), 'X')}")
        return ", ".join(dict.fromkeys(z)), {name: given[name] for name in z}
    if is_frame(z):
        return ", ".join(map(str, column_names(z))), _apart(named_columns(z, None), given)
    array = np.asarray(z)
    if array.ndim == 2:
        return "z", _apart({f"z[{i}]": array[:, i] for i in range(array.shape[1])}, given)
    name = name_of(z) or "z"
    return name, _apart({name: z}, given)


def _apart(columns: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns of a target that is not part of X by names that X does not have."""
    return {f"{name} of z" if name in given else name: each for name, each in columns.items()}


def _channels(channels: Any, columns: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return the columns of each channel."""
    if channels is None:
        return {name: (i,) for i, name in enumerate(columns)}
    if not isinstance(channels, Mapping):
        raise TypeError(
            "channels must be a mapping of the names of channels to lists of columns, such as "
            f'{{"left": ["C3", "F3"]}}; got {type(channels).__name__}'
        )
    found = {}
    for name, of_channel in channels.items():
        listed = [of_channel] if isinstance(of_channel, str) else list(of_channel)
        numbers = tuple(column_number(columns, f"channels[{name!r}]", key) for key in listed)
        if not numbers or len(set(numbers)) < len(numbers):
            raise ValueError(
                f"channels[{name!r}] must be one or more different columns; got {of_channel!r}"
            )
        found[str(name)] = numbers
    return found


def _check_number(n_samples: int, channels: Mapping[str, tuple[int, ...]], d: int) -> None:
    widest = sum(sorted(map(len, channels.values()))[-2:])
    least = least_samples(widest + d)
    if n_samples < least:
        raise ValueError(
            f"X and z have {n_samples} samples, and at least {least} are needed for pairs of "
            f"{widest} columns and a target of {d}; take more samples, or fewer columns"
        )
