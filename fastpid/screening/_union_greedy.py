"""Greedy forward selection by union information: what each feature adds without synergy.

About a binary target g of a set is an integral of the largest of its members' curves (the hull of
all ROC curves), so that it is monotone and submodular: what a feature adds falls as the set grows.
What it added once is a bound on what it adds later, and most features need not be looked at again
(M. Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978); what is
selected says at least 1 - 1/e of what the best set of the size says (G. L. Nemhauser, L. A. Wolsey,
M. L. Fisher, Mathematical Programming 14, 1978). The set itself is one source, whose symbols are
the edges of its hull, so that every candidate is a problem of two sources with a closed form.

About other targets neither holds: every feature is looked at in every step, over all tuples.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.unions import MOST_CELLS, solve_unions
from fastpid.joint._many_columns import CodedColumns

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

#: What gains in closed form are known to, in nats.
_ROUNDING = 1e-12
#: Features that are looked at together where most need not be.
_SOME = 64
#: Cells of the problems that are solved at a time (32 MiB).
_CELLS_AT_A_TIME = 2**22


def select_by_union(
    coded: CodedColumns, wanted: int, threads: int | None
) -> tuple[list[int], Floats]:
    """Select features one by one, each the one that adds most to the union information.

    Of those that add the same, as far as gains are known, it is the one with the largest I(f; Z),
    and of these the first.

    Returns
    -------
    chosen : list of int
    scores : ndarray (n_features,)
        What each added when it was selected, in bits; those that were not, what they would have
        added in the last step.

    Raises
    ------
    ValueError
        Where the target is not binary and there would be too many tuples of symbols.
    """
    tables = _tables_of(coded)
    options = check_options(unit="nats", threads=threads, on_failure="ignore")
    binary = tables.shape[2] == 2
    gains: _Gains = _HullGains(tables, options) if binary else _TupleGains(tables, options)
    if not binary:
        _check_tuples(coded, wanted)
    n_features = len(tables)
    # Bounds on what is added: I(f; Z) at first, and exact where `fresh` is the present step.
    alone = gains.of(np.arange(n_features))
    bounds, fresh = alone.copy(), np.zeros(n_features, dtype=int)
    chosen: list[int] = []
    left = np.ones(n_features, dtype=bool)
    for step in range(wanted):
        if step == wanted - 1 or not binary:
            _refresh(gains, np.flatnonzero(left & (fresh < step)), bounds, fresh, step)
        while True:
            known = left & (fresh == step)
            best = bounds[known].max() if known.any() else -math.inf
            open_ = np.flatnonzero(left & (fresh < step) & (bounds >= best - gains.same))
            if not open_.size:
                break
            order = np.argsort(-bounds[open_], kind="stable")
            _refresh(gains, open_[order[:_SOME]], bounds, fresh, step)
        tied = np.flatnonzero(known & (bounds >= best - gains.same))
        taken = int(tied[np.argmax(alone[tied])])
        chosen.append(taken)
        left[taken] = False
        gains.add(taken)
    return chosen, bounds / math.log(2.0)


def _refresh(
    gains: _Gains, features: NDArray[np.intp], bounds: Floats, fresh: NDArray[np.int_], step: int
) -> None:
    if features.size:
        bounds[features] = gains.of(features)
        fresh[features] = step


def _tables_of(coded: CodedColumns) -> Counts:
    """Return the counts of every feature and the target, (n_features, most symbols, nz)."""
    symbols, nz = int(coded.extents.max()), int(coded.target_extents[0])
    z = coded.target_codes[0].astype(np.int64)
    cells = symbols * nz
    return np.stack(
        [np.bincount(codes.astype(np.int64) * nz + z, minlength=cells) for codes in coded.codes]
    ).reshape(-1, symbols, nz)


def _check_tuples(coded: CodedColumns, wanted: int) -> None:
    nz = int(coded.target_extents[0])
    largest = np.sort(coded.extents)[::-1][:wanted].tolist()
    if math.prod(largest) * nz > MOST_CELLS:
        most = 1
        while math.prod(largest[: most + 1]) * nz <= MOST_CELLS:
            most += 1
        raise ValueError(
            f'criterion="union" of {wanted} features about a target of {nz} classes takes all '
            f"tuples of their symbols, more than {MOST_CELLS:.0e} cells; select {most} or fewer, "
            "cut them into fewer bins, or make the target binary, which has a closed form"
        )


class _Gains(ABC):
    """What features add to those selected, in nats."""

    def __init__(self, tables: Counts, options: SolveOptions) -> None:
        self.tables = tables
        self.options = options
        self.total = float(tables[0].sum())
        self.p = tables / self.total

    @property
    def same(self) -> float:
        """Gains that differ by less, in nats, are the same; less than that is nothing."""
        return self.options.tol

    @property
    @abstractmethod
    def selected(self) -> list[Floats]:
        """Sources that say together what those selected do."""

    @abstractmethod
    def add(self, feature: int) -> None:
        """Select a feature."""

    def of(self, features: NDArray[np.intp]) -> Floats:
        """Return what each would add."""
        sources = self.selected
        if not sources:
            return _mutual_information(self.p[features])
        known = self._union(sources)
        cells = self.tables.shape[1] * self.tables.shape[2] + sum(s.size for s in sources)
        if len(sources) > 1:
            cells = max(cells, math.prod(len(s) for s in sources) * self.tables[0].size)
        step = max(1, _CELLS_AT_A_TIME // cells)
        found = []
        for start in range(0, len(features), step):
            some = self.p[features[start : start + step]]
            together = [
                np.ascontiguousarray(np.broadcast_to(source, (len(some), *source.shape)))
                for source in sources
            ]
            union = solve_unions([*together, some], self.options, (len(some),), potentials=False)
            found.append(0.5 * (union.lower + union.upper))
        added = np.concatenate(found) - known
        return np.where(added > self.same, added, 0.0)

    def _union(self, sources: list[Floats]) -> float:
        if len(sources) == 1:
            return float(_mutual_information(sources[0][None])[0])
        batch = [source[None] for source in sources]
        union = solve_unions(batch, self.options, (1,), potentials=False)
        return float(0.5 * (union.lower[0] + union.upper[0]))


class _HullGains(_Gains):
    """About a binary target: those selected are one source, the edges of their hull."""

    def __init__(self, tables: Counts, options: SolveOptions) -> None:
        super().__init__(tables, options)
        self.hull: Counts | None = None  # (m, 2), counts, by falling share of the first class

    @property
    def selected(self) -> list[Floats]:
        """The hull, as one source."""
        return [] if self.hull is None else [self.hull / self.total]

    @property
    def same(self) -> float:
        """In closed form, gains are known better than to the tolerance of a solve."""
        return _ROUNDING

    def add(self, feature: int) -> None:
        """Select a feature."""
        table = self.tables[feature]
        self.hull = join([table] if self.hull is None else [self.hull, table])


def join(tables: list[Counts]) -> Counts:
    """Return the counts (m, 2) of the least source that says what all of these say, (n_i, 2) each.

    The edges of the upper hull of their ROC curves, in whole numbers and so without rounding.
    """
    corners = []
    for table in tables:
        kept = table[table.any(axis=1)]
        # By falling share of the first class, its odds as a fraction of whole numbers.
        order = np.argsort(-(kept[:, 0] / kept.sum(axis=1)), kind="stable")
        corners.append(np.cumsum(kept[order], axis=0))
    points = np.concatenate(corners)
    points = points[np.lexsort((-points[:, 0], points[:, 1]))]
    hull: list[tuple[int, int]] = [(0, 0)]
    for x, y in points.tolist():
        while hull and (x, y) != hull[-1]:
            if len(hull) > 1 and _turns_left(hull[-2], hull[-1], (x, y)):
                hull.pop()
                continue
            if x > hull[-1][0] or y > hull[-1][1]:
                hull.append((x, y))
            break
    corner = np.array(hull, dtype=np.int64)
    return corner[1:] - corner[:-1]


def _turns_left(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether b lies on or below the line from a to c: (first class up, second to the right)."""
    return (b[0] - a[0]) * (c[1] - a[1]) <= (c[0] - a[0]) * (b[1] - a[1])


class _TupleGains(_Gains):
    """About any target: those selected are what they are."""

    def __init__(self, tables: Counts, options: SolveOptions) -> None:
        super().__init__(tables, options)
        self._selected: list[Floats] = []

    @property
    def selected(self) -> list[Floats]:
        """The features themselves."""
        return self._selected

    def add(self, feature: int) -> None:
        """Select a feature."""
        p = self.p[feature]
        self._selected.append(p[p.any(axis=1)])


def _mutual_information(p: Floats) -> Floats:
    """I(X; Z) of tables (n, nx, nz), in nats."""
    independent = p.sum(axis=2, keepdims=True) * p.sum(axis=1, keepdims=True)
    ratio = np.divide(p, independent, out=np.ones_like(p), where=p > 0.0)
    return np.asarray(np.maximum((p * np.log(ratio)).sum(axis=(1, 2)), 0.0))
