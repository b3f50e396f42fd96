"""The operators ``torch.ops.fastpid``: what torch needs to know of the kernel, and nothing else.

``decompose`` takes float64 tables (..., nx, ny, nz) and returns

* values (11, ...): the atoms and informations in the order of ``result.VALUES``, in `unit`;
* codes (3, ...), int32: iterations, status, method;
* p_xz (..., nx, nz), p_yz (..., ny, nz) and the potentials lam, mu of these shapes, in nats.

``decompose_backward`` is its vector-Jacobian product. Both run the compiled kernel behind the
dispatcher, so that autograd, ``torch.compile``, ``torch.vmap`` and autocast see one opaque operator
each; the tensors' memory is handed over by pointer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._base.checks import NATS_PER_UNIT
from fastpid.result import VALUES, Status, named_values
from fastpid._solve.solve import Solved, count_workers, solve
from fastpid.torch import _cuda

__all__ = ["decompose"]

_LIBRARY = torch.library.Library("fastpid", "DEF")
_LIBRARY.define(
    "decompose(Tensor p, int method, float tol, int max_iter, str unit, int threads, "
    "bool normalize, str on_failure) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_LIBRARY.define(
    "decompose_backward(Tensor grad_values, Tensor p, Tensor codes, Tensor p_xz, Tensor p_yz, "
    "Tensor lam, Tensor mu, str unit, int threads, bool normalize) -> Tensor",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_decompose = torch.ops.fastpid.decompose.default
_decompose_backward = torch.ops.fastpid.decompose_backward.default

#: d(value) by d(mi_x, mi_y, mi_xy, union information). The bounds move with what they bound: the
#: potentials support all three of lower, union_information and upper; the gap stays as it is.
_JACOBIAN: dict[str, tuple[int, int, int, int]] = {
    "redundancy": (1, 1, 0, -1),
    "unique_x": (0, -1, 0, 1),
    "unique_y": (-1, 0, 0, 1),
    "synergy": (0, 0, 1, -1),
    "mi_x": (1, 0, 0, 0),
    "mi_y": (0, 1, 0, 0),
    "mi_xy": (0, 0, 1, 0),
    "union_information": (0, 0, 0, 1),
    "lower": (0, 0, 0, 1),
    "upper": (0, 0, 0, 1),
    "gap": (0, 0, 0, 0),
}
_JACOBIAN_ROWS = torch.tensor([_JACOBIAN[name] for name in VALUES], dtype=torch.float64)


def _decompose_cpu(p: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    options = SolveOptions(*arguments)
    solved = solve(p.detach().contiguous().numpy(), options, potentials=True)
    solved.report("fastpid", "torch")
    # Python's floats are quicker than arrays of one.
    single = p.dim() == 3
    named = _name(solved.informations[:, 0].tolist() if single else solved.informations, options)
    batch = tuple(p.shape[:-3])
    out = [np.array(named).reshape((-1, *batch)), solved.codes.reshape((3, *batch))]
    for array in (solved.p_xz, solved.p_yz, solved.lam, solved.mu):
        out.append(array.reshape(batch + array.shape[1:]))
    return tuple(map(torch.from_numpy, out))


def _decompose_cuda(p: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    options = SolveOptions(*arguments)
    batch = tuple(p.shape[:-3])
    flat = p.detach().contiguous().view(-1, *p.shape[-3:])
    out = _cuda.decompose(flat, options)
    informations, codes = out[:2]
    if options.on_failure != "ignore" and bool(codes[1].any()):  # waits for the device
        solved = Solved(batch, options, *(tensor.cpu().numpy() for tensor in out))
        solved.refuse(flat.cpu().numpy())
        solved.report("fastpid", "torch")
    values = torch.stack(_name(informations.unbind(0), options)).view(-1, *batch)
    marginals_and_potentials = (tensor.view(batch + tensor.shape[1:]) for tensor in out[2:])
    return values, codes.view(3, *batch), *marginals_and_potentials


def _name(informations: Any, options: SolveOptions) -> list[Any]:
    """From mi_x, mi_y, mi_xy, lower, upper in nats to VALUES in the unit asked for."""
    mi_x, mi_y, mi_xy, lower, upper = informations
    scale = 1.0 / NATS_PER_UNIT[options.unit]
    return [*named_values(mi_x, mi_y, mi_xy, 0.5 * (lower + upper), lower, upper, scale).values()]


def _backward_of(
    grad_values: Tensor,
    p: Tensor,
    codes: Tensor,
    p_xz: Tensor,
    p_yz: Tensor,
    lam: Tensor,
    mu: Tensor,
    unit: str,
    threads: int,
    normalize: bool,
) -> Tensor:
    def flat(tensor: Tensor, axes: int) -> Tensor:
        return tensor.detach().contiguous().view(-1, *tensor.shape[-axes:])

    grads = grad_values.detach().reshape(len(VALUES), -1)
    weights = grads.T @ _JACOBIAN_ROWS.to(p.device)
    weights = weights / NATS_PER_UNIT[unit]
    invalid = codes[1].reshape(-1, 1) == Status.INVALID
    weights = weights.masked_fill(invalid, 0.0).contiguous()
    tables = flat(p, 3)
    xz, yz, of_x, of_y = (flat(tensor, 2) for tensor in (p_xz, p_yz, lam, mu))
    if p.is_cuda:
        return _cuda.gradient(tables, xz, yz, of_x, of_y, weights, normalize).view(p.shape)
    out = kernel.gradient(
        tables.numpy(),
        xz.numpy(),
        yz.numpy(),
        of_x.numpy(),
        of_y.numpy(),
        weights.numpy(),
        normalize,
        count_workers(threads, p.numel()),
    )
    return torch.from_numpy(out).view(p.shape)


for _device, _forward in (("CPU", _decompose_cpu), ("CUDA", _decompose_cuda)):
    _LIBRARY.impl("decompose", _forward, _device)
    _LIBRARY.impl("decompose_backward", _backward_of, _device)


@torch.library.register_fake("fastpid::decompose", lib=_LIBRARY)
def _decompose_fake(p: Tensor, *_: Any) -> tuple[Tensor, ...]:
    batch = p.shape[:-3]
    nx, ny, nz = p.shape[-3:]
    return (
        p.new_empty((len(VALUES), *batch)),
        p.new_empty((3, *batch), dtype=torch.int32),
        *(p.new_empty((*batch, n, nz)) for n in (nx, ny, nx, ny)),
    )


@torch.library.register_fake("fastpid::decompose_backward", lib=_LIBRARY)
def _backward_fake(grad_values: Tensor, p: Tensor, *_: Any) -> Tensor:
    return p.new_empty(p.shape)


# The derivative and the batching rule, for the two ways in: the operator, which torch.compile sees,
# and the autograd Function, which costs less in eager mode and knows torch.func's transforms.


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    options = SolveOptions(*inputs[1:])
    ctx.save_for_backward(inputs[0], *output[1:])
    ctx.options = (options.unit, options.threads, options.normalize)
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)


def _refuse(ctx: Any, *_: Any) -> Any:
    raise RuntimeError(
        "fastpid.decompose cannot be differentiated twice: it has no second derivative where the "
        "support of its optimum changes. Use first derivatives, without create_graph=True"
    )


def _backward_by(run: Callable[..., Any]) -> Callable[..., Any]:
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        grad = None
        if grads[0] is not None:
            grad = run(grads[0], *ctx.saved_tensors, *ctx.options)
        return (grad, *(None for _ in range(7)))

    return backward


def _vmap_by(run: Callable[..., Any]) -> Callable[..., Any]:
    def vmap(info: Any, in_dims: tuple[Any, ...], p: Tensor, *options: Any) -> Any:
        return run(p.movedim(in_dims[0], 0), *options), (1, 1, 0, 0, 0, 0)

    return vmap


def _backward_vmap_by(run: Callable[..., Any]) -> Callable[..., Any]:
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        # grad_values and codes have one axis before the batch, the other tensors none.
        moved = list(args)
        for i, to in enumerate((1, 0, 1, 0, 0, 0, 0)):
            if in_dims[i] is not None:
                moved[i] = args[i].movedim(in_dims[i], to)
            else:
                shape = args[i].shape
                moved[i] = args[i].unsqueeze(to).expand(*shape[:to], info.batch_size, *shape[to:])
        return run(*moved), 0

    return vmap


class _DecomposeBackward(torch.autograd.Function):
    @staticmethod
    def forward(*args: Any) -> Any:
        return _decompose_backward(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    backward = staticmethod(_refuse)
    vmap = staticmethod(_backward_vmap_by(lambda *args: _DecomposeBackward.apply(*args)))


class _Decompose(torch.autograd.Function):
    @staticmethod
    def forward(p: Tensor, *options: Any) -> Any:
        return _decompose(p, *options)

    setup_context = staticmethod(_save)
    backward = staticmethod(_backward_by(_DecomposeBackward.apply))
    vmap = staticmethod(_vmap_by(lambda *args: _Decompose.apply(*args)))


torch.library.register_autograd(
    "fastpid::decompose", _backward_by(_decompose_backward), setup_context=_save, lib=_LIBRARY
)
torch.library.register_autograd("fastpid::decompose_backward", _refuse, lib=_LIBRARY)
torch.library.register_vmap("fastpid::decompose", _vmap_by(_decompose), lib=_LIBRARY)
torch.library.register_vmap(
    "fastpid::decompose_backward", _backward_vmap_by(_decompose_backward), lib=_LIBRARY
)


# torch asks for the signature at every call, and reading it anew costs more than the dispatch.
_Decompose.forward.__signature__ = inspect.signature(_Decompose.forward)  # type: ignore[attr-defined]


def decompose(p: Tensor, *options: Any) -> tuple[Tensor, ...]:
    """Run the operator, in the way that suits."""
    eager = p.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    out: tuple[Tensor, ...] = (_Decompose.apply if eager else _decompose)(p, *options)
    return out
