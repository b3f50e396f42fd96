"""decompose_many() of arrays: what several sources say about a target, from their joint table."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import MASS_TOLERANCE, NATS_PER_UNIT, Method, OnFailure, Unit
from fastpid._many._blocks import check_blocks, merge_axes
from fastpid._many._coverage import Subset, subsets_of
from fastpid._many._result import ManyDecomposition
from fastpid._solve.options import SolveOptions, recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import explain_bad_values, index_of
from fastpid._solve.unions import check_array, report, solve_unions
from fastpid.result import Decomposition

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
    tables = np.ascontiguousarray(array, dtype=np.float64).reshape(-1, *array.shape[-1 - count :])
    tables = check_values(tables, batch, options.normalize, n_sources is None)
    if sources is not None:
        tables = np.ascontiguousarray(merge_axes(tables, check_blocks(sources, count)))
        count = tables.ndim - 2
    wanted = check_subsets(subsets, count)
    found, pairs = _solve(tables, wanted, options, batch, potentials)

    def shaped(rows: Any) -> Any:
        return np.stack(rows).reshape(len(rows), *batch)

    lower, upper, iterations, status, method_codes = (
        shaped([found[subset][k] for subset in wanted]) for k in range(5)
    )
    joint = _mutual_information(tables).reshape(batch)
    upper[-1] = np.minimum(upper[-1], np.maximum(joint, lower[-1]))
    _bound_by_neighbours(wanted, lower, upper)
    status = np.where((status != 0) & (upper - lower <= options.tol), 0, status)
    result = ManyDecomposition(
        n_sources=count,
        subsets=tuple(wanted),
        unit=options.result_unit,
        pairs=pairs,
        _lower=lower,
        _upper=upper,
        _mi_joint=joint,
        _iterations=iterations,
        _status=status,
        _method=method_codes,
    )

    gap = (upper - lower).ravel() / NATS_PER_UNIT[options.unit]
    report(status.ravel(), gap, options, describe_set(wanted, batch), lambda: result)
    return result, tables


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
    flat = tables.reshape(len(tables), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        mass = flat.sum(axis=1)
        if normalize:
            good = (mass >= 1e-250) & (mass <= 1e250)
        else:
            good = np.abs(mass - 1.0) <= MASS_TOLERANCE
        good &= (flat >= 0.0).all(axis=1)
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        text = explain_bad_values(tables[first], index_of(first, batch), normalize)
        along = tables[0].sum(axis=tuple(range(1, tables.ndim - 1)))
        if no_batch and tables.ndim > 4 and np.allclose(along, 1.0, atol=MASS_TOLERANCE):
            text += (
                f"; if its first axis is a batch of {len(along)} tables, pass "
                f"n_sources={tables.ndim - 3}"
            )
        raise ValueError(text)
    return (flat / mass[:, None]).reshape(tables.shape) if normalize else tables


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


#: Of one set and every table: lower and upper bound in nats, iterations, status, method.
_Found = tuple[Any, Any, Any, Any, Any]


def _solve(
    tables: Floats,
    wanted: list[Subset],
    options: SolveOptions,
    batch: tuple[int, ...],
    potentials: dict[Subset, tuple[Floats, ...]] | None,
) -> tuple[dict[Subset, _Found], dict[Subset, Decomposition[Any]]]:
    sources = range(tables.ndim - 2)
    given = options._replace(normalize=False, on_failure="ignore")

    def keep(subset: Subset) -> Floats:
        left = tuple(1 + i for i in sources if i not in subset)
        return np.ascontiguousarray(tables.sum(axis=left)) if left else tables

    marginals = [keep((i,)) for i in sources]
    nothing = np.zeros(len(tables), dtype=np.int32)
    exact = np.full(len(tables), 4, dtype=np.int32)  # the kernel's number of "exact"
    found: dict[Subset, _Found] = {}
    pairs: dict[Subset, Decomposition[Any]] = {}
    for subset in wanted:
        if len(subset) == 1:
            mi = _mutual_information(marginals[subset[0]])
            found[subset] = (mi, mi, nothing, nothing, exact)
        elif len(subset) == 2:
            table = keep(subset)
            solved = solve_tables(
                table.reshape(*batch, *table.shape[1:]), given, potentials=potentials is not None
            )
            terms, codes = solved.terms, solved.codes
            found[subset] = (terms.lower, terms.upper, codes.iterations, codes.status, codes.method)
            pairs[subset] = solved.result()
            if potentials is not None:
                potentials[subset] = (solved.lam, solved.mu)
        else:
            union = solve_unions([marginals[i] for i in subset], given, batch)
            found[subset] = (
                *(union.lower, union.upper),
                *(union.iterations, union.status, union.method),
            )
            if potentials is not None:
                potentials[subset] = tuple(union.potentials)
    return found, pairs


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


def _bound_by_neighbours(wanted: list[Subset], lower: Floats, upper: Floats) -> None:
    """Tighten brackets by monotony: g of a set is at least that of any of its subsets."""
    neighbours = neighbours_of(wanted)
    for larger, smaller in neighbours:  # the smaller sets come first
        lower[larger] = np.maximum(lower[larger], lower[smaller])
    for larger, smaller in reversed(neighbours):
        upper[smaller] = np.minimum(upper[smaller], upper[larger])
    # Brackets of no width may cross by rounding.
    crossed = lower > upper
    middle = 0.5 * (lower + upper)
    lower[crossed] = upper[crossed] = middle[crossed]


def _mutual_information(tables: Floats) -> Floats:
    """I of all axes but the last with the last, in nats, of a batch of tables."""
    flat = tables.reshape(len(tables), -1, tables.shape[-1])

    def negentropy(q: Floats) -> Floats:
        logs = np.log(q, out=np.zeros_like(q), where=q > 0.0)
        total: Floats = (q * logs).reshape(len(q), -1).sum(axis=1)
        return total

    rows, columns = negentropy(flat.sum(axis=2)), negentropy(flat.sum(axis=1))
    return np.maximum(negentropy(flat) - rows - columns, 0.0)
