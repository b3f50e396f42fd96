"""Samples of two sources and a target, coded as symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._coding import Coding, Options, bin_count, fit_coding
from fastpid.joint._columns import (
    ROLES,
    Column,
    check_names,
    check_rows,
    check_weights,
    pick,
    read_column,
    refuse_infinite,
    refuse_missing,
)
from fastpid.joint._discretizer import Discretizer
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._tables import JointTable, check_cells
from fastpid._base.checks import check_choice, check_seed

__all__ = ["CodedSamples", "code_samples", "plan_bins", "read_samples"]

#: What counts as the entry of a column in `bins`.
Spec = Any


@dataclasses.dataclass(frozen=True, eq=False)
class CodedSamples:
    """The symbols of samples, and what they are."""

    codes: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    labels: tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
    names: tuple[str, str, str]
    weights: NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nx, ny, nz)."""
        nx, ny, nz = map(len, self.labels)
        return nx, ny, nz

    def cells(self) -> NDArray[np.int32]:
        """Return the cell of every sample in the table, C-contiguous."""
        x, y, z = self.codes
        _, ny, nz = self.shape
        return np.asarray((x * ny + y) * nz + z, dtype=np.int32)

    def table(self) -> JointTable:
        """Count the samples."""
        size = check_cells(self.shape)
        cells = self.cells()
        counts = np.bincount(cells, minlength=size).reshape(self.shape).astype(np.int64)
        if self.weights is None:
            return JointTable.from_counts(counts, self.labels, self.names)
        weighted = np.asarray(np.bincount(cells, self.weights, minlength=size), dtype=np.float64)
        weighted = weighted.reshape(self.shape)
        squares = float(np.sum(self.weights**2))
        return JointTable.from_counts(counts, self.labels, self.names, weighted, squares)


def code_samples(
    x: Any,
    y: Any,
    z: Any,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    seed: int = 0,
) -> CodedSamples:
    """Read, check and code samples: :func:`fastpid.joint.from_samples` says how."""
    check_choice("strategy", strategy, STRATEGIES)
    options = Options(strategy, check_seed(seed))
    columns = read_samples(x, y, z, data, names)
    checked_weights = check_weights(
        pick(data, "weights", weights) if isinstance(weights, str) else weights, len(columns[0])
    )
    plan = plan_bins(bins, columns, strategy)
    codes, labels = [], []
    for column in columns:
        coding = _coding_of(column, plan[column.role], options)
        codes.append(coding.codes(column))
        labels.append(coding.labels)
    samples = CodedSamples(
        (codes[0], codes[1], codes[2]),
        (labels[0], labels[1], labels[2]),
        (columns[0].name, columns[1].name, columns[2].name),
        checked_weights,
    )
    check_cells(samples.shape)
    return samples


def read_samples(
    x: Any, y: Any, z: Any, data: Any = None, names: Sequence[str] | None = None
) -> list[Column]:
    """Read three columns, by name if there is `data`, and check that they belong together."""
    given: tuple[Any, ...] = (x, y, z)
    if data is not None:
        if names is None:
            names = [
                ", ".join(map(str, g)) if isinstance(g, (list, tuple)) else str(g) for g in given
            ]
        given = tuple(pick(data, role, key) for role, key in zip(ROLES, given, strict=True))
    checked = check_names(names, given)
    columns = [
        read_column(role, name, values, features=role != "z")
        for role, name, values in zip(ROLES, checked, given, strict=True)
    ]
    check_rows(columns)
    refuse_missing(columns)
    refuse_infinite(columns)
    return columns


def _coding_of(column: Column, spec: Spec, options: Options) -> Coding:
    if isinstance(spec, Discretizer):
        return spec.coding if spec.is_fitted else spec.fit_column(column)
    return fit_coding(column, spec, options)


def plan_bins(bins: Any, columns: Sequence[Column], strategy: str) -> dict[str, Spec]:
    """Say for every role whether and how it is binned: an int, edges, a Discretizer, or None."""
    by_blocks = strategy == "bayesian_blocks"
    if bins is None:
        return {c.role: "auto" if by_blocks and c.kind == "float" else None for c in columns}
    if isinstance(bins, Mapping):
        unknown = [key for key in bins if key not in ROLES]
        if unknown:
            raise ValueError(f'bins has the key {unknown[0]!r}; its keys are "x", "y" and "z"')
        plan = {role: bins.get(role) for role in ROLES}
    elif isinstance(bins, (list, tuple)):
        if len(bins) != 3:
            raise ValueError(
                f"bins has {len(bins)} entries; a sequence needs three, one for each of x, y and z "
                '(give edges by column: bins={"x": edges})'
            )
        plan = dict(zip(ROLES, bins, strict=True))
    else:
        count = bin_count("bins", bins, 'an int, a mapping such as {"x": 4}, or three of them')
        numeric = ("float", "features")
        plan = {column.role: count if column.kind in numeric else None for column in columns}
        if not any(plan.values()):
            kinds = ", ".join(f"{column} is {column.kind}" for column in columns)
            raise ValueError(
                f"bins={count} is for float columns, and there are none ({kinds}); name the "
                f'columns to bin, for example bins={{"x": {count}}}'
            )
    if by_blocks and any(isinstance(spec, int) for spec in plan.values()):
        raise ValueError('strategy="bayesian_blocks" finds the number of bins itself: leave it out')
    return plan
