"""decompose() of covariances: arrays go to the kernel, tensors to fastpid.torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import OnFailure, Unit
from fastpid._solve.gaussian.covariances import check_covariances
from fastpid._solve.gaussian.result import GaussianDecomposition
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import recall_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    Sizes = Sequence[int] | Sequence[Sequence[int]]


@overload
def decompose(
    cov: Tensor,
    sizes: Sizes,
    *,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    on_failure: OnFailure = ...,
) -> GaussianDecomposition[Tensor]: ...
@overload
def decompose(
    cov: np.ndarray[tuple[int, int], np.dtype[Any]],
    sizes: Sizes,
    *,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    on_failure: OnFailure = ...,
) -> GaussianDecomposition[float]: ...
@overload
def decompose(
    cov: np.ndarray[tuple[int, int, int], np.dtype[Any]],
    sizes: Sizes,
    *,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    on_failure: OnFailure = ...,
) -> GaussianDecomposition[NDArray[np.float64]]: ...
@overload
def decompose(
    cov: ArrayLike,
    sizes: Sizes,
    *,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    on_failure: OnFailure = ...,
) -> GaussianDecomposition[Any]: ...
def decompose(
    cov: Any,
    sizes: Any,
    *,
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    on_failure: OnFailure = "warn",
) -> GaussianDecomposition[Any]:
    """Decompose what two Gaussian sources say about a Gaussian target, with a certificate.

    Computes the BROJA partial information decomposition [1]_ of jointly Gaussian X, Y and Z from
    their covariance: what X and Y say about Z redundantly, each uniquely, and only together. Among
    all joint distributions that keep those of (X, Z) and of (Y, Z), a Gaussian one has the least
    I(X, Y; Z) [2]_, so that the search is over the covariance of X and Y alone.

    Parameters
    ----------
    cov : array_like or torch.Tensor, shape (..., m + n + d, m + n + d)
        Covariance matrices; leading axes are a batch, every matrix of which is solved and certified
        by itself. Units of the variables do not matter. A singular covariance is reduced exactly:
        variables that repeat others (up to rounding, some 1e-14 of their variance) are left out,
        which changes no information. Computed in float64. For a tensor the results are tensors
        on its device and of its dtype, differentiable by cov; the solve itself is on the CPU.
    sizes : (int, int, int) or three sequences of int
        The dimensions (m, n, d) of X, Y and the target Z, which cov has in this order; or the
        columns of each, which need not be all.
    tol : float
        The largest accepted gap ``upper - lower``, in `unit`.
    max_iter : int, optional
        Largest number of Newton steps, 100 by default; some 5 to 20 are needed.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    threads : int, optional
        Threads over the batch; by default the environment variable ``FASTPID_NUM_THREADS`` or else
        the processors this process may run on. The results do not depend on it, bit for bit.
    on_failure : {"warn", "raise", "ignore"}
        What to do about covariances whose gap stays above `tol`: a
        :class:`~fastpid.ConvergenceWarning`, a :class:`~fastpid.ConvergenceError` that carries the
        result, or nothing; their bounds hold either way. In a batch, matrices that are no
        covariances, or hold infinite information, have status INVALID and NaN for results; under
        "raise", and wherever no matrix is valid, they raise ValueError.

    Returns
    -------
    GaussianDecomposition
        Floats for a single covariance, arrays of the batch shape otherwise; tensors if cov is one.
        `method` is "exact"
        where a source is a degraded version of the other (always, if Z is one-dimensional), and
        "newton" otherwise. ``coupling()`` is the covariance of X and Y that attains the bound,
        `potentials` the estimator and the error precision that prove it.

    Raises
    ------
    ValueError
        For a `cov` that is not square, empty, not finite, not symmetric or not positive
        semidefinite (by how much is said); for information that is infinite, because X and Y
        determine a combination of the target, which is named, or that double precision cannot tell
        from infinite; for `sizes` that do not add up or
        name a column twice; for an unknown `unit` or `on_failure`, a `tol`, `max_iter` or `threads`
        out of range.
    TypeError
        For complex, boolean or object `cov`; for `sizes` that are neither three numbers nor three
        lists of columns.
    RuntimeError
        When tensors are differentiated twice, or where cov is singular.
    ImportError
        For a tensor, if torch is too old (``pip install fastpid[torch]``).

    Notes
    -----
    Rounding of cov itself moves every information by some eps / v nats, v being the least
    eigenvalue of the correlation matrix and eps 2.2e-16: 1e-12 where correlations reach 0.9999. The
    bracket of the union information, given the mutual informations, includes that: where it is more
    than `tol`, the gap is wider and the status "stalled". Below some 1e-10 nats `tol` may also be
    out of reach where the two sources coincide in a direction of the target.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.
    .. [2] W. Zhao, A. Balachandran, C. Tian, P. P. Liang, "Partial information decomposition via
       normalizing flows in latent Gaussian distributions", NeurIPS 2025, arXiv:2510.04417.

    Examples
    --------
    X and Y see the same number, each through its own noise:

    >>> import fastpid
    >>> cov = [[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 1.0]]
    >>> d = fastpid.gaussian.decompose(cov, (1, 1, 1))
    >>> round(d.redundancy, 6), round(d.unique_x, 6), round(d.synergy, 6)
    (0.5, 0.0, 0.292481)
    """
    options = recall_options("auto", tol, max_iter, unit, threads, False, on_failure)
    # A tensor argument implies that torch is already imported.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(cov, torch.Tensor):
        from fastpid.torch._gaussian import decompose as decompose_tensor

        return decompose_tensor(cov, sizes, options)
    solved = solve_covariances(*check_covariances(cov, sizes), options)
    result = solved.result()
    solved.report("fastpid")
    return result
