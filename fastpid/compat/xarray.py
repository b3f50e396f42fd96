"""Labelled arrays of xarray in and out: axes by name, the target where it is named, **bits**."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from fastpid._base.extras import import_extra
from fastpid._base.quantities import VALUES, Method, OnFailure, Unit
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import check_tables
from fastpid.result import Decomposition

__all__ = ["decompose", "to_dataset"]

#: What each value is, for the attributes of a variable.
_LONG_NAMES = {
    "redundancy": "redundancy",
    "unique_x": "unique information of {x}",
    "unique_y": "unique information of {y}",
    "synergy": "synergy",
    "mi_x": "I({x}; {z})",
    "mi_y": "I({y}; {z})",
    "mi_xy": "I({x}, {y}; {z})",
    "union_information": "union information",
    "lower": "lower bound of the union information",
    "upper": "upper bound of the union information",
    "gap": "width of the certified bracket",
}


def decompose(
    p: Any,
    *,
    sources: Sequence[Hashable | Sequence[Hashable]],
    target: Hashable | Sequence[Hashable],
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Any:
    """Decompose a labelled table, whose axes are named instead of counted.

    Parameters
    ----------
    p : xarray.DataArray
        Joint probabilities. Dimensions that are neither source nor target are a batch.
    sources : sequence of two
        The dimension of either source; a list of several is one joint source.
    target : dimension or list of dimensions
        That of the target, wherever it stands.
    method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.decompose`.

    Returns
    -------
    xarray.Dataset
        The variables "redundancy", "unique_x", "unique_y", "synergy", "mi_x", "mi_y", "mi_xy",
        "union_information", "lower", "upper" and "gap" with their units in their attributes, and
        "iterations", "status" and "method", over the batch dimensions and their coordinates.

    Raises
    ------
    ValueError
        If there are not two sources, a dimension is unknown or named twice, and as for
        :func:`fastpid.decompose`.
    TypeError
        If `p` is no DataArray.
    ImportError
        If xarray is not installed (``pip install fastpid[xarray]``).

    Examples
    --------
    >>> import fastpid, xarray
    >>> p = xarray.DataArray(fastpid.gates.xor(), dims=("left", "right", "out"))
    >>> found = fastpid.compat.xarray.decompose(p, sources=("left", "right"), target="out")
    >>> float(found.synergy)
    1.0
    """
    xr = import_extra("xarray", "fastpid.compat.xarray", "xarray")
    if not isinstance(p, xr.DataArray):
        raise TypeError(f"p must be an xarray.DataArray; got {type(p).__name__}")
    if isinstance(sources, str) or len(sources) != 2:
        raise ValueError(f"sources must name two dimensions; got {sources!r}")
    groups = [_dimensions(name) for name in (*sources, target)]
    named = [dimension for group in groups for dimension in group]
    for dimension in named:
        if dimension not in p.dims:
            raise ValueError(f"p has no dimension {dimension!r}; it has {tuple(p.dims)}")
        if named.count(dimension) > 1:
            raise ValueError(
                f"dimension {dimension!r} is named twice, in sources={sources!r} and "
                f"target={target!r}"
            )
    batch = [dimension for dimension in p.dims if dimension not in named]
    ordered = p.transpose(*batch, *named)
    sizes = [int(np.prod([p.sizes[dimension] for dimension in group])) for group in groups]
    table = np.reshape(ordered.values, (*ordered.shape[: len(batch)], *sizes))
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    solved = solve_tables(check_tables(table), options)
    result = solved.result()
    solved.report("fastpid")
    coords = {
        name: coordinate
        for name, coordinate in p.coords.items()
        if set(coordinate.dims) <= set(batch)
    }
    x, y, z = (", ".join(map(str, group)) for group in groups)
    return to_dataset(result, dims=batch, coords=coords, names=(x, y, z))


def to_dataset(
    result: Decomposition[Any],
    *,
    dims: Sequence[Hashable] | None = None,
    coords: Mapping[Any, Any] | None = None,
    names: tuple[str, str, str] = ("X", "Y", "Z"),
) -> Any:
    """Return a decomposition as a Dataset.

    Parameters
    ----------
    result : Decomposition
        Of one table, or of a batch; of tensors as well.
    dims : sequence, optional
        What the batch axes are called; "batch_0", "batch_1" and so on by default.
    coords : mapping, optional
        Coordinates of the batch axes.
    names : tuple of three str
        What the sources and the target are called, for the attributes.

    Returns
    -------
    xarray.Dataset
        As :func:`decompose` returns it.

    Raises
    ------
    ValueError
        If `dims` are not as many as the batch has axes.
    ImportError
        If xarray is not installed (``pip install fastpid[xarray]``).

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> d = fastpid.decompose(np.stack([fastpid.gates.xor(), fastpid.gates.and_()]))
    >>> found = fastpid.compat.xarray.to_dataset(d, dims=["gate"], coords={"gate": ["xor", "and"]})
    >>> round(float(found.synergy.sel(gate="and")), 6)
    0.5
    """
    xr = import_extra("xarray", "fastpid.compat.xarray", "xarray")
    d = result.numpy()
    axes = [f"batch_{axis}" for axis in range(len(d.shape))] if dims is None else list(dims)
    if len(axes) != len(d.shape):
        raise ValueError(f"dims must name {len(d.shape)} axes of the batch; got {axes}")
    x, y, z = names
    variables: dict[str, Any] = {}
    for name in VALUES:
        attributes = {"units": d.unit, "long_name": _LONG_NAMES[name].format(x=x, y=y, z=z)}
        variables[name] = (axes, np.asarray(getattr(d, name)), attributes)
    for name in ("iterations", "status", "method"):
        values = getattr(d, name)
        variables[name] = (axes, np.asarray(str(values) if isinstance(values, str) else values))
    attributes = {"x": x, "y": y, "z": z, "measure": "BROJA"}
    return xr.Dataset(variables, coords=coords, attrs=attributes)


def _dimensions(name: Any) -> list[Hashable]:
    return list(name) if isinstance(name, (list, tuple)) else [name]
