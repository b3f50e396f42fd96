"""One policy for missing values: None, NaN, NA, NaT and what is masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid.joint._columns import Column, refuse_missing

Missing = Literal["raise", "drop", "category"]
POLICIES = ("raise", "drop", "category")


def apply_missing(
    columns: Sequence[Column], missing: Any
) -> tuple[list[Column], NDArray[np.bool_] | None]:
    """Refuse missing values, drop their samples, or leave them to become a symbol.

    Returns
    -------
    columns : list of Column
    keep : ndarray of bool (n_samples,), optional
        Which samples are left, if some were dropped.

    Raises
    ------
    ValueError
        Under "raise", if a value is missing; under "drop", if no sample is left.
    """
    check_choice("missing", missing, POLICIES)
    if missing == "raise":
        refuse_missing(
            columns,
            'drop these rows with missing="drop", make them a symbol of their own with '
            'missing="category", or impute them',
        )
    if missing != "drop" or not any(column.missing.any() for column in columns):
        return list(columns), None
    keep = ~np.logical_or.reduce([column.missing for column in columns])
    if not keep.any():
        raise ValueError(
            'missing="drop" leaves no sample: every row misses a value; leave out the columns that '
            'miss most, or pass missing="category"'
        )
    return [column.take(keep) for column in columns], keep
