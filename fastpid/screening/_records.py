"""What is kept of a pair."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.joint._sampling import LEAST_COVERAGE, LEAST_PER_OCCUPIED_CELL

#: What a solve says, how well the pair is sampled, atoms less their bias, p-values, and all of it.
SOLVED = (*QUANTITIES, "gap")
SAMPLED = ("coverage", "samples_per_occupied_cell")
CORRECTED = tuple(f"corrected_{atom}" for atom in ATOMS)
P_VALUES = tuple(f"p_{atom}" for atom in ATOMS)
RECORDED = (*SOLVED, *SAMPLED, *CORRECTED, *P_VALUES)
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


def value_of(records: Any, name: str) -> Any:
    """Return a value of pairs by name."""
    if name == UNIQUE:
        return np.maximum(records["unique_x"], records["unique_y"])
    return records[name]


def score(records: Any, by: str) -> Any:
    """Return what pairs are ranked by, the largest first; of p-values the smallest are."""
    value = value_of(records, by)
    return -value if by in P_VALUES else value
