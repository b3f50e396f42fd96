"""Every input check and every error text of the public functions."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MASS_TOLERANCE",
    "METHODS",
    "NATS_PER_UNIT",
    "ON_FAILURE",
    "check_bool",
    "check_choice",
    "check_count",
    "check_distributions",
    "check_level",
    "check_max_iter",
    "check_num_classes",
    "check_num_threads_variable",
    "check_number",
    "check_positive_integer",
    "check_real_array",
    "check_seed",
    "check_soft_classes",
    "check_tables",
    "check_threads",
    "check_tol",
    "check_unit",
    "count_classes",
    "explain_bad_table",
    "explain_not_exact",
]

NATS_PER_UNIT = {"bits": math.log(2.0), "nats": 1.0}
METHODS = ("auto", "proxy", "gradient", "newton", "exact")
ON_FAILURE = ("warn", "raise", "ignore")

#: How far the sum of a table may lie from one. Sums of float32 probabilities stay inside it.
MASS_TOLERANCE = 1e-6


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`; TypeError or ValueError naming them otherwise."""
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be a string, one of {', '.join(choices)}; got {type(value).__name__}"
        )
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
    return value


def check_unit(unit: object) -> str:
    """Return `unit` if it is known."""
    return check_choice("unit", unit, tuple(NATS_PER_UNIT))


def check_bool(name: str, value: object) -> bool:
    """Return a true bool; a TypeError for anything that merely converts to one."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def check_num_classes(num_classes: object) -> int | None:
    """Return the number of label classes, None meaning that the labels say it."""
    return None if num_classes is None else check_positive_integer("num_classes", num_classes)


def count_classes(least: int, most: int, num_classes: int | None) -> int:
    """Return the number of classes of labels that lie between `least` and `most`."""
    if least < 0 or (num_classes is not None and most >= num_classes):
        limit = "" if num_classes is None else f" for num_classes={num_classes}"
        raise ValueError(
            f"z has labels from {least} to {most}{limit}; labels count from 0, and samples to "
            "ignore are to be left out by mask"
        )
    return most + 1 if num_classes is None else num_classes


def check_soft_classes(soft: int, num_classes: int | None) -> None:
    """Check that num_classes does not contradict soft labels."""
    if num_classes not in (None, soft):
        raise ValueError(
            f"num_classes is {num_classes}, but z has soft labels of {soft} classes; "
            "leave num_classes out"
        )


def check_num_threads_variable(value: str | None) -> int | None:
    """Return FASTPID_NUM_THREADS as a number; None if it is not set."""
    if value is None or value.strip() == "":
        return None
    if not value.strip().isdecimal() or int(value) < 1:
        raise ValueError(
            f"the environment variable FASTPID_NUM_THREADS must be a positive integer; "
            f"got {value!r}; correct it or unset it"
        )
    return int(value)


def check_tol(tol: object) -> float:
    """Return the largest accepted gap as a positive, finite float."""
    if isinstance(tol, (bool, np.bool_)) or not isinstance(tol, (int, float, np.number)):
        raise TypeError(f"tol must be a positive number; got {type(tol).__name__}")
    if isinstance(tol, np.complexfloating):
        raise TypeError("tol must be a positive number; got a complex one")
    value = float(tol)
    if not (value > 0.0 and math.isfinite(value)):
        raise ValueError(f"tol must be positive and finite; got {value!r}")
    return value


def check_max_iter(max_iter: object) -> int | None:
    """Return the iteration limit, None meaning the method's own."""
    if max_iter is None:
        return None
    return check_positive_integer("max_iter", max_iter)


def check_count(name: str, value: object, least: int) -> int:
    """Return a number of resamples, `least` or more."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer; got a bool")
    try:
        integer = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {type(value).__name__}") from None
    if integer < least:
        raise ValueError(f"{name} must be {least} or more; got {integer}")
    return integer


def check_number(name: str, value: object, least: float, most: float) -> float:
    """Return a finite number from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number; got {type(value).__name__}")
    number = float(value)
    if not (least <= number <= most and math.isfinite(number)):
        limits = f"{least:g} or more" if most == math.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} must be {limits}, and finite; got {number!r}")
    return number


def check_level(level: object) -> float:
    """Return a confidence level strictly between 0 and 1."""
    if isinstance(level, (bool, np.bool_)) or not isinstance(level, (int, float, np.number)):
        raise TypeError(f"level must be a number; got {type(level).__name__}")
    value = float(level)
    if not 0.0 < value < 1.0:
        raise ValueError(f"level must lie between 0 and 1, as 0.95 does; got {value!r}")
    return value


def check_seed(seed: object) -> int:
    """Return a seed as a non-negative integer."""
    if isinstance(seed, (bool, np.bool_)):
        raise TypeError("seed must be a non-negative integer; got a bool")
    try:
        integer = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"seed must be a non-negative integer; got {type(seed).__name__}") from None
    if not 0 <= integer < 2**32:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1; got {seed!r}")
    return integer


def check_threads(threads: object) -> int | None:
    """Return the number of threads, None meaning the default."""
    if threads is None:
        return None
    return check_positive_integer("threads", threads)


def check_positive_integer(name: str, value: object) -> int:
    """Return a positive integer that fits 32 bits."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a positive integer or None; got a bool")
    try:
        integer = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} must be a positive integer or None; got {type(value).__name__}"
        ) from None
    if not 1 <= integer <= 2**31 - 1:
        raise ValueError(f"{name} must be between 1 and 2**31 - 1; got {integer}")
    return integer


def check_tables(p: Any, *, name: str = "p") -> NDArray[np.float64]:
    """Convert to a C-contiguous float64 array (..., nx, ny, nz); its values are not looked at.

    The values are checked where they are first read: by the kernel while it marginalises, or by
    :func:`explain_bad_table`.
    """
    array = p if isinstance(p, np.ndarray) and p.dtype == np.float64 else check_real_array(p, name)
    if array.ndim < 3:
        raise ValueError(
            f"{name} must have at least 3 axes (..., nx, ny, nz), the target last; "
            f"got shape {array.shape}"
        )
    if 0 in array.shape:
        axis = array.shape.index(0)
        what = "the batch is empty" if axis < array.ndim - 3 else "every variable needs a symbol"
        raise ValueError(
            f"{name} has an empty axis: axis {axis} of shape {array.shape} ({what}); "
            "pass at least one entry along each axis"
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def check_real_array(p: Any, name: str) -> NDArray[Any]:
    """Return an array of real numbers, of its own dtype."""
    try:
        array = np.asarray(p)
    except ValueError as error:  # numpy's word for nested sequences of unequal lengths
        raise ValueError(
            f"{name} is ragged: its nested sequences differ in length ({error}); "
            "pass a rectangular array"
        ) from None
    if array.dtype.kind in "fiu":
        return array
    if array.dtype.kind == "c":
        raise TypeError(f"{name} must be real; got complex dtype {array.dtype}; pass {name}.real")
    if array.dtype.kind == "b":
        raise TypeError(
            f"{name} must hold probabilities; got dtype bool; convert a 0/1 table of counts with "
            f"{name}.astype(float) and pass normalize=True"
        )
    raise TypeError(
        f"{name} must be a real-valued array; got dtype {array.dtype} from "
        f"{type(p).__name__}; convert it with numpy.asarray({name}, dtype=float)"
    )


def check_distributions(p: Any, *, name: str = "p") -> NDArray[np.float64]:
    """Convert like :func:`check_tables` and look at the values, too, without the kernel."""
    tables = check_tables(p, name=name)
    batch_shape = tables.shape[:-3]
    for flat, table in enumerate(tables.reshape((-1, *tables.shape[-3:]))):
        good = bool((table >= 0.0).all()) and abs(float(table.sum()) - 1.0) <= MASS_TOLERANCE
        if not good:
            index = (
                tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()
            )
            raise ValueError(explain_bad_table(table, index, normalize=False))
    return tables


def explain_bad_table(table: NDArray[np.float64], index: tuple[int, ...], normalize: bool) -> str:
    """Say what is wrong with one (nx, ny, nz) table that the kernel refused.

    Parameters
    ----------
    table : ndarray (nx, ny, nz)
    index : tuple of int
        Where the table stands in the batch; empty for a single table.
    normalize : bool
        Whether the caller asked to divide by the sum.
    """
    where = f"p[{', '.join(map(str, index))}]" if index else "p"

    def first(mask: NDArray[np.bool_]) -> tuple[str, float]:
        cell = tuple(int(i) for i in np.argwhere(mask)[0])
        return f"p[{', '.join(map(str, index + cell))}]", float(table[cell])

    if np.isnan(table).any():
        cell, _ = first(np.isnan(table))
        count = int(np.isnan(table).sum())
        return f"{cell} is NaN ({count} of {table.size} entries); remove or impute missing values"
    if np.isinf(table).any():
        cell, value = first(np.isinf(table))
        return f"{cell} is {value}; probabilities must be finite"
    if (table < 0).any():
        cell, value = first(table < 0)
        return (
            f"{cell} = {value:.6g} is negative ({int((table < 0).sum())} such entries); "
            "probabilities cannot be, and nothing is clipped silently"
        )
    with np.errstate(over="ignore"):
        total = float(table.sum())
    if total == 0.0:
        return f"{where} is zero everywhere; pass a table with some mass"
    if not math.isfinite(total):
        return f"{where} sums to {total}; scale it down before passing it"
    if normalize:
        return (
            f"{where} sums to {total:.6g}, too small or too large to divide by safely; "
            "scale it before passing it"
        )
    return (
        f"{where} sums to {total:.10g}, not to 1 (tolerance {MASS_TOLERANCE:g}); "
        "pass normalize=True if it holds counts or unnormalised weights"
    )


def explain_not_exact(table: NDArray[np.float64], index: tuple[int, ...]) -> str:
    """Say why a table has no closed form."""
    where = f"p[{', '.join(map(str, index))}]" if index else "p"
    symbols = int(np.count_nonzero(table.sum(axis=(0, 1))))
    return (
        f'method="exact" needs a target with two symbols (or a table that its pairwise marginals '
        f"determine); {where} has {symbols} target symbols of positive probability; "
        'use method="auto" or "newton"'
    )
