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
from fastpid.joint._coding import CodingOptions
from fastpid.joint._columns import (
    Column,
    check_lengths,
    check_weights,
    read_column,
    refuse_infinite,
)
from fastpid.joint._frames import is_frame, name_of, named_columns, unknown_name
from fastpid.joint._missing import apply_missing
from fastpid.joint._plan import coding_for, plan_bins

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
    weights: NDArray[np.float64] | None = None
    n_dropped: int = 0

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return int(self.codes.shape[1])

    def refuse_constant(self) -> None:
        """Raise a ValueError that names the columns of one symbol, if there are any."""
        kinds = [("columns of X", self.extents, self.names)]
        if self.target_codes is not self.codes:
            kinds.append(("targets", self.target_extents, self.targets))
        for what, extents, names in kinds:
            constant = [name for name, n in zip(names, extents.tolist(), strict=True) if n < 2]
            if constant:
                shown = ", ".join(map(repr, constant[:5])) + (", ..." if len(constant) > 5 else "")
                raise ValueError(
                    f"{len(constant)} {what} have one symbol and say nothing: {shown}; leave them "
                    "out"
                )


def code_many(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    names: Sequence[str] | None = None,
    **options: Any,
) -> CodedColumns:
    """Read, check and code columns and targets: :func:`fastpid.screen` says how."""
    given = named_columns(X, names)
    targets = _targets(z, given)
    return code_named(
        [read_column(name, name, values) for name, values in given.items() if name not in targets],
        [read_column(name, name, values) for name, values in targets.items()],
        **options,
    )


def code_all(
    X: Any,  # noqa: N803 - scikit-learn's name
    *,
    names: Sequence[str] | None = None,
    **options: Any,
) -> CodedColumns:
    """Read, check and code columns each of which is a source and a target.

    An int for `bins` cuts them as it cuts sources: whole numbers are counts, not classes.
    """
    given = named_columns(X, names)
    if not given:
        raise ValueError("X has no columns")
    coded = code_named(
        [read_column(name, name, values) for name, values in given.items()], [], **options
    )
    return dataclasses.replace(
        coded, target_codes=coded.codes, target_extents=coded.extents, targets=coded.names
    )


def code_named(
    sources: Sequence[Column],
    targets: Sequence[Column],
    *,
    bins: Any = None,
    strategy: str = "quantile",
    weights: Any = None,
    missing: str = "raise",
    rng: RNG = 0,
) -> CodedColumns:
    """Check and code columns that were read."""
    options = CodingOptions(check_choice("strategy", strategy, STRATEGIES), integer_seed(rng))
    if not sources:
        raise ValueError("X has no column that is not a target")
    columns = [*sources, *targets]
    check_lengths(columns)
    weighed = check_weights(weights, len(columns[0]))
    columns, keep = apply_missing(columns, missing)
    refuse_infinite(columns)
    weight = None if weighed is None else weighed[0]
    if weight is not None and keep is not None:
        weight = weight[keep]
    plan = plan_bins(bins, columns, strategy, columns[len(sources) :])
    codes = np.empty((len(columns), len(columns[0])), dtype=np.uint16)
    extents = np.empty(len(columns), dtype=np.int64)
    for i, (column, spec) in enumerate(zip(columns, plan, strict=True)):
        codes[i], extents[i] = _dense(column, coding_for(column, spec, options).codes(column))
    n = len(sources)
    return CodedColumns(
        codes[:n],
        extents[:n],
        tuple(column.name for column in sources),
        codes[n:],
        extents[n:],
        tuple(column.name for column in targets),
        weight,
        0 if keep is None else int(np.count_nonzero(~keep)),
    )


def _targets(z: Any, given: dict[str, Any]) -> dict[str, Any]:
    if isinstance(z, str):
        z = [z]
    # A list of strings may be the values of a target, too: names occur once, and all are known.
    if isinstance(z, (list, tuple)) and z and all(isinstance(name, str) for name in z):
        unknown = [name for name in z if name not in given]
        if not unknown and len(set(z)) == len(z):
            return {name: given[name] for name in z}
        if unknown and (len(unknown) < len(z) or len(z) == 1):
            raise ValueError(f"z names {unknown_name(unknown[0], list(given), 'X')}")
    if is_frame(z):
        return named_columns(z, None)
    if getattr(z, "ndim", 1) == 2:
        array = np.ma.asanyarray(z)
        return {f"z{i}": array[:, i] for i in range(array.shape[1])}
    return {name_of(z) or "z": z}


def _dense(column: Column, codes: NDArray[np.intp]) -> tuple[NDArray[np.uint16], int]:
    """Return codes without the symbols that do not occur, which would widen the tables."""
    occurs = np.bincount(codes) > 0
    count = int(np.count_nonzero(occurs))
    if count > MAX_SYMBOLS:
        raise ValueError(
            f"{column} has {count} symbols, more than the {MAX_SYMBOLS} supported; bin or group it"
        )
    return (np.cumsum(occurs) - 1)[codes].astype(np.uint16), count
