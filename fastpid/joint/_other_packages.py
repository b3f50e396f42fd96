"""Joint distributions in the forms of other packages: fastpid.joint names these readers."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import refuse_mask
from fastpid._base.quantities import MASS_TOLERANCE, ROLES
from fastpid.joint._samples import code_samples
from fastpid.joint._tables import JointDistribution, JointTable, check_cells

Labels = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


def from_dict(pmf: Mapping[Any, float], *, order: str = "xyz") -> JointDistribution:
    """Read a distribution given as outcomes and probabilities.

    Parameters
    ----------
    pmf : mapping
        From outcomes, which are sequences of three hashable symbols, to probabilities.
    order : str
        Which variable stands where in an outcome: "xyz" has the target last, "zxy" first (as
        BROJA_2PID does).

    Returns
    -------
    JointDistribution
        Symbols are sorted, or where they cannot be, as they come.

    Raises
    ------
    ValueError
        If an outcome has not three symbols; if probabilities are negative or not finite, or do not
        sum to one within 1e-6; for an unknown `order`.
    TypeError
        If `pmf` is no mapping.

    Examples
    --------
    >>> import fastpid
    >>> p = fastpid.joint.from_dict({"000": 0.25, "011": 0.25, "101": 0.25, "110": 0.25})
    >>> fastpid.decompose(p).synergy
    1.0
    """
    if sorted(order) != list(ROLES):
        raise ValueError(f'order must be a permutation of "xyz"; got {order!r}')
    if not isinstance(pmf, Mapping):
        raise TypeError(f"pmf must be a mapping of outcomes; got {type(pmf).__name__}")
    if any(mass < 0 for mass in pmf.values()):
        raise ValueError("pmf must hold finite, non-negative probabilities")
    return _distribution(*table_of_outcomes(pmf, "pmf", order), "pmf")


def _distribution(p: NDArray[np.float64], labels: Labels, name: str) -> JointDistribution:
    if not np.isfinite(p).all() or (p < 0).any():
        raise ValueError(f"{name} must hold finite, non-negative probabilities")
    if abs(float(p.sum()) - 1.0) > MASS_TOLERANCE:
        raise ValueError(
            f"{name} sums to {float(p.sum()):.10g}, not to 1; read counts by "
            "fastpid.joint.from_counts(), or divide by the sum"
        )
    p.flags.writeable = False
    return JointDistribution(p=p, labels=labels)


def table_of_outcomes(
    masses: Mapping[Any, float], name: str, order: str = "xyz"
) -> tuple[NDArray[np.float64], Labels]:
    """Return the array (nx, ny, nz) of a mapping from outcomes, and what its symbols are."""
    for outcome in masses:
        if not isinstance(outcome, Sequence) or len(outcome) != 3:
            raise ValueError(f"an outcome of {name} must have three symbols; got {outcome!r}")
    if not masses:
        raise ValueError(f"{name} is empty: it has no outcome")
    columns = list(zip(*masses, strict=True))
    return _table_of_columns([columns[order.index(role)] for role in ROLES], [*masses.values()])


def _table_of_columns(
    columns: Sequence[Sequence[Hashable]], masses: Sequence[float]
) -> tuple[NDArray[np.float64], Labels]:
    """Return the array (nx, ny, nz) of three columns of symbols, and what its symbols are."""
    x, y, z = (_sorted(set(column)) for column in columns)
    shape = (len(x), len(y), len(z))
    check_cells(shape)
    codes = []
    for axis, column in zip((x, y, z), columns, strict=True):
        index = {label: code for code, label in enumerate(axis)}
        codes.append([index[symbol] for symbol in column])
    table = np.zeros(shape)
    np.add.at(table, tuple(codes), masses)
    return table, (x, y, z)


def _sorted(symbols: set[Hashable]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(symbols))
    except TypeError:
        return tuple(sorted(symbols, key=lambda symbol: (type(symbol).__name__, repr(symbol))))


def from_dit(
    distribution: Any,
    *,
    sources: Sequence[Any] | None = None,
    target: Any = None,
) -> JointDistribution:
    """Read a distribution of the dit package.

    Parameters
    ----------
    distribution : dit.Distribution
        Of three or more variables, in linear or logarithmic probabilities.
    sources : sequence of two, optional
        The two sources: names, or indices where the variables have no names; several variables
        given as a list are one joint source. Of three variables, by default the first two.
    target : optional
        The target, likewise; of three variables, by default the last.

    Returns
    -------
    JointDistribution

    Raises
    ------
    ValueError
        If there are not two sources, or a variable is unknown; if there are more than three
        variables, and it is not said which.
    """
    names = distribution.get_rv_names()
    variables = list(range(distribution.outcome_length())) if names is None else list(names)
    if sources is None or target is None:
        if len(variables) != 3:
            raise ValueError(
                f"distribution has {len(variables)} variables, {variables}; name two sources and "
                "a target among them, with sources= and target="
            )
        sources = variables[:2] if sources is None else sources
        target = variables[-1] if target is None else target
    if len(sources) != 2:
        raise ValueError(f"sources must be two; got {len(sources)}")

    def columns(group: Any) -> list[int]:
        members = list(group) if isinstance(group, (list, tuple)) else [group]
        unknown = [member for member in members if member not in variables]
        if unknown:
            raise ValueError(f"there is no variable {unknown[0]!r}; they are {variables}")
        return [variables.index(member) for member in members]

    groups = [columns(sources[0]), columns(sources[1]), columns(target)]
    linear = distribution.copy(base="linear") if distribution.is_log() else distribution
    symbols = list(zip(*linear.outcomes, strict=True))
    joined = [
        symbols[group[0]] if len(group) == 1 else [*zip(*(symbols[i] for i in group), strict=True)]
        for group in groups
    ]
    found = _distribution(*_table_of_columns(joined, linear.pmf.tolist()), "distribution")
    called = [", ".join(str(variables[i]) for i in group) for group in groups]
    if names is None:
        return found
    return dataclasses.replace(found, names=(called[0], called[1], called[2]))


def from_idtxl(
    data: Any,
    *,
    sources: Sequence[int] = (0, 1),
    target: int = 2,
    dim_order: str = "psr",
) -> JointTable:
    """Count discrete samples laid out as IDTxl lays them out.

    Parameters
    ----------
    data : array_like of int, or an object with a `data` attribute
        Processes, samples and replications; an IDTxl ``Data`` object holds them as "psr".
    sources : sequence of two int
        The processes that are the sources.
    target : int
        The process that is the target.
    dim_order : str
        What the axes are: some of "p", "s" and "r", each once, as for IDTxl.

    Returns
    -------
    JointTable
        All samples of all replications, taken as equally distributed.

    Raises
    ------
    ValueError
        If `dim_order` does not fit the data, or there is no such process.
    TypeError
        If the data are not integers.
    """
    data = getattr(data, "data", data) if not isinstance(data, np.ndarray) else data
    refuse_mask("data", data)
    array = np.asarray(data)
    if len(set(dim_order)) != len(dim_order) or not {"p", "s"} <= set(dim_order) <= set("psr"):
        raise ValueError(f'dim_order must hold "p" and "s", and may hold "r"; got {dim_order!r}')
    if array.ndim != len(dim_order):
        raise ValueError(f"data has {array.ndim} axes, and dim_order is {dim_order!r}")
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"data must be integers, as IDTxl's PID estimators take them; got {array.dtype}; "
            "discretise it first"
        )
    processes = np.moveaxis(array, dim_order.index("p"), 0)
    processes = processes.reshape(len(processes), -1)
    if len(sources) != 2:
        raise ValueError(f"sources must be two; got {len(sources)}")
    for index in (*sources, target):
        if not 0 <= index < len(processes):
            raise ValueError(f"there is no process {index}; data has {len(processes)}")
    x, y, z = processes[sources[0]], processes[sources[1]], processes[target]
    names = [f"process {index}" for index in (*sources, target)]
    return code_samples(x, y, z, names=names).table()
