"""union_information() of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fastpid._base.quantities import Codes, Method, OnFailure, Unit
from fastpid._many import UnionInformation
from fastpid._solve.options import check_options, recall_options
from fastpid._solve.unions import check_source_shapes, explain_one_array
from fastpid.torch._checks import check_floating
from fastpid.torch._unions import solve_union


def union_information(
    marginals: Sequence[Tensor],
    *,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> UnionInformation:
    """Return what sources say without their synergy, differentiably by the marginals of each.

    :func:`fastpid.union_information` does the same for tensors; its parameters are explained there.

    Parameters
    ----------
    marginals : sequence of Tensor, each of shape (..., n_i, nz)
        Floating-point, all of one dtype and on one device. Computed in float64. On a CUDA device
        large batches of small problems are solved there, others on the CPU.
    method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.union_information`.

    Returns
    -------
    UnionInformation
        Tensors of the batch shape on the device of the marginals. `mi`, the bounds and the value
        have their dtype and are differentiable by them; `potentials` carry no gradient. `status`
        and `method` are :class:`~fastpid.result.Words`.

    Raises
    ------
    TypeError
        If the marginals are not dense floating-point tensors of one dtype.
    ValueError
        As :func:`fastpid.union_information`; for tensors on different devices.
    RuntimeError
        When differentiated twice.

    Notes
    -----
    The derivative by the marginal of a source is its potential, and a share of that of H(Z). It is
    exact along every change of the marginals that leaves all with the same p(z); what one of them
    may give another by target symbol is a matter of convention, and changes no such derivative.
    Where optimal potentials are not unique it is an element of the subdifferential, as that of
    :func:`fastpid.torch.decompose`.

    Examples
    --------
    >>> import torch, fastpid
    >>> p = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64, requires_grad=True)
    >>> fastpid.union_information([p, p, p]).value.backward()
    >>> p.grad.shape
    torch.Size([2, 2])
    """
    check = check_options if torch.compiler.is_compiling() else recall_options
    options = check(method, tol, max_iter, unit, threads, normalize, on_failure)
    tensors = check_sources(marginals)
    batch = check_source_shapes([tuple(t.shape) for t in tensors])
    dtype = tensors[0].dtype
    wide = [t.to(torch.float64).expand(*batch, *t.shape[-2:]) for t in tensors]
    terms, codes, potentials = solve_union(wide, options)

    def shown(nats: Tensor) -> Tensor:
        return (nats * options.scale).to(dtype)

    numbers = Codes(*codes.unbind(0))
    return UnionInformation(
        mi=shown(terms[:-2]),
        lower=shown(terms[-2]),
        upper=shown(terms[-1]),
        iterations=numbers.iterations,
        unit=options.result_unit,
        _status=numbers.status,
        _method=numbers.method,
        _marginals=tuple(_divided(t.detach(), options.normalize) for t in wide),
        _potentials=potentials.split([t.shape[-2] for t in wide], dim=-2),
        _tol=options.tol,
        _tensors=True,
    )


def _divided(marginal: Tensor, normalize: bool) -> Tensor:
    return marginal / marginal.sum(dim=(-2, -1), keepdim=True) if normalize else marginal


def check_sources(marginals: Any) -> list[Tensor]:
    """Return dense floating-point tensors of one dtype on one device."""
    if isinstance(marginals, Tensor):
        raise TypeError(explain_one_array(tuple(marginals.shape)))
    tensors = [
        check_floating(
            f"marginals[{i}]",
            tensor,
            f"pass marginals[{i}].double(), with normalize=True if it holds counts",
        )
        for i, tensor in enumerate(marginals)
    ]
    for i, tensor in enumerate(tensors):
        if tensor.dtype != tensors[0].dtype:
            raise TypeError(
                f"marginals[0] is {tensors[0].dtype} and marginals[{i}] is {tensor.dtype}; pass "
                f"all in one dtype, as with marginals[{i}].to(marginals[0].dtype)"
            )
        if tensor.device != tensors[0].device:
            raise ValueError(
                f"marginals[0] is on {tensors[0].device} and marginals[{i}] is on "
                f"{tensor.device}; pass marginals[{i}].to({str(tensors[0].device)!r})"
            )
    return tensors
