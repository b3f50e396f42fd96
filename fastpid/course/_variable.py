"""One variable of trials: an array, an xarray DataArray, Epochs of MNE, or a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._columns import read_column, title

_TRIAL = ("trial", "trials", "epoch", "epochs")
_TIME = ("time", "times")


class Variable(NamedTuple):
    """One variable as handed in: (n_trials,), (n_trials, n_times) or with channels between."""

    role: str
    name: str
    values: Any
    times: NDArray[Any] | None = None  # where it says so
    channels: tuple[Any, ...] | None = None
    n_channels: int = 0  # 0: no axis of channels
    n_times: int = 0  # 0: no axis of times

    def __str__(self) -> str:
        return title(self.role, self.name)


def read_variable(role: str, name: str, given: Any) -> Variable:
    """Read one variable: an array, an xarray DataArray, Epochs of MNE, or a column."""
    times: NDArray[Any] | None = None
    channels: tuple[Any, ...] | None = None
    values = given
    if hasattr(given, "get_data") and hasattr(given, "ch_names"):  # MNE
        values = np.asarray(given.get_data())
        if values.ndim != 3:
            raise ValueError(
                f"{role} has data of shape {values.shape}, and trials by channels by times are "
                "needed; cut a recording into Epochs first"
            )
        times, channels = np.asarray(given.times), tuple(given.ch_names)
    elif hasattr(given, "dims") and hasattr(given, "coords"):  # xarray
        values, times, channels = _read_labelled(role, given)
    elif _is_flat(given):
        return Variable(role, name, read_column(role, name, given))
    try:
        if not isinstance(values, np.ma.MaskedArray):  # whose mask asarray() forgets
            values = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{role} is ragged: its trials differ in length; cut them to the same times, or pass "
            "NaN where there is nothing"
        ) from error
    if values.ndim == 1:
        return Variable(role, name, read_column(role, name, values))
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise ValueError(
            f"{role} must be of shape (n_trials, n_times) or (n_trials, n_channels, n_times), or "
            f"(n_trials,) if it does not change over time; got {values.shape}"
        )
    n_channels = values.shape[1] if values.ndim == 3 else 0
    return Variable(role, name, values, times, channels, n_channels, values.shape[-1])


def _is_flat(given: Any) -> bool:
    if hasattr(given, "ndim"):
        return bool(given.ndim == 1)
    first = given[0] if isinstance(given, (list, tuple)) and len(given) else None
    return not isinstance(first, (list, tuple, np.ndarray))


def _read_labelled(
    role: str, given: Any
) -> tuple[Any, NDArray[Any] | None, tuple[Any, ...] | None]:
    """Put trials first and times last, as the names of dimensions say, and read coordinates."""
    dims = list(given.dims)
    first = [d for d in dims if d in _TRIAL]
    last = [d for d in dims if d in _TIME]
    order = [*first, *(d for d in dims if d not in first + last), *last]
    if len(first) > 1 or len(last) > 1:
        raise ValueError(f"{role} has dimensions {tuple(dims)}, of which two are trials or times")
    turned = given.transpose(*order)

    def along(dim: Any) -> NDArray[Any] | None:
        return np.asarray(turned.coords[dim].values) if dim in turned.coords else None

    times = along(order[-1]) if len(order) > 1 else None
    channels = along(order[1]) if len(order) == 3 else None
    return turned.values, times, None if channels is None else tuple(channels.tolist())


def agreed(variables: Sequence[Variable], what: str, size: Callable[[Variable], int]) -> int:
    """Return the size that variables share; 0 if there are none."""
    sizes = [size(variable) for variable in variables]
    if len(set(sizes)) > 1:
        found = ", ".join(f"{v} has {n}" for v, n in zip(variables, sizes, strict=True))
        raise ValueError(f"numbers of {what} differ: {found}; cut all to the same {what}")
    return sizes[0] if sizes else 0


def coordinates(variables: Sequence[Variable], what: str, default: NDArray[Any]) -> NDArray[Any]:
    """Return the `what` ("times", "channels") that variables share, of the first that has any."""
    found: Variable | None = None
    for variable in variables:
        own = getattr(variable, what)
        if own is None:
            continue
        if found is not None and not np.array_equal(np.asarray(getattr(found, what)), own):
            raise ValueError(
                f"{what} of {found} and {variable} differ; bring both to the same {what}, or pass "
                "plain arrays if they belong together as they stand"
            )
        found = found or variable
    return default if found is None else np.asarray(getattr(found, what))


def check_times(times: Any, n_times: int) -> NDArray[Any]:
    values = np.asarray(times)
    if values.shape != (n_times,):
        raise ValueError(
            f"times must have one entry for each of {n_times} times; got shape {values.shape}"
        )
    return values
