"""The public pointwise_many()."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._many import decompose_with
from fastpid._pointwise._many_result import ManyPointwiseDecomposition
from fastpid._pointwise._terms import log_or_zero
from fastpid._solve.options import recall_options

Floats = NDArray[np.float64]
Subset = tuple[int, ...]


def pointwise_many(
    p: ArrayLike,
    *,
    n_sources: int | None = None,
    sources: Sequence[Iterable[int]] | None = None,
    subsets: str | Sequence[Iterable[int]] = "all",
    method: Method = "auto",
    tol: float = 1e-10,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> ManyPointwiseDecomposition:
    """Decompose what M >= 2 sources say about a target cell by cell.

    The dual solution behind the union information of a set A of sources [1]_ is a sum of functions
    lam_i[x_i, z], one of each source, and splits it among the cells::

        i_A(x_1, ..., x_M, z) = sum of lam_i[x_i, z] over the sources of A, - log p(z)

    Synergy, unique informations and coverage atoms of a cell are the same differences of these, and
    of the pointwise mutual informations, as those of the whole table are of theirs
    (:func:`fastpid.decompose_many`), so that they average to them. For two sources,
    :func:`fastpid.pointwise` has the names of those, and intervals.

    Parameters
    ----------
    p : array_like, shape (..., n_1, ..., n_M, nz)
        Joint probabilities of the sources and, on the last axis, the target.
    n_sources, sources, subsets
        As for :func:`fastpid.decompose_many`.
    method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.decompose_many`. Cells are less certain than averages, by the square
        root of `tol`, which is therefore smaller.

    Returns
    -------
    ManyPointwiseDecomposition
        Of the size of `p` for every set of sources.

    Raises
    ------
    ValueError
        As :func:`fastpid.decompose_many` does.
    TypeError
        As :func:`fastpid.decompose_many` does; for a torch tensor.
    ConvergenceError
        Under ``on_failure="raise"``, with the ManyDecomposition.

    Warns
    -----
    ConvergenceWarning
        As :func:`fastpid.decompose_many` does.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid
    >>> cells = fastpid.pointwise_many(fastpid.gates.and_of(3))
    >>> cells.redundancy[1, 1, 1, 1].round(6), cells.synergy[1, 1, 1, 1].round(6)
    (np.float64(1.0), np.float64(2.0))
    >>> abs(cells.average(cells.synergy) - cells.decomposition.synergy) <= 1e-9
    True
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p, torch.Tensor):
        raise TypeError(
            "pointwise_many() takes arrays, and p is a torch tensor; pass "
            "p.detach().cpu().numpy() (fastpid.decompose_many takes tensors)"
        )
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    potentials: dict[Subset, tuple[Floats, ...]] = {}
    decomposition, tables = decompose_with(p, n_sources, sources, subsets, options, potentials)
    count = decomposition.n_sources
    axes = range(1, 1 + count)
    h = _log_shares(tables.sum(axis=tuple(axes)), axis=1)

    def on_cells(of_source: Floats, i: int) -> Floats:  # (batch, n_i, nz) along the other axes
        return np.expand_dims(of_source, tuple(axis for axis in axes if axis != 1 + i))

    def split(subset: Subset) -> Floats:
        if len(subset) == 1:
            others = tuple(axis for axis in axes if axis - 1 not in subset)
            parts: tuple[Floats, ...] = (_log_shares(tables.sum(axis=others), axis=2),)
        else:
            parts = potentials[subset]
        total = -h.reshape(len(tables), *(1,) * count, -1)
        for i, part in zip(subset, parts, strict=True):
            total = total + on_cells(part, i)
        return total

    def shaped(values: Floats) -> Floats:
        kept = np.where(tables > 0.0, values, np.nan)
        return kept.reshape(*decomposition.shape, *tables.shape[1:])

    joint = _log_shares(tables, axis=-1) - h.reshape(len(tables), *(1,) * count, -1)
    return ManyPointwiseDecomposition(
        p=tables.reshape(*decomposition.shape, *tables.shape[1:]),
        decomposition=decomposition,
        _union=np.stack([shaped(split(subset)) for subset in decomposition.subsets]),
        _joint=shaped(joint),
    )


def _log_shares(masses: Floats, axis: int) -> Floats:
    """Return the logarithm of what each mass is of its sum along an axis; 0 where it is none."""
    return log_or_zero(masses) - log_or_zero(masses.sum(axis=axis, keepdims=True))
