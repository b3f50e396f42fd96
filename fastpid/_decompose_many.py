"""The public decompose_many(): what several sources say about a target, from their joint table."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._many import ManyDecomposition
from fastpid._many import decompose_many as of_arrays

if TYPE_CHECKING:
    from torch import Tensor


def decompose_many(
    p: ArrayLike | Tensor,
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
    """Decompose what M >= 2 sources say about a target, every number within certified bounds.

    From the union information [1]_ of sets of sources (:func:`fastpid.union_information`) follow
    the synergy of all, what each source alone knows, what exactly each set of sources shares (the
    coverage atoms; for three sources those of Chicharro [2]_ and of MAXENT3D_PID [3]_), and the
    decompositions of all pairs. The brackets of sets are tightened by those of their neighbours:
    more sources never say less.

    Parameters
    ----------
    p : array_like or torch.Tensor, shape (..., n_1, ..., n_M, nz)
        Joint probabilities of the sources and, on the last axis, the target.
    n_sources : int, optional
        M, if leading axes are a batch; by default all axes but the last are sources.
    sources : sequence of sequences of int, optional
        Composite sources: blocks of axes, numbered from 0 behind those of a batch, each of which is
        taken for one source. ``[[0, 1], [2]]`` has the first two together against the third. Blocks
        must not overlap; axes that are in none are summed out. By default every axis is a source.
    subsets : "all", "leave_one_out", or a sequence of sets of source numbers
        The sets of sources (of blocks, if there are), counted from 0, whose union information is
        found. "all" (up to 12 sources) is what coverage atoms and redundancy need, "leave_one_out"
        what the unique informations need. That of all sources, and of each, is there in any case.
    method, tol, max_iter, unit, threads, on_failure
        As for :func:`fastpid.union_information`; for every set.
    normalize : bool
        Divide each table by its sum first (counts). Otherwise it must sum to 1 within 1e-6.

    Returns
    -------
    ManyDecomposition
        Of a tensor it holds tensors: see :func:`fastpid.torch.decompose_many`.

    Raises
    ------
    ValueError
        For fewer than two sources, an `n_sources` that does not fit the axes of `p`, blocks that
        overlap, sets that name no source or one that there is not, tables that are no
        distributions (one of a batch of arrays gets NaN, the status "invalid" and a warning, unless
        all are, or under ``on_failure="raise"``), too many tuples of symbols for a solve, unknown
        options.
    TypeError
        For a `p` that does not hold real numbers.
    ConvergenceError
        Under ``on_failure="raise"``.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.
    .. [2] D. Chicharro, "Quantifying multivariate redundancy with maximum entropy decompositions
       of mutual information", arXiv:1708.03845, 2017.
    .. [3] A. Makkeh, D. Chicharro, D. O. Theis, R. Vicente, "MAXENT3D_PID", Entropy 21, 2019,
       doi:10.3390/e21090862.

    Examples
    --------
    >>> import fastpid
    >>> d = fastpid.decompose_many(fastpid.gates.parity(3))
    >>> round(d.synergy, 9), round(d.redundancy, 9)
    (1.0, 0.0)
    >>> d = fastpid.decompose_many(fastpid.gates.giant_bit(3))
    >>> round(d.redundancy, 9), round(d.synergy, 9)
    (1.0, 0.0)
    """
    options: dict[str, Any] = {
        "n_sources": n_sources,
        "sources": sources,
        "subsets": subsets,
        "method": method,
        "tol": tol,
        "max_iter": max_iter,
        "unit": unit,
        "threads": threads,
        "normalize": normalize,
        "on_failure": on_failure,
    }
    # A tensor argument implies that torch is already imported.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p, torch.Tensor):
        from fastpid.torch import decompose_many as of_tensors

        return of_tensors(p, **options)
    return of_arrays(p, **options)
