"""Composite sources: blocks of axes of a table, each merged into one."""

from __future__ import annotations

import math
import operator
from typing import Any

Block = tuple[int, ...]


def check_blocks(sources: Any, n_axes: int) -> list[Block]:
    """Return blocks of axes, numbered from 0 among the sources' own axes."""
    if isinstance(sources, (str, bytes)) or not hasattr(sources, "__iter__"):
        raise TypeError(
            f"sources must be a sequence of blocks of axes, as [[0, 1], [2]]; got {sources!r}"
        )
    blocks = []
    for given in sources:
        members = tuple(given) if hasattr(given, "__iter__") else (given,)
        try:
            block = tuple(operator.index(axis) for axis in members)
        except TypeError:
            raise TypeError(f"sources must hold blocks of axis numbers; got {given!r}") from None
        if not block or len(set(block)) < len(block):
            raise ValueError(f"{given!r} in sources is empty or names an axis twice")
        if min(block) < 0 or max(block) >= n_axes:
            raise ValueError(
                f"{given!r} in sources names an axis that there is not; axes of sources count from "
                f"0 to {n_axes - 1}, behind those of a batch"
            )
        blocks.append(block)
    if len(blocks) < 2:
        raise ValueError(f"sources holds {len(blocks)} blocks; pass two or more")
    for i, block in enumerate(blocks):
        for j in range(i):
            common = sorted(set(block) & set(blocks[j]))
            if common:
                raise ValueError(
                    f"blocks {j} and {i} of sources share axis {common[0]}; blocks that overlap "
                    "are not supported: their union information has to respect the relation of "
                    "the axes they share as well, a problem over the tuples of all axes that none "
                    "of the solvers here is written for. Pass disjoint blocks, or decompose one "
                    "choice of blocks after the other"
                )
    return blocks


def merge_axes(tables: Any, blocks: list[Block]) -> Any:
    """Return tables (..., n_1, ..., n_M, nz) as (..., blocks, nz); arrays or tensors.

    Axes that are in no block are summed out.
    """
    n_axes = len(tables.shape) - 2
    left = [1 + axis for axis in range(n_axes) if not any(axis in block for block in blocks)]
    if left:
        tables = tables.sum(tuple(left))
    place = {axis: i for i, axis in enumerate(sorted(axis for block in blocks for axis in block))}
    order = [1 + place[axis] for block in blocks for axis in block]
    order = [0, *order, len(order) + 1]
    moved = tables.permute(order) if hasattr(tables, "permute") else tables.transpose(order)
    sizes = [math.prod(tables.shape[1 + place[axis]] for axis in block) for block in blocks]
    return moved.reshape(tables.shape[0], *sizes, tables.shape[-1])
