"""The public union_information(): what several sources say without their synergy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._many import UnionInformation
from fastpid._many import union_information as of_arrays

if TYPE_CHECKING:
    from torch import Tensor


def union_information(
    marginals: Sequence[ArrayLike] | Sequence[Tensor],
    *,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> UnionInformation:
    """Return what M >= 2 sources say about a target without their synergy, with certified bounds.

    The union information of Bertschinger et al. [1]_ is the least I_q(X_1, ..., X_M; Z) of all
    distributions q that share the marginals (x_i, z) with the true one, so these marginals are all
    that it depends on. For two sources it is the `union_information` of
    :func:`fastpid.decompose_marginals`. For a binary target it has a closed form for thousands of
    sources.

    Parameters
    ----------
    marginals : sequence of array_like or of torch.Tensor, each of shape (..., n_i, nz)
        Probabilities p(x_i, z), one array a source; the last axis is the target. Leading axes are a
        batch, and are broadcast against one another. All must have the same p(z): they may differ
        by 1e-6 nowhere, and differences beyond rounding are taken out before anything is solved,
        by giving all the geometric mean of the p(z).
    method : {"auto", "proxy", "gradient", "newton", "exact"}
        As for :func:`fastpid.decompose`. "auto" takes the closed form for a binary target, then the
        interior point over all tuples of symbols, or mirror descent where these are so many that
        its system would not fit.
    tol : float
        The largest accepted gap, in `unit`.
    max_iter : int, optional
        The limit of the iterative methods; their own by default.
    unit : {"bits", "nats"}
    threads : int, optional
        For batches; by default all processors, or ``FASTPID_NUM_THREADS``. Results do not depend on
        it.
    normalize : bool
        Divide each marginal by its sum first. Otherwise each must sum to 1 within 1e-6.
    on_failure : {"warn", "raise", "ignore"}
        What to do about problems that stay outside `tol` (their bounds hold), and about those of a
        batch that hold no distributions of one p(z): NaN and the status "invalid" stand for them.

    Returns
    -------
    UnionInformation
        Of tensors it holds tensors: see :func:`fastpid.torch.union_information`.

    Raises
    ------
    ValueError
        For fewer than two sources; for marginals that are no distributions, or whose p(z) differ
        (with the pair and the difference), if there are no others in the batch or under
        ``on_failure="raise"``; for batches or numbers of target symbols that do not go
        together; for a target that is not binary, where tuples of symbols (those with the same
        posterior merged) times target symbols are more than 1e8; for unknown options.
    TypeError
        For values that are not real numbers; for one array in the place of a sequence; for tensors
        beside arrays.
    ConvergenceError
        Under ``on_failure="raise"``.

    See Also
    --------
    fastpid.decompose_many : From the joint table, with all that follows from it.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid
    >>> p = fastpid.gates.parity(3)
    >>> each = [p.sum(axis=(1, 2)), p.sum(axis=(0, 2)), p.sum(axis=(0, 1))]
    >>> fastpid.union_information(each).value
    0.0
    """
    options: dict[str, Any] = {
        "method": method,
        "tol": tol,
        "max_iter": max_iter,
        "unit": unit,
        "threads": threads,
        "normalize": normalize,
        "on_failure": on_failure,
    }
    given: Any = marginals if hasattr(marginals, "shape") else list(marginals)
    # A tensor argument implies that torch is already imported.
    torch = sys.modules.get("torch")
    if torch is not None and (
        isinstance(given, torch.Tensor) or any(isinstance(m, torch.Tensor) for m in given)
    ):
        from fastpid.torch import union_information as of_tensors

        return of_tensors(given, **options)
    return of_arrays(given, **options)
