"""The public decompose(): arrays go to the kernel, tensors to fastpid.torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import check_tables
from fastpid.result import Decomposition

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


@overload
def decompose(
    p: Tensor,
    *,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[Tensor]: ...
@overload
def decompose(
    p: np.ndarray[tuple[int, int, int], np.dtype[Any]],
    *,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[float]: ...
@overload
def decompose(
    p: np.ndarray[tuple[int, int, int, int], np.dtype[Any]],
    *,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[Floats]: ...
@overload
def decompose(
    p: ArrayLike,
    *,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[Any]: ...
def decompose(
    p: Any,
    *samples: Any,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Decomposition[Any]:
    """Decompose what two sources say about a target, with a certificate.

    Computes the BROJA partial information decomposition [1]_ of the joint distribution
    ``p[x, y, z]`` of the sources X and Y and the target Z: what they say about Z redundantly, each
    uniquely, and only together (synergy).

    Parameters
    ----------
    p : array_like or torch.Tensor, shape (..., nx, ny, nz)
        Joint probabilities; the last axis is the target. Leading axes are a batch, every table of
        which is solved and certified by itself. Computed in float64. For a tensor the results are
        tensors on its device and of its dtype, differentiable by p
        (:func:`fastpid.torch.decompose`).
    method : {"auto", "proxy", "gradient", "newton", "exact"}
        "proxy" is the closed-form two-sided bracket from the coupling that makes the sources
        independent given the target. "exact" is the closed form for targets with two symbols and
        for tables whose pairwise marginals determine them. "newton" is a primal-dual interior
        point, "gradient" accelerated mirror descent. "auto" takes a closed form where there is one,
        otherwise the method expected to reach `tol` sooner.
    tol : float
        The largest accepted gap ``upper - lower``, in `unit`.
    max_iter : int, optional
        Largest number of iterations, of each method that "auto" tries; by default 100 for "newton"
        and 5000 for "gradient".
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    threads : int, optional
        Threads over the batch, or within a table of some ten thousand cells or more; by default the
        environment variable ``FASTPID_NUM_THREADS`` or else the processors this process may run on.
        The results do not depend on it, bit for bit.
    normalize : bool
        Divide every table by its sum first (tables of counts, unnormalised weights). Otherwise
        every table must sum to 1 within 1e-6.
    on_failure : {"warn", "raise", "ignore"}
        What to do about tables whose gap stays above `tol`: a :class:`ConvergenceWarning`, a
        :class:`ConvergenceError` that carries the result, or nothing. Either way their bounds hold
        and their `status` says what happened. In a batch, tables that hold no probabilities (NaN,
        negative entries, a wrong sum) have status INVALID and NaN for results; under "raise", and
        wherever no table is valid, they raise ValueError.

    Returns
    -------
    Decomposition
        Floats for a single table, arrays of the batch shape otherwise; tensors if p is one.

    Raises
    ------
    ValueError
        For values that make no sense: `p` with fewer than three axes, an empty axis, ragged, or
        without a valid table in it; an unknown `method`, `unit` or `on_failure`; a `tol`,
        `max_iter` or `threads` out of range; ``method="exact"`` on a table that has no closed form.
    TypeError
        For types that make no sense: complex, boolean or object `p`, a string for `tol`; for
        samples instead of a table, a frame, a dict or a dit Distribution, with the name of the
        right call.
    ImportError
        For a tensor, if torch is too old (``pip install fastpid[torch]``).

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid
    >>> d = fastpid.decompose(fastpid.gates.xor())
    >>> d.synergy, d.redundancy
    (1.0, 0.0)
    >>> d.gap <= 1e-9
    True
    """
    if samples:
        raise TypeError(
            f"decompose() takes one table p[x, y, z]; got {1 + len(samples)} positional arguments. "
            "Samples are for fastpid.estimate(x, y, z), or are counted into a table by "
            "fastpid.joint.from_samples(x, y, z)"
        )
    # A tensor argument implies that torch is already imported.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p, torch.Tensor):
        from fastpid.torch import decompose as decompose_tensor

        return decompose_tensor(
            p,
            method=method,
            tol=tol,
            max_iter=max_iter,
            unit=unit,
            threads=threads,
            normalize=normalize,
            on_failure=on_failure,
        )
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    solved = solve_tables(check_tables(p), options)
    result = solved.result()
    solved.report("fastpid")
    return result
