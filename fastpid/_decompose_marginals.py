"""The public decompose_marginals(): what decompose() does, from the pairwise marginals alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._solve.marginals import check_marginals, know_mi_xy
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve
from fastpid.result import Decomposition

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
Matrix = np.ndarray[tuple[int, int], np.dtype[Any]]


@overload
def decompose_marginals(
    p_xz: Tensor,
    p_yz: Tensor,
    *,
    mi_xy: Tensor | float | None = ...,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[Tensor]: ...
@overload
def decompose_marginals(
    p_xz: Matrix,
    p_yz: Matrix,
    *,
    mi_xy: float | None = ...,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[float]: ...
@overload
def decompose_marginals(
    p_xz: ArrayLike,
    p_yz: ArrayLike,
    *,
    mi_xy: ArrayLike | None = ...,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    normalize: bool = ...,
    on_failure: OnFailure = ...,
) -> Decomposition[Any]: ...
def decompose_marginals(
    p_xz: Any,
    p_yz: Any,
    *,
    mi_xy: Any = None,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Decomposition[Any]:
    """Decompose what two sources say about a target from the marginals of each with the target.

    The union information, the redundancy and both unique informations [1]_ depend on the joint
    distribution of X, Y and Z only through p(x, z) and p(y, z). This is :func:`fastpid.decompose`
    for who has these two and no joint table: because it was never observed (X and Y measured in
    different experiments), or because it would not fit into memory, of which this takes what the
    marginals do. Only the synergy needs I(X, Y; Z) besides: pass it as `mi_xy` if it is known from
    elsewhere.

    Parameters
    ----------
    p_xz : array_like or torch.Tensor, shape (..., nx, nz)
        Probabilities p(x, z) of the first source and the target; the last axis is the target.
        Leading axes are a batch, and are broadcast against those of `p_yz`: one source can be
        combined with many others.
    p_yz : array_like or torch.Tensor, shape (..., ny, nz)
        Probabilities p(y, z). Both must have the same p(z): they may differ by 1e-6 nowhere.
        Differences beyond rounding, of single precision for example, are taken out before anything
        is solved: both marginals get the geometric mean of the two p(z).
    mi_xy : float or array_like, optional
        I(X, Y; Z) in `unit`, a number or one for every entry of the batch. It gives the synergy,
        ``mi_xy - union_information``, and nothing else: it is not used to narrow the bracket, which
        the marginals alone prove. Without it `mi_xy` and `synergy` of the result are NaN.
    method, tol, max_iter, unit, threads, on_failure
        As for :func:`fastpid.decompose`.
    normalize : bool
        Divide each marginal by its sum first (tables of counts). Otherwise each must sum to 1
        within 1e-6.

    Returns
    -------
    Decomposition
        What :func:`fastpid.decompose` returns, to the last bit where I(X, Y; Z) did not narrow its
        bracket. :meth:`~fastpid.Decomposition.coupling`, of shape (..., nx, ny, nz), is formed when
        it is asked for.

    Raises
    ------
    ValueError
        As :func:`fastpid.decompose` does; for marginals whose p(z) differ, with the largest
        difference; for numbers of target symbols or batches that do not go together; for `mi_xy`
        that is negative, not finite, or more than 1e-6 below the certified lower bound of the union
        information.
    TypeError
        As :func:`fastpid.decompose` does; for a tensor beside an array.

    See Also
    --------
    fastpid.decompose : From the joint table.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161; its Lemma 4 says what depends on the marginals
       alone.

    Examples
    --------
    >>> import fastpid
    >>> p = fastpid.gates.and_()
    >>> d = fastpid.decompose_marginals(p.sum(axis=1), p.sum(axis=0))
    >>> round(d.redundancy, 6), d.synergy
    (0.311278, nan)
    >>> total = fastpid.decompose(p).mi_xy
    >>> round(fastpid.decompose_marginals(p.sum(axis=1), p.sum(axis=0), mi_xy=total).synergy, 6)
    0.5
    """
    # A tensor argument implies that torch is already imported.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p_xz, torch.Tensor):
        from fastpid.torch import decompose_marginals as decompose_tensors

        return decompose_tensors(
            p_xz,
            p_yz,
            mi_xy=mi_xy,
            method=method,
            tol=tol,
            max_iter=max_iter,
            unit=unit,
            threads=threads,
            normalize=normalize,
            on_failure=on_failure,
        )
    if torch is not None and isinstance(p_yz, torch.Tensor):
        raise TypeError(
            f"p_yz is a torch tensor and p_xz is {type(p_xz).__name__}; pass both as tensors or "
            "both as arrays"
        )
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    solved = solve(check_marginals(p_xz, p_yz), options)
    if mi_xy is not None:
        know_mi_xy(solved, mi_xy)
    result = solved.result()
    solved.report("fastpid")
    return result
