"""What is kept of a pair."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpid._base.quantities import QUANTITIES

RECORDED = (*QUANTITIES, "gap")
#: One pair, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [("x", "<i4"), ("y", "<i4"), ("target", "<i4"), *((name, "<f8") for name in RECORDED)]
)
#: The extra ranking key: the larger unique information.
UNIQUE = "unique"


def score(records: Any, by: str) -> Any:
    """Return what pairs are ranked by."""
    if by == UNIQUE:
        return np.maximum(records["unique_x"], records["unique_y"])
    return records[by]
