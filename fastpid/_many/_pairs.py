"""The two-source decompositions behind a ManyDecomposition, made when they are looked at."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._many._coverage import Subset
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved
from fastpid.result import Decomposition

#: Terms, codes and both marginals, as the kernel of two sources returns them.
PairRows = tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]


class SolvedPairs(Mapping[Subset, Decomposition[Any]]):
    """Pairs of sources and what the kernel found of them, as Decompositions on demand.

    `rows` belong to the pairs among `subsets`, in their order.
    """

    def __init__(
        self,
        subsets: tuple[Subset, ...],
        rows: Sequence[PairRows],
        batch: tuple[int, ...],
        options: SolveOptions,
    ) -> None:
        self._subsets = subsets
        self._found = rows
        self._batch = batch
        self._options = options
        self._made: dict[Subset, Decomposition[Any]] = {}

    @functools.cached_property
    def _rows(self) -> dict[Subset, PairRows]:
        pairs = [subset for subset in self._subsets if len(subset) == 2]
        return dict(zip(pairs, self._found, strict=True))

    def __getitem__(self, pair: Subset) -> Decomposition[Any]:
        if pair not in self._made:
            terms, codes, p_xz, p_yz = self._rows[pair]
            none = np.empty((0, *p_xz.shape[1:]))
            solved = Solved(self._batch, self._options, terms, codes, p_xz, p_yz, none, none)
            self._made[pair] = solved.result()
        return self._made[pair]

    def __iter__(self) -> Iterator[Subset]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(dict(self))
