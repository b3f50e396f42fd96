"""Checks of arguments that several rooms take, with their error texts."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT


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


def check_open_interval(name: str, value: object, low: float, high: float) -> float:
    """Return a number strictly between two others."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number; got {type(value).__name__}")
    number = float(value)
    if not low < number < high:
        raise ValueError(f"{name} must lie between {low:g} and {high:g}; got {number!r}")
    return number


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


def refuse_mask(name: str, values: Any) -> None:
    """Refuse a masked array with masked entries, whose mask numpy.asarray would forget."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        count = int(np.ma.getmaskarray(values).sum())
        raise ValueError(
            f"{name} is masked in {count} of {values.size} places; fill them, as with "
            f"{name}.filled(0), or leave them out"
        )


def check_real_array(p: Any, name: str, *, bools: bool = False) -> NDArray[Any]:
    """Return an array of real numbers, of its own dtype; bools as integers if they are taken."""
    refuse_mask(name, p)
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
        if bools:
            return array.astype(np.int64)
        raise TypeError(
            f"{name} must hold numbers; got dtype bool; if it is a 0/1 table of counts, pass "
            f"{name}.astype(float), with normalize=True"
        )
    raise TypeError(
        f"{name} must be a real-valued array; got dtype {array.dtype} from "
        f"{type(p).__name__}; convert it with numpy.asarray({name}, dtype=float)"
    )


def check_axes(name: str, shape: tuple[int, ...], axes: tuple[str, ...]) -> None:
    """Check that a shape has these last axes, the target last, and that none is empty."""
    if len(shape) < len(axes):
        raise ValueError(
            f"{name} must have at least {len(axes)} axes (..., {', '.join(axes)}), the target "
            f"last; got shape {shape}"
        )
    if 0 in shape:
        axis = shape.index(0)
        behind = axis >= len(shape) - len(axes)
        what = "every variable needs a symbol" if behind else "the batch is empty"
        raise ValueError(
            f"{name} has an empty axis: axis {axis} of shape {shape} ({what}); "
            "pass at least one entry along each axis"
        )


def check_labels(z: Any, name: str = "z") -> NDArray[Any]:
    """Return class labels: integers or bools (n,), or soft ones, floats (n, nz)."""
    refuse_mask(name, z)
    array = np.asarray(z)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must hold class labels from 0 on; got {type(z).__name__} of dtype "
            f"{array.dtype}; number them: numpy.unique({name}, return_inverse=True)[1]"
        )
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def row_tolerance(eps: float) -> float:
    """Return how far a row of probabilities may sum from one, in a precision of `eps`.

    The softmax of float32 stays inside 1e-5, which is granted to float64 as well, since it may be a
    copy; half precision gets more.
    """
    return min(max(1e-5, 64.0 * eps), 0.02)


def check_rows(
    name: str, rows: NDArray[np.float64], otherwise: str, dtype: np.dtype[Any] | None = None
) -> None:
    """Check that rows are distributions, as far as the precision they came in can tell."""
    exact = dtype is None or dtype.kind != "f"
    sums = rows.sum(axis=1)
    tolerance = row_tolerance(0.0 if exact else float(np.finfo(dtype).eps))
    bad = ~(np.abs(sums - 1.0) <= tolerance) | (rows < 0.0).any(axis=1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        negative = bool((rows[first] < 0.0).any())
        found = "has a negative entry" if negative else f"sums to {sums[first]:.8g}"
        raise ValueError(
            f"row {first} of {name} {found}, so it is no distribution ({int(bad.sum())} such rows);"
            f" pass probabilities that sum to one, {otherwise}"
        )
