"""Equality of results that hold arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np


def same(a: Any, b: Any) -> bool:
    """Whether two values are of the same type and hold the same; NaN equals NaN.

    Fields of dataclasses whose names begin with an underscore do not count if ``compare=False``.
    """
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(
            same(getattr(a, field.name), getattr(b, field.name))
            for field in dataclasses.fields(a)
            if field.compare
        )
    if hasattr(a, "detach"):  # a tensor
        return hasattr(b, "detach") and a.dtype == b.dtype and same(_array(a), _array(b))
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.names is not None:
            return all(same(a[name], b[name]) for name in a.dtype.names)
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, (np.ndarray, Mapping, list, tuple)) or hasattr(b, "detach"):
        return False
    return bool(a == b) or (a != a and b != b)


class Comparable:
    """What compares by what it holds, and is no key of a dict, as what it holds could change."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether another one holds the same; solutions that stand behind it do not count."""
        return same(self, other) if isinstance(other, type(self)) else NotImplemented


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy()
