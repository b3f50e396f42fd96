"""decompose_marginals() of tensors."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from fastpid._base.quantities import NATS_PER_UNIT, Method, OnFailure, Unit
from fastpid._solve.marginals import (
    check_marginal_shapes,
    check_mi_xy,
    check_mi_xy_shape,
)
from fastpid._solve.options import check_options, recall_options
from fastpid.result import Decomposition, Status
from fastpid.torch import _ops
from fastpid.torch._checks import array_of, check_floating
from fastpid.torch._decompose import run


def decompose_marginals(
    p_xz: Tensor,
    p_yz: Tensor,
    *,
    mi_xy: Tensor | float | None = None,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Decomposition[Tensor]:
    """Decompose tensors of pairwise marginals, differentiably by both.

    :func:`fastpid.decompose_marginals` does the same for tensors.

    Parameters
    ----------
    p_xz : Tensor, shape (..., nx, nz)
        Floating-point, on the CPU or a CUDA device. Computed in float64.
    p_yz : Tensor, shape (..., ny, nz)
        On the same device, of the same dtype.
    mi_xy : Tensor or float, optional
        The synergy carries its gradient, too.
    method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.decompose_marginals`.

    Returns
    -------
    Decomposition
        As :func:`fastpid.torch.decompose` returns it.

    Raises
    ------
    TypeError
        If the marginals are not dense floating-point tensors of one dtype.
    ValueError
        As :func:`fastpid.decompose_marginals`; for tensors on different devices. Under
        torch.compile and vmap the values of `mi_xy` are not looked at.
    RuntimeError
        When differentiated twice.

    Notes
    -----
    The gradients come from the dual potentials, as those of :func:`fastpid.torch.decompose`. They
    are exact along every change of both marginals that leaves them with the same p(z); what one of
    them may give the other by target symbol is a matter of convention, and changes no such
    derivative.

    Examples
    --------
    >>> import torch, fastpid
    >>> p = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64, requires_grad=True)
    >>> fastpid.decompose_marginals(p, p).redundancy.backward()
    >>> p.grad.shape
    torch.Size([2, 2])
    """
    check = check_options if torch.compiler.is_compiling() else recall_options
    options = check(method, tol, max_iter, unit, threads, normalize, on_failure)
    for name, tensor in (("p_xz", p_xz), ("p_yz", p_yz)):
        check_floating(
            name, tensor, f"pass {name}.double(), with normalize=True if it holds counts"
        )
    batch = check_marginal_shapes(tuple(p_xz.shape), tuple(p_yz.shape))
    if p_xz.dtype != p_yz.dtype:
        raise TypeError(
            f"p_xz is {p_xz.dtype} and p_yz is {p_yz.dtype}; pass both in one dtype, as with "
            "p_yz.to(p_xz.dtype)"
        )
    if p_xz.device != p_yz.device:
        raise ValueError(
            f"p_xz is on {p_xz.device} and p_yz is on {p_yz.device}; pass "
            f"p_yz.to({str(p_xz.device)!r})"
        )
    tensors = tuple(
        tensor.to(torch.float64).expand(*batch, *tensor.shape[-2:]) for tensor in (p_xz, p_yz)
    )
    d = run(_ops.decompose_marginals, tensors, options, p_xz.dtype)
    return d if mi_xy is None else _with_mi_xy(d, mi_xy)


def _with_mi_xy(d: Decomposition[Tensor], mi_xy: Any) -> Decomposition[Tensor]:
    terms, codes = d._terms, d._codes
    total = torch.as_tensor(mi_xy, dtype=torch.float64, device=terms.lower.device)
    check_mi_xy_shape(tuple(total.shape), d.shape)
    total = total.expand(d.shape)
    values, lower, status = map(array_of, (total, terms.lower, codes.status))
    if values is not None and lower is not None and status is not None:
        check_mi_xy(values, lower, status, unit=d.unit)
    invalid = codes.status == Status.INVALID.code
    nats = (total * NATS_PER_UNIT[d.unit]).masked_fill(invalid, torch.nan)
    return dataclasses.replace(d, _terms=terms._replace(mi_xy=nats))
