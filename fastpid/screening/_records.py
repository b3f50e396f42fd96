"""What is kept of a pair, and how records of any number of sources are read."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.joint._sampling import LEAST_COVERAGE, LEAST_PER_OCCUPIED_CELL

#: What a solve says, how well the pair is sampled, atoms less their bias, p-values, and all of it.
SOLVED = (*QUANTITIES, "gap")
SAMPLED = ("coverage", "samples_per_occupied_cell")
#: How well a pair of Gaussian channels is sampled, and what is enough.
PER_COLUMN, LEAST_PER_COLUMN = "samples_per_column", 20.0
CORRECTED = tuple(f"corrected_{atom}" for atom in ATOMS)
_P = "p_"
P_VALUES = tuple(f"{_P}{atom}" for atom in ATOMS)
RECORDED = (*SOLVED, *SAMPLED, *CORRECTED, *P_VALUES)
#: One pair, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [("x", "<i4"), ("y", "<i4"), ("target", "<i4"), *((name, "<f8") for name in RECORDED)]
)
#: What says which pair a record is of.
KEYS = ("x", "y", "target")
#: The extra ranking key: the largest unique information.
UNIQUE = "unique"


def keys_of(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Return the names of what says which sources and target a record is of: whole numbers."""
    return tuple(name for name in dtype.names or () if dtype[name].kind == "i")


def recorded(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Return the names of the values that records of a type hold."""
    return tuple(name for name in dtype.names or () if name not in keys_of(dtype))


def tested(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Return the names of the atoms that records of a type have p-values of."""
    return tuple(name.removeprefix(_P) for name in dtype.names or () if name.startswith(_P))


def is_sufficient(records: Any) -> Any:
    """Return whether sources are sampled well enough to be estimated.

    Tables as joint.Sampling has it; covariances by the number of samples for each of their columns.
    """
    if PER_COLUMN in records.dtype.names:
        return records[PER_COLUMN] >= LEAST_PER_COLUMN
    return (records["coverage"] >= LEAST_COVERAGE) & (
        records["samples_per_occupied_cell"] >= LEAST_PER_OCCUPIED_CELL
    )


def value_of(records: Any, name: str) -> Any:
    """Return a value of records by name."""
    if name == UNIQUE:
        each = [each for each in records.dtype.names if each.startswith(f"{UNIQUE}_")]
        return functools.reduce(np.maximum, (records[name] for name in each))
    return records[name]


def score(records: Any, by: str) -> Any:
    """Return what records are ranked by, the largest first; of p-values the smallest are."""
    value = value_of(records, by)
    return -value if by.startswith(_P) else value
