"""decompose() of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastpid._base.quantities import Codes, Method, OnFailure, Terms, Unit
from fastpid._solve.options import SolveOptions, check_options, recall_options
from fastpid._solve.solution import KernelSolution
from fastpid.result import Decomposition
from fastpid.torch import _ops
from fastpid.torch._checks import check_table_tensor


def decompose(
    p: Tensor,
    *,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Decomposition[Tensor]:
    """Decompose a tensor of joint distributions, differentiably.

    :func:`fastpid.decompose` does the same for tensors.

    Parameters
    ----------
    p : Tensor, shape (..., nx, ny, nz)
        Floating-point, on the CPU or a CUDA device. Computed in float64.
    method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.decompose`.

    Returns
    -------
    Decomposition
        Tensors of the batch shape, on p's device. Atoms, mutual information and bounds have p's
        dtype and are differentiable by p. `iterations` is an int32 tensor; `status` and `method`
        are :class:`~fastpid.result.Words`, which compare with words elementwise.

    Raises
    ------
    TypeError
        If `p` is not a dense floating-point tensor.
    ValueError
        As :func:`fastpid.decompose`. On a CUDA device the search for failures waits for the device;
        ``on_failure="ignore"`` does not.
    RuntimeError
        When differentiated twice.

    Notes
    -----
    The gradient comes from the dual potentials by Danskin's theorem; no iteration is unrolled. With
    a certified gap e it is an e-subgradient of the convex part of the union information. It is the
    same for `lower`, `union_information` and `upper`, and zero for `gap`. It is finite everywhere:
    where a probability is zero, a log posterior counts as -50 nats, symbols and pairs without mass
    are taken to say nothing, and target symbols without mass get zero. Tables of status INVALID get
    zero, too.

    Examples
    --------
    >>> import torch, fastpid
    >>> logits = torch.zeros(2, 2, 2, dtype=torch.float64, requires_grad=True)
    >>> p = logits.flatten().softmax(0).view(2, 2, 2)
    >>> fastpid.decompose(p).synergy.backward()
    >>> logits.grad.shape
    torch.Size([2, 2, 2])
    """
    # Dynamo looks through caches, and says so.
    check = check_options if torch.compiler.is_compiling() else recall_options
    options = check(method, tol, max_iter, unit, threads, normalize, on_failure)
    check_table_tensor(p)
    return run(_ops.solve_tables, (p.to(torch.float64),), options, p.dtype)


def run(
    operator: _ops.Operator,
    tensors: tuple[Tensor, ...],
    options: SolveOptions,
    dtype: torch.dtype,
) -> Decomposition[Tensor]:
    """Return what an operator makes of tensors of float64, as values of another dtype."""
    terms, codes, p_xz, p_yz, lam, mu = operator(
        *tensors,
        *(options.method, options.tol, options.max_iter, options.threads, options.normalize),
        *(options.on_failure, options.unit),
    )
    return Decomposition(
        Terms(*terms.unbind(0)),
        Codes(*codes.unbind(0)),
        options.result_unit,
        _solution=_TensorSolution(codes, p_xz, p_yz, lam, mu, options),
        _dtype=dtype,
    )


class _TensorSolution:
    """The solution behind a result, as tensors that carry no gradient."""

    def __init__(
        self,
        codes: Tensor,
        p_xz: Tensor,
        p_yz: Tensor,
        lam: Tensor,
        mu: Tensor,
        options: SolveOptions,
    ) -> None:
        self._codes = codes
        self._p_xz = p_xz
        self._p_yz = p_yz
        self._lam = lam
        self._mu = mu
        self._options = options

    def __getitem__(self, key: Any) -> _TensorSolution:
        batch = tuple(self._codes.shape[1:])
        rows = np.asarray(np.arange(int(np.prod(batch))).reshape(batch)[key])
        flat = torch.as_tensor(rows.ravel(), device=self._codes.device)

        def part(tensor: Tensor) -> Tensor:
            inner = tensor.shape[len(batch) :]
            return tensor.reshape((-1, *inner))[flat].reshape((*rows.shape, *inner))

        codes = torch.stack([part(row) for row in self._codes])
        p_xz, p_yz, lam, mu = map(part, (self._p_xz, self._p_yz, self._lam, self._mu))
        return _TensorSolution(codes, p_xz, p_yz, lam, mu, self._options)

    @property
    def potentials(self) -> tuple[Tensor, Tensor]:
        return self._lam, self._mu

    def coupling(self) -> Tensor:
        """Solve again, on the CPU, for the primal solution."""
        batch = tuple(self._p_xz.shape[:-2])
        p_xz, p_yz, codes = (t.cpu().numpy() for t in (self._p_xz, self._p_yz, self._codes))
        solution = KernelSolution(
            p_xz.reshape((-1, *p_xz.shape[-2:])),
            p_yz.reshape((-1, *p_yz.shape[-2:])),
            codes.reshape((3, -1)),
            batch,
            self._options,
        )
        q: Tensor = torch.from_numpy(solution.coupling()).to(self._p_xz.device)
        return q
