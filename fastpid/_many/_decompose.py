"""decompose_many() of arrays: what several sources say about a target, from their joint table."""

from __future__ import annotations

import functools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import MASS_TOLERANCE, NATS_PER_UNIT, Method, OnFailure, Unit
from fastpid._base.warn import stacklevel_outside
from fastpid._many._blocks import check_blocks, merge_axes
from fastpid._many._coverage import Subset, subsets_of
from fastpid._many._pairs import SolvedPairs
from fastpid._many._result import ManyDecomposition
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions, recall_options
from fastpid._solve.tables import explain_bad_values, index_of
from fastpid._solve.threads import count_threads
from fastpid._solve.unions import check_array, refuse, report, solve_unions
from fastpid.result import STATUSES, ConvergenceWarning, Status

Floats = NDArray[np.float64]

#: More sources than this have too many subsets for "all".
_MOST_FOR_ALL = 12
_SUBSETS = ("all", "leave_one_out")


def decompose_many(
    p: ArrayLike,
    *,
    n_sources: int | None = None,
    sources: Sequence[Iterable[int]] | None = None,
    subsets: str | Sequence[Iterable[int]] = "all",
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> ManyDecomposition:
    """Return what :func:`fastpid.decompose_many` says of arrays."""
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    return decompose_with(p, n_sources, sources, subsets, options)[0]


def decompose_with(
    p: ArrayLike,
    n_sources: int | None,
    sources: Sequence[Iterable[int]] | None,
    subsets: str | Sequence[Iterable[int]],
    options: SolveOptions,
    potentials: dict[Subset, tuple[Floats, ...]] | None = None,
) -> tuple[ManyDecomposition, Floats]:
    """Return the decomposition, and the tables (batch, n_1, ..., n_M, nz) that it is of.

    The potentials of every set of two sources or more, (batch, n_i, nz) each, go to `potentials`.
    """
    array = check_array(p, "p")
    count = check_n_sources(array.shape, n_sources)
    batch = array.shape[: -1 - count]
    given = np.ascontiguousarray(array, dtype=np.float64).reshape(-1, *array.shape[-1 - count :])
    tables = given
    if potentials is not None:  # which there are none of where a table is no distribution
        tables = check_values(tables, batch, options.normalize, n_sources is None)
    if sources is not None:
        bad = ~_hold_distributions(tables, options.normalize)
        if bad.any():  # sums may look better than what they are of
            tables = tables.copy()
            tables[bad] = np.nan
        tables = np.ascontiguousarray(merge_axes(tables, check_blocks(sources, count)))
        count = tables.ndim - 2
    known = isinstance(subsets, str)
    wanted = _recall_subsets(subsets, count) if known else tuple(check_subsets(subsets, count))
    bounds, codes, joint, found = kernel.decompose_many(
        tables,
        list(wanted),
        *(options.method, options.tol, options.max_iter),
        count_threads(options.threads, tables.size * len(wanted)),
        *(options.normalize, MASS_TOLERANCE),
    )
    shape = (len(wanted), *batch)
    lower, upper = bounds.reshape(2, *shape)
    iterations, status, method_codes = codes.reshape(3, *shape)
    of_pairs = options._replace(normalize=False) if options.normalize else options
    result = ManyDecomposition(
        n_sources=count,
        subsets=wanted,
        unit=options.result_unit,
        pairs=SolvedPairs(wanted, found, batch, of_pairs),
        _lower=lower,
        _upper=upper,
        _mi_joint=joint.reshape(batch),
        _iterations=iterations,
        _status=status,
        _method=method_codes,
    )
    if np.count_nonzero(codes[1]):
        _report(result, given, tables, batch, options, no_batch=n_sources is None)
    if potentials is not None:
        _solve_potentials(tables, wanted, options, batch, potentials)
    return result, tables


def _report(
    result: ManyDecomposition,
    given: Floats,
    tables: Floats,
    batch: tuple[int, ...],
    options: SolveOptions,
    *,
    no_batch: bool,
) -> None:
    """Raise for what cannot be solved, and tell of what is invalid or did not converge."""
    status = result._status.reshape(len(result.subsets), -1)
    invalid = np.flatnonzero(status[0] == Status.INVALID.code)
    explained = ""
    if invalid.size:
        explained = _explain(given, int(invalid[0]), batch, options.normalize, no_batch)
        if len(given) > 1:
            explained += f" [{invalid.size} of {len(given)} tables are invalid]"
        if options.on_failure == "raise" or invalid.size == len(given):
            raise ValueError(explained)
    for subset, of_subset in zip(result.subsets, status, strict=True):
        if (of_subset >= len(STATUSES)).any():
            refuse(of_subset, _marginals(tables, subset), batch)
    gap = (result._upper - result._lower).ravel() / NATS_PER_UNIT[options.unit]
    describe = describe_set(list(result.subsets), batch)
    report(status.ravel(), gap, options, describe, lambda: result)
    if explained and options.on_failure != "ignore":
        warnings.warn(explained, ConvergenceWarning, stacklevel=stacklevel_outside("fastpid"))


def _marginals(tables: Floats, subset: Subset) -> list[Floats]:
    """Return p(x_i, z), (batch, n_i, nz), of the sources of a set."""
    axes = range(1, tables.ndim - 1)
    return [
        np.ascontiguousarray(tables.sum(axis=tuple(axis for axis in axes if axis != 1 + i)))
        for i in subset
    ]


def _solve_potentials(
    tables: Floats,
    wanted: tuple[Subset, ...],
    options: SolveOptions,
    batch: tuple[int, ...],
    potentials: dict[Subset, tuple[Floats, ...]],
) -> None:
    """Solve for the dual solutions behind the bounds of sets, which the kernel finds once more."""
    once_more = options._replace(normalize=False, on_failure="ignore")
    for subset in wanted:
        if len(subset) > 1:
            solved = solve_unions(_marginals(tables, subset), once_more, batch)
            potentials[subset] = tuple(solved.potentials)


def describe_set(wanted: list[Subset], batch: tuple[int, ...]) -> Callable[[int], str]:
    """Return what names the problem of a place in an array (subsets, ...)."""

    def describe(flat: int) -> str:
        subset, entry = divmod(flat, math.prod(batch))
        table = f"table {list(index_of(entry, batch))}, " if batch else ""
        return f"{table}sources {wanted[subset]}"

    return describe


def check_n_sources(shape: tuple[int, ...], n_sources: Any) -> int:
    """Return how many axes of a table (..., n_1, ..., n_M, nz) are sources."""
    if n_sources is not None:
        try:
            sources = operator.index(n_sources)
        except TypeError:
            raise TypeError(
                f"n_sources must be an integer or None; got {type(n_sources).__name__}"
            ) from None
        if sources < 2:
            raise ValueError(
                f"n_sources must be 2 or more; got {sources} (what one source says is "
                "fastpid.information.mutual_information)"
            )
        if len(shape) < sources + 1:
            raise ValueError(
                f"n_sources={sources} needs {sources + 1} axes or more, (..., n_1, ..., n_M, nz); "
                f"p has shape {shape}"
            )
    elif len(shape) < 3:
        raise ValueError(
            f"p must have at least 3 axes, two sources or more and the target last; got shape "
            f"{shape}"
        )
    else:
        sources = len(shape) - 1
    if 0 in shape:
        raise ValueError(
            f"p has an empty axis: axis {shape.index(0)} of shape {shape}; pass at "
            "least one entry along each axis"
        )
    return sources


def check_values(tables: Floats, batch: tuple[int, ...], normalize: bool, no_batch: bool) -> Floats:
    """Return tables (batch, n_1, ..., n_M, nz), divided by their sums if that is asked for."""
    good = _hold_distributions(tables, normalize)
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise ValueError(_explain(tables, first, batch, normalize, no_batch))
    if not normalize:
        return tables
    divided: Floats = tables / tables.sum(axis=tuple(range(1, tables.ndim)), keepdims=True)
    return divided


def _hold_distributions(tables: Floats, normalize: bool) -> NDArray[np.bool_]:
    flat = tables.reshape(len(tables), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        mass = flat.sum(axis=1)
        if normalize:
            good: NDArray[np.bool_] = (mass >= 1e-250) & (mass <= 1e250)
        else:
            good = np.abs(mass - 1.0) <= MASS_TOLERANCE
        good &= (flat >= 0.0).all(axis=1)
    return good


def _explain(
    tables: Floats, entry: int, batch: tuple[int, ...], normalize: bool, no_batch: bool
) -> str:
    """Say why a table is no distribution."""
    text = explain_bad_values(tables[entry], index_of(entry, batch), normalize)
    along = tables[entry].sum(axis=tuple(range(1, tables.ndim - 1)))
    if no_batch and tables.ndim > 4 and np.allclose(along, 1.0, atol=MASS_TOLERANCE):
        text += (
            f"; if its first axis is a batch of {len(along)} tables, pass "
            f"n_sources={tables.ndim - 3}"
        )
    return text


def check_subsets(subsets: Any, sources: int) -> list[Subset]:
    """Return the sets, with those of each source and of all, the smaller ones first."""
    everything = tuple(range(sources))
    always = {*((i,) for i in everything), everything}
    if isinstance(subsets, str):
        if subsets not in _SUBSETS:
            raise ValueError(
                f"subsets must be one of {', '.join(_SUBSETS)}, or a sequence of sets of sources; "
                f"got {subsets!r}"
            )
        if subsets == "all" and sources > _MOST_FOR_ALL:
            raise ValueError(
                f'subsets="all" of {sources} sources would be {2**sources - 1} solves (at most '
                f'{_MOST_FOR_ALL} sources); pass subsets="leave_one_out", or the sets wanted'
            )
        rest = {tuple(j for j in everything if j != i) for i in everything}
        chosen = set(subsets_of(everything)) if subsets == "all" else rest
        return sorted(chosen | always, key=lambda a: (len(a), a))
    chosen = set()
    for subset in subsets:
        members = (subset,) if isinstance(subset, (int, np.integer)) else tuple(subset)
        try:
            members = tuple(sorted(operator.index(i) for i in members))
        except TypeError:
            raise TypeError(f"subsets must hold sets of source numbers; got {subset!r}") from None
        if not members or len(set(members)) < len(members):
            raise ValueError(f"{subset!r} in subsets is empty or names a source twice")
        if members[0] < 0 or members[-1] >= sources:
            raise ValueError(
                f"{subset!r} in subsets names a source that there is not; sources count from 0 to "
                f"{sources - 1}"
            )
        chosen.add(members)
    return sorted(chosen | always, key=lambda a: (len(a), a))


@functools.lru_cache(maxsize=32)
def _recall_subsets(subsets: str, sources: int) -> tuple[Subset, ...]:
    return tuple(check_subsets(subsets, sources))


def neighbours_of(wanted: list[Subset]) -> list[tuple[int, int]]:
    """Return places of sets and of what is left of them without one source, smaller ones first."""
    place = {subset: k for k, subset in enumerate(wanted)}
    neighbours = []
    for subset, k in place.items():
        for i in range(len(subset)):
            rest = subset[:i] + subset[i + 1 :]
            if rest in place:
                neighbours.append((k, place[rest]))
    return neighbours
