"""What is kept of a pair."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpid._base.quantities import QUANTITIES
from fastpid.joint._sampling import LEAST_COVERAGE, LEAST_PER_OCCUPIED_CELL

#: What a solve says, how well the pair is sampled, and all of it.
SOLVED = (*QUANTITIES, "gap")
SAMPLED = ("coverage", "samples_per_occupied_cell")
RECORDED = (*SOLVED, *SAMPLED)
#: One pair, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [("x", "<i4"), ("y", "<i4"), ("target", "<i4"), *((name, "<f8") for name in RECORDED)]
)
#: The extra ranking key: the larger unique information.
UNIQUE = "unique"


def is_sufficient(records: Any) -> Any:
    """Return whether pairs are sampled well enough to be estimated (joint.Sampling)."""
    return (records["coverage"] >= LEAST_COVERAGE) & (
        records["samples_per_occupied_cell"] >= LEAST_PER_OCCUPIED_CELL
    )


def score(records: Any, by: str) -> Any:
    """Return what pairs are ranked by."""
    if by == UNIQUE:
        return np.maximum(records["unique_x"], records["unique_y"])
    return records[by]
