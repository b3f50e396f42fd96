"""The operators ``torch.ops.fastpid``: what torch needs to know of the kernel, and nothing else.

``solve_tables`` takes float64 tables (..., nx, ny, nz) and returns

* terms (5, ...), in nats, and codes (3, ...), int32, in the order of ``Terms`` and ``Codes``;
* p_xz (..., nx, nz), p_yz (..., ny, nz) and the potentials lam, mu of these shapes, in nats.

``solve_tables_backward`` is its vector-Jacobian product. Both run the compiled kernel behind the
dispatcher, so that autograd, ``torch.compile``, ``torch.vmap`` and autocast see one opaque operator
each; the tensors' memory is handed over by pointer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fastpid._base.quantities import Codes, Terms
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved, solve_tables
from fastpid._solve.threads import count_threads
from fastpid.result import Status
from fastpid.torch import _cuda

_LIBRARY = torch.library.Library("fastpid", "DEF")
_LIBRARY.define(
    "solve_tables(Tensor p, int method, float tol, int max_iter, int threads, bool normalize, "
    "str on_failure, str unit) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_LIBRARY.define(
    "solve_tables_backward(Tensor grad_terms, Tensor p, Tensor codes, Tensor p_xz, Tensor p_yz, "
    "Tensor lam, Tensor mu, int threads, bool normalize) -> Tensor",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_solve_tables = torch.ops.fastpid.solve_tables.default
_solve_tables_backward = torch.ops.fastpid.solve_tables_backward.default


def _options(*arguments: Any) -> SolveOptions:
    method, tol, max_iter, threads, normalize, on_failure, unit = arguments
    return SolveOptions(method, tol, max_iter, unit, threads, normalize, on_failure)


def _solve_on_cpu(p: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    solved = solve_tables(p.detach().contiguous().numpy(), _options(*arguments), potentials=True)
    solved.report("fastpid", "torch")
    batch = tuple(p.shape[:-3])
    rows = (array.reshape((-1, *batch)) for array in (solved.term_rows, solved.code_rows))
    parts = (solved.p_xz, solved.p_yz, solved.lam, solved.mu)
    others = (array.reshape(batch + array.shape[1:]) for array in parts)
    return tuple(map(torch.from_numpy, (*rows, *others)))


def _solve_on_cuda(p: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    options = _options(*arguments)
    batch = tuple(p.shape[:-3])
    flat = p.detach().contiguous().view(-1, *p.shape[-3:])
    out = _cuda.solve_tables(flat, options)
    terms, codes = out[:2]
    if options.on_failure != "ignore" and bool(Codes(*codes).status.any()):  # waits for the device
        solved = Solved(batch, options, *(tensor.cpu().numpy() for tensor in out))
        solved.check(flat.cpu().numpy())
        solved.report("fastpid", "torch")
    marginals_and_potentials = (tensor.view(batch + tensor.shape[1:]) for tensor in out[2:])
    return terms.view(-1, *batch), codes.view(-1, *batch), *marginals_and_potentials


def _backward_of(
    grad_terms: Tensor,
    p: Tensor,
    codes: Tensor,
    p_xz: Tensor,
    p_yz: Tensor,
    lam: Tensor,
    mu: Tensor,
    threads: int,
    normalize: bool,
) -> Tensor:
    def flat(tensor: Tensor, axes: int) -> Tensor:
        return tensor.detach().contiguous().view(-1, *tensor.shape[-axes:])

    mi_x, mi_y, mi_xy, lower, upper = grad_terms.detach().reshape(len(grad_terms), -1)
    # The bounds move with what they bound: the potentials support lower, union and upper alike, so
    # that each has the gradient of the union information, and their gap has none.
    weights = torch.stack([mi_x, mi_y, mi_xy, lower + upper], dim=1)
    invalid = Codes(*codes).status.reshape(-1, 1) == Status.INVALID.code
    weights = weights.masked_fill(invalid, 0.0).contiguous()
    tables = flat(p, 3)
    xz, yz, flat_lam, flat_mu = (flat(tensor, 2) for tensor in (p_xz, p_yz, lam, mu))
    if p.is_cuda:
        return _cuda.gradient(tables, xz, yz, flat_lam, flat_mu, weights, normalize).view(p.shape)
    out = kernel.gradient(
        tables.numpy(),
        xz.numpy(),
        yz.numpy(),
        flat_lam.numpy(),
        flat_mu.numpy(),
        weights.numpy(),
        normalize,
        count_threads(threads, p.numel()),
    )
    return torch.from_numpy(out).view(p.shape)


for _device, _forward in (("CPU", _solve_on_cpu), ("CUDA", _solve_on_cuda)):
    _LIBRARY.impl("solve_tables", _forward, _device)
    _LIBRARY.impl("solve_tables_backward", _backward_of, _device)


@torch.library.register_fake("fastpid::solve_tables", lib=_LIBRARY)
def _solve_tables_fake(p: Tensor, *_: Any) -> tuple[Tensor, ...]:
    batch = p.shape[:-3]
    nx, ny, nz = p.shape[-3:]
    return (
        p.new_empty((len(Terms._fields) - 1, *batch)),
        p.new_empty((3, *batch), dtype=torch.int32),
        *(p.new_empty((*batch, n, nz)) for n in (nx, ny, nx, ny)),
    )


@torch.library.register_fake("fastpid::solve_tables_backward", lib=_LIBRARY)
def _backward_fake(grad_terms: Tensor, p: Tensor, *_: Any) -> Tensor:
    return p.new_empty(p.shape)


# The derivative and the batching rule, for the two ways in: the operator, which torch.compile sees,
# and the autograd Function, which costs less in eager mode and knows torch.func's transforms.


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    options = _options(*inputs[1:])
    ctx.save_for_backward(inputs[0], *output[1:])
    ctx.options = (options.threads, options.normalize)
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
        # grad_terms and codes have one axis before the batch, the other tensors none.
        moved = list(args)
        for i, to in enumerate((1, 0, 1, 0, 0, 0, 0)):
            if in_dims[i] is not None:
                moved[i] = args[i].movedim(in_dims[i], to)
            else:
                shape = args[i].shape
                moved[i] = args[i].unsqueeze(to).expand(*shape[:to], info.batch_size, *shape[to:])
        return run(*moved), 0

    return vmap


class _SolveTablesBackward(torch.autograd.Function):
    @staticmethod
    def forward(*args: Any) -> Any:
        return _solve_tables_backward(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    backward = staticmethod(_refuse)
    vmap = staticmethod(_backward_vmap_by(lambda *args: _SolveTablesBackward.apply(*args)))


class _SolveTables(torch.autograd.Function):
    @staticmethod
    def forward(p: Tensor, *options: Any) -> Any:
        return _solve_tables(p, *options)

    setup_context = staticmethod(_save)
    backward = staticmethod(_backward_by(_SolveTablesBackward.apply))
    vmap = staticmethod(_vmap_by(lambda *args: _SolveTables.apply(*args)))


torch.library.register_autograd(
    "fastpid::solve_tables", _backward_by(_solve_tables_backward), setup_context=_save, lib=_LIBRARY
)
torch.library.register_autograd("fastpid::solve_tables_backward", _refuse, lib=_LIBRARY)
torch.library.register_vmap("fastpid::solve_tables", _vmap_by(_solve_tables), lib=_LIBRARY)
torch.library.register_vmap(
    "fastpid::solve_tables_backward", _backward_vmap_by(_solve_tables_backward), lib=_LIBRARY
)


# torch asks for the signature at every call, and reading it anew costs more than the dispatch.
_SolveTables.forward.__signature__ = inspect.signature(_SolveTables.forward)  # type: ignore[attr-defined]


def run_operator(p: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """Call the autograd Function in eager mode, the operator otherwise."""
    eager = p.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    out: tuple[Tensor, ...] = (_SolveTables.apply if eager else _solve_tables)(p, *arguments)
    return out
