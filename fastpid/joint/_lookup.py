"""Which symbols of a table other samples fall on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._bins import Interval
from fastpid.joint._coding import Bins, Categories, Coding, WithMissing
from fastpid.joint._columns import Column, check_lengths, refuse_missing
from fastpid.joint._samples import read_samples

Labels = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


def find_symbols(
    labels: Labels, names: Sequence[str], x: Any, y: Any, z: Any, data: Any = None
) -> tuple[NDArray[np.intp], ...]:
    """Return the indices, along each axis of a table with these labels, of samples.

    Raises
    ------
    ValueError
        For categories that no label has, values outside all bins, missing values where None is no
        label, and columns of different lengths.
    TypeError
        For columns that no table can be made of; for text where there are bins.
    """
    columns = read_samples(x, y, z, data, None if data is not None else names)
    check_lengths(columns)
    codings = [_coding_of(*pair) for pair in zip(columns, labels, strict=True)]
    refuse_missing(
        [
            column
            for column, coding in zip(columns, codings, strict=True)
            if not isinstance(coding, WithMissing)
        ]
        or columns[:0]
    )
    return tuple(coding.codes(column) for coding, column in zip(codings, columns, strict=True))


def _coding_of(column: Column, labels: tuple[Any, ...]) -> Coding:
    """Return the rule that gave the symbols of an axis their labels."""
    if labels[-1] is None and len(labels) > 1:
        return WithMissing(_coding_of(column, labels[:-1]))
    if isinstance(labels[0], Interval):
        return Bins(np.array([*(interval.lo for interval in labels), labels[-1].hi]))
    return Categories(labels, column.kind)
