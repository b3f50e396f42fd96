"""decompose() of covariances that are tensors, differentiably.

The union information is the least of F = 1/2 log det(I + H' K^-1 H) over the correlations Theta of
white noises, which are in K, ||Theta|| <= 1. That set does not depend on the covariance, so the
derivative at the optimum is that of F with Theta held fixed (Danskin's theorem):

    dF = tr W_x dH_x + tr W_y dH_y,   [W_x, W_y] = (I + H' K^-1 H)^-1 H' K^-1,

W being the best estimator of the white target from the white channels: the dual solution W, in
other coordinates. So the gradient is that of a linear function of H_x and H_y, and no K needs to be
inverted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastpid._base.quantities import Codes, Terms
from fastpid._solve.gaussian.covariances import check_shape
from fastpid._solve.gaussian.result import GaussianDecomposition
from fastpid._solve.gaussian.sizes import check_sizes
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import SolveOptions
from fastpid.result import Status
from fastpid.torch._checks import check_floating, check_plain


def decompose(cov: Tensor, sizes: Any, options: SolveOptions) -> GaussianDecomposition[Tensor]:
    """Decompose covariances (..., k, k): what fastpid.gaussian.decompose() does of tensors."""
    check_floating("cov", cov, "pass cov.double()")
    check_shape(tuple(cov.shape))
    check_plain("cov", cov, "fastpid.gaussian.decompose")
    variables = check_sizes(sizes, cov.shape[-1])
    if not variables.whole:
        rows = variables.rows
        cov = cov[..., rows, :][..., rows]
    double = cov.to(torch.float64)
    host = np.ascontiguousarray(double.detach().cpu().numpy())
    solved = solve_covariances(host, variables, options, solution=True)
    solved.report("fastpid", "torch")
    batch = tuple(cov.shape[:-2])

    def tensor(array: Any, *shape: int) -> Tensor:
        return torch.from_numpy(array).reshape(*shape).to(cov.device)

    coupling, w, q = (tensor(part, *batch, *part.shape[1:]) for part in solved.parts)
    codes = tensor(solved.code_rows, -1, *batch)
    terms: Tensor = _Solved.apply(
        double, tensor(solved.term_rows, -1, *batch), codes, w, variables.sizes
    )
    return GaussianDecomposition(
        Terms(*terms.unbind(0)),
        Codes(*codes.unbind(0)),
        options.result_unit,
        _solution=_TensorSolution(coupling, w, q, len(batch)),
        _dtype=cov.dtype,
    )


class _Solved(torch.autograd.Function):
    """The terms of the kernel, as a function of the covariance."""

    @staticmethod
    def forward(
        ctx: Any, cov: Tensor, terms: Tensor, codes: Tensor, w: Tensor, sizes: tuple[int, int, int]
    ) -> Tensor:
        ctx.save_for_backward(cov, codes, w)
        ctx.sizes = sizes
        return terms

    @staticmethod
    def backward(ctx: Any, grad_terms: Tensor) -> tuple[Tensor | None, ...]:
        cov, codes, w = ctx.saved_tensors
        return _Gradient.apply(grad_terms, cov, codes, w, ctx.sizes), None, None, None, None


class _Gradient(torch.autograd.Function):
    """The vector-Jacobian product, which has no derivative of its own."""

    @staticmethod
    def forward(
        ctx: Any,
        grad_terms: Tensor,
        cov: Tensor,
        codes: Tensor,
        w: Tensor,
        sizes: tuple[int, int, int],
    ) -> Tensor:
        mi_x, mi_y, mi_xy, lower, upper = grad_terms
        # The bounds move with what they bound.
        weights = torch.stack([mi_x, mi_y, mi_xy, lower + upper])
        valid = Codes(*codes).status != Status.INVALID.code
        identity = torch.eye(cov.shape[-1], dtype=cov.dtype, device=cov.device)
        with torch.enable_grad():
            at = torch.where(valid[..., None, None], cov.detach(), identity).requires_grad_()
            values = _values((at + at.mT) / 2, torch.where(valid[..., None, None], w, 0.0), sizes)
            total = torch.where(valid & (weights != 0.0), weights * values, 0.0).sum()
            (gradient,) = torch.autograd.grad(total, at)
        return torch.where(valid[..., None, None], gradient, 0.0)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise RuntimeError(
            "fastpid.gaussian.decompose cannot be differentiated twice: it has no second "
            "derivative where the two channels come to coincide in a direction. Use first "
            "derivatives, without create_graph=True"
        )


def _values(cov: Tensor, w: Tensor, sizes: tuple[int, int, int]) -> Tensor:
    """Return I(X; Z), I(Y; Z), I(X, Y; Z) and what has the derivative of the union information."""
    m, n, _ = sizes
    s = m + n
    # [Z, X, Y]: the first columns of the factor hold L_z and the signals, the others the noise.
    order = [*range(s, cov.shape[-1]), *range(s)]
    cov = cov[..., order, :][..., order]
    factor = _cholesky(cov)
    d = len(order) - s
    both = torch.linalg.solve_triangular(factor[..., d:, d:], factor[..., d:, :d], upper=False)
    l_z, h_x = factor[..., :d, :d], both[..., :m, :]
    y = [*range(d), *range(d + m, d + s)]
    factor_y = _cholesky(cov[..., y, :][..., y])
    l_x, l_y = factor[..., d : d + m, d : d + m], factor_y[..., d:, d:]
    h_y = torch.linalg.solve_triangular(l_y, factor_y[..., d:, :d], upper=False)

    def information(h: Tensor) -> Tensor:
        identity = torch.eye(d, dtype=h.dtype, device=h.device)
        value: Tensor = 0.5 * torch.logdet(identity + h.mT @ h)
        return value

    def white(estimator: Tensor, noise: Tensor) -> Tensor:
        whole = estimator @ noise.detach()
        out: Tensor = torch.linalg.solve_triangular(l_z.detach(), whole, upper=False)
        return out

    union = (white(w[..., :m], l_x) * h_x.mT).sum((-2, -1))
    union = union + (white(w[..., m:], l_y) * h_y.mT).sum((-2, -1))
    values: Tensor = torch.stack([information(h_x), information(h_y), information(both), union])
    return values


def _cholesky(matrix: Tensor) -> Tensor:
    factor: Tensor
    factor, info = torch.linalg.cholesky_ex(matrix)
    if bool(info.any()):
        raise RuntimeError(
            "fastpid.gaussian.decompose has no gradient where cov is singular: leave out the "
            "variables that repeat others"
        )
    return factor


class _TensorSolution:
    """The solution behind a result, as tensors that carry no gradient."""

    def __init__(self, coupling: Tensor, w: Tensor, q: Tensor, axes: int) -> None:
        self._coupling = coupling
        self._w = w
        self._q = q
        self._axes = axes

    def __getitem__(self, key: Any) -> _TensorSolution:
        """Return the solutions of part of the batch."""
        batch = tuple(self._coupling.shape[: self._axes])
        rows = torch.arange(int(np.prod(batch))).reshape(batch)[key]

        def part(tensor: Tensor) -> Tensor:
            inner = tensor.shape[self._axes :]
            flat = tensor.reshape(-1, *inner)[rows.reshape(-1).to(tensor.device)]
            return flat.reshape(*rows.shape, *inner)

        parts = part(self._coupling), part(self._w), part(self._q)
        return _TensorSolution(*parts, rows.dim())

    @property
    def potentials(self) -> tuple[Tensor, Tensor]:
        return self._w, self._q

    def coupling(self) -> Tensor:
        return self._coupling
