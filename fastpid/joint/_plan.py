"""Which columns `bins` cuts: one rule for samples, screens, files and the command line."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastpid._base.quantities import roles_of
from fastpid.joint._cells import describe_mixture
from fastpid.joint._coding import Coding, CodingOptions, WithMissing, bin_count, fit_coding
from fastpid.joint._columns import Column, as_float
from fastpid.joint._discretizer import Discretizer, coding_of, fit_column, is_fitted
from fastpid.joint._frames import unknown_name

#: How a column is coded: None, "values", "auto", a number of bins, edges, or a Discretizer.
Spec = Any

_SHOWN = 5


def plan_bins(
    bins: Any, columns: Sequence[Column], strategy: str, targets: Sequence[Column]
) -> list[Spec]:
    """Say for every column whether and how it is cut.

    * An int N cuts every numeric column with more than N distinct values; one with fewer keeps them
      as categories. Of a target, whole numbers are classes, and are not cut. An int that cuts
      nothing is refused.
    * A mapping says it by the role or the name of a column, a sequence (of columns that have roles)
      by place. What is said of a column is done, or refused.
    * strategy="bayesian_blocks" cuts every float column, without being given a number.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` documents.
    """
    by_blocks = strategy == "bayesian_blocks"
    if bins is None:
        return [
            "auto" if by_blocks and c.kind == "float" and _may_cut(c, targets) else None
            for c in columns
        ]
    if isinstance(bins, Mapping):
        plan = _by_name(bins, columns)
    elif isinstance(bins, (list, tuple)):
        roles = [column.role for column in columns]
        if len(bins) != len(columns) or not _have_roles(columns):
            wanted = "three, one for each of x, y and z"
            if len(roles) != 3 and _have_roles(columns):
                wanted = f"{len(roles)}, one for each of {', '.join(roles[:-1])} and z"
            raise ValueError(
                f"bins has {len(bins)} entries; a sequence needs {wanted} "
                f'(give edges by column: bins={{"{roles[0]}": edges}})'
            )
        plan = list(bins)
    else:
        count = bin_count("bins", bins, 'an int, a mapping such as {"x": 4}, or three of them')
        _refuse_mixtures(columns, f"bins={count}", targets)
        plan = [_by_count(column, count, targets) for column in columns]
        if not any(isinstance(spec, int) for spec in plan):
            raise ValueError(_nothing_cut(count, columns, targets))
    if by_blocks and any(isinstance(spec, numbers.Integral) for spec in plan):
        raise ValueError('strategy="bayesian_blocks" finds the number of bins itself: leave it out')
    return plan


def _have_roles(columns: Sequence[Column]) -> bool:
    """Whether columns are sources and a target, not the many of a screen."""
    return tuple(c.role for c in columns) == roles_of(len(columns) - 1)


def _listed(columns: Sequence[Column]) -> str:
    *sources, target = (f'"{column.role}"' for column in columns)
    return f"{', '.join(sources)} and {target}"


def _by_name(bins: Mapping[Any, Any], columns: Sequence[Column]) -> list[Spec]:
    known = {key for column in columns for key in (column.role, column.name)}
    for key in bins:
        if key not in known:
            names = [column.name for column in columns]
            raise ValueError(
                f"bins has the key {key!r}: {unknown_name(key, names, 'the data')}; keys are names "
                "of columns" + (f", or {_listed(columns)}" if _have_roles(columns) else "")
            )
    for column in columns:
        if column.role != column.name and {column.role, column.name} <= set(bins):
            raise ValueError(f"bins names {column} twice, by its role and by its name")
    plan = [bins.get(column.role, bins.get(column.name)) for column in columns]
    cut = [column for column, spec in zip(columns, plan, strict=True) if spec is not None]
    _refuse_mixtures(cut, "bins", ())
    return plan


def _refuse_mixtures(columns: Sequence[Column], argument: str, targets: Sequence[Column]) -> None:
    """Refuse to take numbers with a few other cells among them for text."""
    for column in columns:
        is_target = any(column is target for target in targets)
        mixture = describe_mixture(column, classes=is_target)
        if mixture:
            raise ValueError(
                f"{argument} cannot cut {column}: {mixture}; if the column is text, name only the "
                "columns to cut in bins"
            )


def _may_cut(column: Column, targets: Sequence[Column]) -> bool:
    if not column.is_numeric:
        return False
    if not any(column is target for target in targets):
        return True
    present = as_float(column)[~column.missing]
    return not bool(np.all(present == np.floor(present)))


def _by_count(column: Column, count: int, targets: Sequence[Column]) -> Spec:
    if column.kind == "features":
        return count
    if not _may_cut(column, targets):
        return None
    return count if _distinct(column) > count else "values"


def _distinct(column: Column) -> int:
    return int(np.unique(as_float(column)[~column.missing]).size)


def _nothing_cut(count: int, columns: Sequence[Column], targets: Sequence[Column]) -> str:
    reasons = []
    for column in columns[:_SHOWN]:
        if column.missing.all():
            # Which kind it is hangs on where it comes from.
            reasons.append(f"{column} has no values")
        elif not column.is_numeric:
            reasons.append(f"{column} is {column.kind}")
        elif not _may_cut(column, targets):
            reasons.append(f"{column} is a target of whole numbers, which are taken as classes")
        else:
            reasons.append(f"{column} has {_distinct(column)} distinct values")
    more = f"; and {len(columns) - _SHOWN} more columns" if len(columns) > _SHOWN else ""
    return (
        f"bins={count} cuts no column: {'; '.join(reasons)}{more}. Leave it out, or name the "
        f'columns to cut, for example bins={{"{columns[0].role}": {count}}}'
    )


def coding_for(column: Column, spec: Spec, options: CodingOptions) -> Coding:
    """Return the rule for a column, learnt from it unless a fitted Discretizer brings one."""
    if not isinstance(spec, Discretizer):
        return fit_coding(column, spec, options)
    if not is_fitted(spec):
        fit_column(spec, column.take(~column.missing))
    coding = coding_of(spec)
    return WithMissing(coding) if column.missing.any() else coding
