"""The operators ``torch.ops.fastpid``: what torch needs to know of the kernel, and nothing else.

``solve_tables`` takes float64 tables (..., nx, ny, nz), ``decompose_marginals`` pairs of marginals
(..., nx, nz) and (..., ny, nz), and both return

* terms (5, ...), in nats, and codes (3, ...), int32, in the order of ``Terms`` and ``Codes``;
* p_xz (..., nx, nz), p_yz (..., ny, nz) and the potentials lam, mu of these shapes, in nats.

``solve_tables_backward`` and ``decompose_marginals_backward`` are their vector-Jacobian products;
derivatives in forward mode are made of these. All run the compiled kernel behind the dispatcher, so
that autograd, ``torch.compile``, ``torch.vmap`` and autocast see one opaque operator each; the
tensors' memory is handed over by pointer.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from fastpid._base.quantities import Codes, Terms
from fastpid._solve.given import Given
from fastpid._solve.marginals import GivenMarginals
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved, solve
from fastpid._solve.tables import GivenTables
from fastpid.result import Status
from fastpid.torch import _cuda

_LIBRARY = torch.library.Library("fastpid", "DEF")
_OPTIONS = (
    "int method, float tol, int max_iter, int threads, bool normalize, str on_failure, str unit"
)
_N_OPTIONS = 7


def _options(*arguments: Any) -> SolveOptions:
    method, tol, max_iter, threads, normalize, on_failure, unit = arguments
    return SolveOptions(method, tol, max_iter, unit, threads, normalize, on_failure)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _refuse(ctx: Any, *_: Any) -> Any:
    raise RuntimeError(
        "fastpid's decompositions cannot be differentiated twice: they have no second derivative "
        "where the support of the optimum changes. Use first derivatives, without "
        "create_graph=True"
    )


class Operator(ABC):
    """One way into the kernel: an operator, its vector-Jacobian product, and their rules in torch.

    There are three ways to each: the operator, which torch.compile sees; an autograd Function that
    knows torch.func's transforms and forward-mode derivatives; and, for plain tensors of the CPU,
    the kernel itself or a Function of the older form, which cost half of what the others do.

    Parameters
    ----------
    name : str
        Of the operator; that of its product ends in ``_backward``.
    inputs : tuple of str
        What the problem is given by, as tensors of float64.
    axes : int
        Of each input, behind the batch.
    parts : tuple of str
        What is returned behind terms and codes, as tensors that begin with the batch.
    layout : str
        Arguments behind the options, if there are any: how the inputs are to be read.
    """

    def __init__(
        self,
        name: str,
        inputs: tuple[str, ...],
        axes: int,
        parts: tuple[str, ...],
        layout: str = "",
    ) -> None:
        self._n = len(inputs)
        self._axes = axes
        self._n_parts = len(parts)
        self._n_layout = layout.count(",") + 1 if layout else 0
        tensors = ", ".join(f"Tensor {one}" for one in inputs)
        solved = ", ".join(f"Tensor {one}" for one in ("codes", *parts))
        out = "Tensor" if self._n == 1 else f"({', '.join(['Tensor'] * self._n)})"
        results = ", ".join(["Tensor"] * (2 + len(parts)))
        more = f", {layout}" if layout else ""
        for signature in (
            f"{name}({tensors}, {_OPTIONS}{more}) -> ({results})",
            f"{name}_backward(Tensor grad_terms, {tensors}, {solved}, int threads, "
            f"bool normalize{more}) -> {out}",
        ):
            _LIBRARY.define(signature, tags=(torch.Tag.pt2_compliant_tag,))
        self._forward = getattr(torch.ops.fastpid, name).default
        self._backward = getattr(torch.ops.fastpid, f"{name}_backward").default
        for device in ("CPU", "CUDA"):
            solve_on = getattr(self, f"_solve_on_{device.lower()}")
            _LIBRARY.impl(name, _seeing_tangents(solve_on), device)
            _LIBRARY.impl(f"{name}_backward", self._gradients_of, device)
        self._plain = self._make_plain_function()
        self._function, self._product = self._make_functions()
        self._register_rules(f"fastpid::{name}")

    def __call__(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Take the way that costs least and knows what is asked for."""
        forward_mode = forward_ad._current_level >= 0
        tensors = arguments[: self._n]
        run: Callable[..., tuple[Tensor, ...]] = self._forward
        if not torch.compiler.is_compiling():
            recorded = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
            if not forward_mode and _is_plain(tensors):
                run = self._plain.apply if recorded else self._solve_on_cpu
            elif forward_mode or recorded:
                run = self._function.apply
        return run(*arguments)

    def _split(self, arguments: Sequence[Any]) -> tuple[SolveOptions, tuple[Any, ...]]:
        """Return the options, and the layout, from what stands behind the inputs."""
        return _options(*arguments[:_N_OPTIONS]), tuple(arguments[_N_OPTIONS:])

    # The kernel -----------------------------------------------------------------------------

    @abstractmethod
    def _solve_on_cpu(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Return the terms, and what the gradient takes, of tensors of the host."""

    @abstractmethod
    def _solve_on_cuda(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Return the same of tensors of a CUDA device."""

    @abstractmethod
    def _gradients_of(self, grad_terms: Tensor, *arguments: Any) -> Any:
        """Return the gradients by the inputs."""

    @abstractmethod
    def _fake(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Return empty tensors of the shapes of a solve."""

    # What torch asks ------------------------------------------------------------------------

    def _fake_backward(self, grad_terms: Tensor, *arguments: Any) -> Any:
        out = tuple(tensor.new_empty(tensor.shape) for tensor in arguments[: self._n])
        return out if self._n > 1 else out[0]

    def _save(self, ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        options, layout = self._split(inputs[self._n :])
        saved = (*inputs[: self._n], *output[1:])
        ctx.save_for_backward(*saved)
        if forward_ad._current_level >= 0:
            ctx.save_for_forward(*saved)
        ctx.options = (options.threads, options.normalize, *layout)
        ctx.n_terms = len(output[0])
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)

    def _backward_by(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def backward(ctx: Any, *grads: Tensor | None) -> Any:
            found: tuple[Any, ...] = (None,) * self._n
            if grads[0] is not None:
                found = _tuple(run(grads[0], *ctx.saved_tensors, *ctx.options))
            return (*found, *(None for _ in range(_N_OPTIONS + self._n_layout)))

        return backward

    def _vmap_by(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
            moved = _moved(info, in_dims, arguments, (0,) * self._n)
            return run(*moved), (1, 1, *(0,) * self._n_parts)

        return vmap

    def _backward_vmap_by(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
            # grad_terms and codes have one axis before the batch, the other tensors none.
            places = (1, *(0,) * self._n, 1, *(0,) * self._n_parts)
            out = run(*_moved(info, in_dims, arguments, places))
            return out, (0,) * self._n if self._n > 1 else 0

        return vmap

    def _forward_mode_by(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
            saved = ctx.saved_tensors
            given = [
                torch.zeros_like(one) if tangent is None else tangent
                for one, tangent in zip(saved[: self._n], tangents, strict=False)
            ]
            batch = saved[0].dim() - self._axes
            moves = []
            one, zero = (saved[0].new_full(saved[0].shape[:batch], v) for v in (1.0, 0.0))
            for term in range(ctx.n_terms):
                # Nothing in place: linearize() folds constants, and would fold them without it.
                only = torch.stack([one if t == term else zero for t in range(ctx.n_terms)])
                grads = _tuple(run(only, *saved, *ctx.options))
                moves.append(
                    sum(
                        (grad * tangent).flatten(batch).sum(-1)
                        for grad, tangent in zip(grads, given, strict=True)
                    )
                )
            return torch.stack(moves), *(None for _ in range(1 + self._n_parts))

        return jvp

    def _make_plain_function(self) -> type[torch.autograd.Function]:
        operator = self

        class Plain(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *args: Any) -> Any:
                output = operator._solve_on_cpu(*args)
                operator._save(ctx, args, output)
                return output

            backward = staticmethod(self._backward_by(lambda *args: operator._product.apply(*args)))

        return Plain

    def _make_functions(
        self,
    ) -> tuple[type[torch.autograd.Function], type[torch.autograd.Function]]:
        operator = self

        class Backward(torch.autograd.Function):
            @staticmethod
            def forward(*args: Any) -> Any:
                return operator._backward(*args)

            @staticmethod
            def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
                pass

            backward = staticmethod(_refuse)
            jvp = staticmethod(_refuse)
            vmap = staticmethod(self._backward_vmap_by(lambda *args: Backward.apply(*args)))

        class Forward(torch.autograd.Function):
            @staticmethod
            def forward(*args: Any) -> Any:
                return operator._forward(*args)

            setup_context = staticmethod(self._save)
            backward = staticmethod(self._backward_by(lambda *args: Backward.apply(*args)))
            jvp = staticmethod(self._forward_mode_by(lambda *args: Backward.apply(*args)))
            vmap = staticmethod(self._vmap_by(lambda *args: Forward.apply(*args)))

        # torch asks for the signature at every call, and reading it anew costs more than the
        # dispatch.
        Forward.forward.__signature__ = inspect.signature(Forward.forward)  # type: ignore[attr-defined]
        return Forward, Backward

    def _register_rules(self, name: str) -> None:
        library = torch.library
        backward = self._backward_by(self._backward)
        library.register_fake(name, _seeing_tangents(self._fake), lib=_LIBRARY)
        library.register_fake(f"{name}_backward", self._fake_backward, lib=_LIBRARY)
        library.register_autograd(name, backward, setup_context=self._save, lib=_LIBRARY)
        library.register_autograd(f"{name}_backward", _refuse, lib=_LIBRARY)
        library.register_vmap(name, self._vmap_by(self._forward), lib=_LIBRARY)
        library.register_vmap(
            f"{name}_backward", self._backward_vmap_by(self._backward), lib=_LIBRARY
        )


def _is_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether these are numbers in the memory of the CPU, and nobody watches what is done."""
    return (
        all(type(tensor) is Tensor and tensor.is_cpu for tensor in tensors)
        and torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._len_torch_dispatch_stack() == 0
    )


def _seeing_tangents(run: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse what would lose tangents: operators know none, and torch would take them for zero.

    The Functions, which do know them, call the operators with forward mode off; torch.compile,
    whose trace Dynamo makes without regard to open levels, calls them with it on.
    """

    def seeing(*arguments: Any) -> Any:
        if forward_ad._current_level >= 0 and torch._C._is_fwd_grad_enabled():
            raise RuntimeError(
                "fastpid's decompositions have no forward-mode derivative under torch.compile; "
                "call torch.func.jvp without it, or take reverse-mode derivatives"
            )
        return run(*arguments)

    return seeing


def _moved(
    info: Any, in_dims: tuple[Any, ...], arguments: Sequence[Any], places: tuple[int, ...]
) -> list[Any]:
    """Return arguments with the mapped axis of the first ones, the tensors, at these places."""
    moved = list(arguments)
    for i, to in enumerate(places):
        if in_dims[i] is not None:
            moved[i] = arguments[i].movedim(in_dims[i], to)
        else:
            shape = arguments[i].shape
            mapped = (*shape[:to], info.batch_size, *shape[to:])
            moved[i] = arguments[i].unsqueeze(to).expand(mapped)
    return moved


class DecompositionOperator(Operator):
    """The operator that solves what `given` makes of arrays."""

    def __init__(
        self, name: str, inputs: tuple[str, ...], axes: int, given: Callable[..., Given]
    ) -> None:
        self._given = given
        super().__init__(name, inputs, axes, ("xz", "yz", "lam", "mu"))

    def _shape(self, tensors: Sequence[Tensor]) -> tuple[tuple[int, ...], tuple[int, int, int]]:
        """Return the batch shape, and the numbers of symbols."""
        batch = tensors[0].shape[: -self._axes]
        symbols = [n for tensor in tensors for n in tensor.shape[-self._axes : -1]]
        return batch, (*symbols, tensors[0].shape[-1])  # type: ignore[return-value]

    def _flat(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(t.detach().contiguous().view(-1, *t.shape[-self._axes :]) for t in tensors)

    def _solve_on_cpu(self, *arguments: Any) -> tuple[Tensor, ...]:
        tensors, options = arguments[: self._n], _options(*arguments[self._n :])
        given = self._given(*(tensor.detach().contiguous().numpy() for tensor in tensors))
        solved = solve(given, options, potentials=True)
        solved.report("fastpid", "torch")
        batch = given.batch_shape
        rows = (array.reshape((-1, *batch)) for array in (solved.term_rows, solved.code_rows))
        parts = (solved.p_xz, solved.p_yz, solved.lam, solved.mu)
        others = (array.reshape(batch + array.shape[1:]) for array in parts)
        return tuple(map(torch.from_numpy, (*rows, *others)))

    def _solve_on_cuda(self, *arguments: Any) -> tuple[Tensor, ...]:
        tensors, options = arguments[: self._n], _options(*arguments[self._n :])
        batch, symbols = self._shape(tensors)
        flat = self._flat(tensors)
        out = _cuda.solve(flat, (len(flat[0]), *symbols), options)
        terms, codes = out[:2]
        failures = options.on_failure != "ignore" and Codes(*codes).status.any()
        if bool(failures):  # waits for the device
            solved = Solved(batch, options, *(tensor.cpu().numpy() for tensor in out))
            solved.check(self._given(*(tensor.detach().cpu().numpy() for tensor in tensors)))
            solved.report("fastpid", "torch")
        others = (tensor.view(batch + tensor.shape[1:]) for tensor in out[2:])
        return terms.view(-1, *batch), codes.view(-1, *batch), *others

    def _gradients_of(self, grad_terms: Tensor, *arguments: Any) -> Any:
        tensors, (codes, *parts, threads, normalize) = arguments[: self._n], arguments[self._n :]
        mi_x, mi_y, mi_xy, lower, upper = grad_terms.detach().reshape(len(grad_terms), -1)
        # The bounds move with what they bound: the potentials support lower, union and upper alike,
        # so that each has the gradient of the union information, and their gap has none.
        weights = torch.stack([mi_x, mi_y, mi_xy, lower + upper], dim=1)
        invalid = Codes(*codes).status.reshape(-1, 1) == Status.INVALID.code
        weights = weights.masked_fill(invalid, 0.0).contiguous()
        solved = tuple(t.detach().contiguous().view(-1, *t.shape[-2:]) for t in parts)
        if tensors[0].is_cuda:
            flat = self._flat(tensors)
            shape = (len(flat[0]), *self._shape(tensors)[1])
            out = _cuda.gradients(flat, shape, solved, weights, normalize)
        else:
            given = self._given(*(tensor.detach().contiguous().numpy() for tensor in tensors))
            xz, yz, lam, mu = (tensor.numpy() for tensor in solved)
            arrays = given.gradients((xz, yz, lam, mu), weights.numpy(), threads, normalize)
            out = tuple(map(torch.from_numpy, arrays))
        shaped = tuple(g.view(t.shape) for g, t in zip(out, tensors, strict=True))
        return shaped if self._n > 1 else shaped[0]

    def _fake(self, *arguments: Any) -> tuple[Tensor, ...]:
        tensors = arguments[: self._n]
        batch, (nx, ny, nz) = self._shape(tensors)
        new = tensors[0].new_empty
        return (
            new((len(Terms._fields) - 1, *batch)),
            new((3, *batch), dtype=torch.int32),
            *(new((*batch, n, nz)) for n in (nx, ny, nx, ny)),
        )


solve_tables = DecompositionOperator("solve_tables", ("p",), 3, GivenTables)
decompose_marginals = DecompositionOperator(
    "decompose_marginals", ("p_xz", "p_yz"), 2, GivenMarginals
)
