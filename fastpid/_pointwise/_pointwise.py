"""The public pointwise(), and how results of other rooms make one."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import ROLES, Method, OnFailure, Unit
from fastpid._pointwise._result import PointwiseDecomposition
from fastpid._pointwise._terms import pointwise_terms
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import check_tables
from fastpid.joint import JointDistribution
from fastpid.result import Decomposition, Status


def pointwise(
    p: ArrayLike | JointDistribution,
    *,
    method: Method = "auto",
    tol: float = 1e-10,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> PointwiseDecomposition:
    """Decompose what two sources say about a target cell by cell.

    The dual solution of the BROJA decomposition [1]_ is a function lam[x, z] + mu[y, z] of the
    cells, whose average over p is -H(Z | X, Y) of the optimum: it splits the union information
    among them. With ``i_u = lam[x, z] + mu[y, z] - log p(z)`` and the pointwise mutual informations
    [2]_ i(x; z), i(y; z) and i(x, y; z), which split the others, the pointwise atoms are::

        redundancy = i(x; z) + i(y; z) - i_u        unique_x = i_u - i(y; z)
        synergy    = i(x, y; z) - i_u               unique_y = i_u - i(x; z)

    Their averages are the atoms of :func:`fastpid.decompose`, up to what the certificate leaves
    open. Of samples, they are a decomposition of every sample (:meth:`fastpid.Estimate.pointwise`).

    Parameters
    ----------
    p : array_like or JointDistribution, shape (..., nx, ny, nz)
        Joint probabilities; the last axis is the target. Leading axes are a batch. Labels and names
        of a :class:`fastpid.joint.JointDistribution` are kept.
    method, tol, max_iter, threads, on_failure
        As for :func:`fastpid.decompose`. Cells are less certain than averages, by the square root
        of `tol`, which is therefore smaller.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    normalize : bool
        Divide every table by its sum first.

    Returns
    -------
    PointwiseDecomposition
        NaN for cells of no probability, and for tables of a batch that hold no probabilities.

    Raises
    ------
    ValueError
        As :func:`fastpid.decompose` does.
    TypeError
        As :func:`fastpid.decompose` does; for a torch tensor.
    ConvergenceError
        Under ``on_failure="raise"``, with the Decomposition.

    Warns
    -----
    ConvergenceWarning
        As :func:`fastpid.decompose` does.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.
    .. [2] R. M. Fano, "Transmission of information", 1961.

    Examples
    --------
    >>> import fastpid
    >>> cells = fastpid.pointwise(fastpid.gates.and_())
    >>> cells.synergy[1, 1, 1].round(6), cells.redundancy[1, 1, 1].round(6)
    (np.float64(1.0), np.float64(1.0))
    >>> abs(cells.average("synergy") - cells.decomposition.synergy) <= 1e-9
    True
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p, torch.Tensor):
        raise TypeError(
            "pointwise() takes arrays, and p is a torch tensor; pass p.detach().cpu().numpy() "
            "(fastpid.decompose takes tensors)"
        )
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    tables = check_tables(p)
    solved = solve_tables(tables, options, potentials=True)
    result = solved.result()
    solved.report("fastpid")
    valid = np.asarray(solved.codes.status != Status.INVALID.code).reshape(solved.batch_shape)
    cells = np.where(valid[..., None, None, None], tables, np.nan)
    if normalize:
        cells = cells / cells.sum(axis=(-3, -2, -1), keepdims=True)
    lam, mu = (
        part.reshape((*solved.batch_shape, *part.shape[-2:])) for part in (solved.lam, solved.mu)
    )
    return _of(p, cells, result, (lam, mu))


def pointwise_of(
    distribution: JointDistribution, decomposition: Decomposition[Any]
) -> PointwiseDecomposition:
    """Return the pointwise decomposition behind one of a table that was decomposed as it is."""
    return _of(distribution, distribution.p, decomposition, decomposition.potentials)


def _of(
    given: Any,
    p: NDArray[np.float64],
    decomposition: Decomposition[Any],
    potentials: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> PointwiseDecomposition:
    labelled = isinstance(given, JointDistribution)
    nx, ny, nz = p.shape[-3:]
    return PointwiseDecomposition(
        p=p,
        decomposition=decomposition,
        labels=given.labels if labelled else (tuple(range(nx)), tuple(range(ny)), tuple(range(nz))),
        names=given.names if labelled else ROLES,
        _terms=pointwise_terms(p, *potentials),
    )
