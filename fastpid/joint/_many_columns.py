"""Many columns and their targets, coded as symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.random import RNG, integer_seed
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import CodingOptions, bin_count, fit_coding
from fastpid.joint._columns import (
    Column,
    check_lengths,
    read_column,
    refuse_infinite,
    refuse_missing,
)
from fastpid.joint._frames import column_names, unknown_name

MAX_SYMBOLS = 2**16


@dataclasses.dataclass(frozen=True, eq=False)
class CodedColumns:
    """The symbols of many columns and of the targets."""

    codes: NDArray[np.uint16]  # (n_columns, n_samples)
    extents: NDArray[np.int64]  # (n_columns,), numbers of symbols
    names: tuple[str, ...]
    target_codes: NDArray[np.uint16]  # (n_targets, n_samples)
    target_extents: NDArray[np.int64]
    targets: tuple[str, ...]

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return int(self.codes.shape[1])

    def refuse_constant(self) -> None:
        """Raise a ValueError that names the columns of one symbol, if there are any."""
        for what, extents, names in (
            ("columns of X", self.extents, self.names),
            ("targets", self.target_extents, self.targets),
        ):
            constant = [name for name, n in zip(names, extents.tolist(), strict=True) if n < 2]
            if constant:
                shown = ", ".join(map(repr, constant[:5])) + (", ..." if len(constant) > 5 else "")
                raise ValueError(
                    f"{len(constant)} {what} have one symbol and say nothing: {shown}; leave them "
                    "out"
                )


def code_columns(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    bins: int | None,
    strategy: str,
    names: Sequence[str] | None = None,
    target_bins: int | None = None,
    rng: RNG = 0,
) -> CodedColumns:
    """Read, check and code columns: :func:`fastpid.screen` says how.

    A float column with no more distinct values than there are bins is not cut.
    """
    options = CodingOptions(check_choice("strategy", strategy, STRATEGIES), integer_seed(rng))
    count = None if bins is None else bin_count("bins", bins, "an int or None")
    of_target = count if target_bins is None else target_bins
    given = _named_columns(X, names)
    targets = _targets(z, given)
    sources = {name: column for name, column in given.items() if name not in targets}
    read = [_read(name, values) for name, values in sources.items()]
    read_targets = [_read(name, values) for name, values in targets.items()]
    if not read:
        raise ValueError("X has no column that is not a target")
    check_lengths([*read, *read_targets])
    refuse_missing([*read, *read_targets])
    refuse_infinite([*read, *read_targets])
    codes, extents = _code(read, count, options)
    target_codes, target_extents = _code(read_targets, of_target, options)
    return CodedColumns(
        codes, extents, tuple(sources), target_codes, target_extents, tuple(targets)
    )


def _named_columns(X: Any, names: Sequence[str] | None) -> dict[str, Any]:  # noqa: N803
    if hasattr(X, "columns") or hasattr(X, "column_names") or hasattr(X, "keys"):
        if names is not None:
            raise ValueError("names are for arrays; X has names of its own")
        found = column_names(X)
        doubled = {name for name in found if found.count(name) > 1}
        if doubled:
            raise ValueError(f"X has several columns named {sorted(map(str, doubled))[0]!r}")
        return {str(name): X[name] for name in found}
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"X must be (n_samples, n_columns); got shape {array.shape}")
    if names is None:
        names = [str(i) for i in range(array.shape[1])]
    elif len(names) != array.shape[1] or len(set(names)) < len(names):
        raise ValueError(
            f"names must be {array.shape[1]} different strings, one a column; got {len(names)}"
        )
    return {name: array[:, i] for i, name in enumerate(names)}


def _targets(z: Any, given: dict[str, Any]) -> dict[str, Any]:
    if isinstance(z, str):
        z = [z]
    if isinstance(z, (list, tuple)) and z and all(isinstance(name, str) for name in z):
        unknown = [name for name in z if name not in given]
        if not unknown:
            return {name: given[name] for name in z}
        # A list of strings may be the values of a target, too; not if some of them are names.
        if len(unknown) < len(z) or len(z) == 1:
            raise ValueError(f"z names {unknown_name(unknown[0], list(given), 'X')}")
    if hasattr(z, "columns") or hasattr(z, "column_names") or hasattr(z, "keys"):
        return _named_columns(z, None)
    if getattr(z, "ndim", 1) == 2:
        array = np.asarray(z)
        return {f"z{i}": array[:, i] for i in range(array.shape[1])}
    name = getattr(z, "name", None)
    return {"z" if name is None or callable(name) else str(name): z}


def _read(name: str, values: Any) -> Column:
    return read_column(name, name, values)


def _code(
    columns: Sequence[Column], bins: int | None, options: CodingOptions
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    codes = np.empty((len(columns), len(columns[0])), dtype=np.uint16)
    extents = np.empty(len(columns), dtype=np.int64)
    by_blocks = options.strategy == "bayesian_blocks"
    if by_blocks and bins is not None:
        raise ValueError('strategy="bayesian_blocks" finds the number of bins itself: leave it out')
    for i, column in enumerate(columns):
        spec: Any = None
        if column.kind == "float" and by_blocks:
            spec = "auto"
        elif column.kind == "float" and bins is not None and len(np.unique(column.values)) > bins:
            spec = bins
        coding = fit_coding(column, spec, options)
        found = coding.codes(column)
        # Symbols that do not occur would widen the tables for nothing.
        occurring, dense = np.unique(found, return_inverse=True)
        if occurring.size > MAX_SYMBOLS:
            raise ValueError(
                f"{column} has {occurring.size} symbols, more than the {MAX_SYMBOLS} supported; "
                "bin or group it"
            )
        codes[i], extents[i] = dense, occurring.size
    return codes, extents
