"""The operator ``torch.ops.fastpid.union_information``: unions of several sources for torch.

It takes the marginals of all sources in one tensor of float64, (..., n_1 + ... + n_M, nz), behind
the options how many rows each has, and returns

* terms (M + 2, ...), in nats: I(X_i; Z) of every source, the lower and the upper bound;
* codes (3, ...), int32, in the order of ``Codes``;
* the potentials, as the marginals lie.

Tensors of a CUDA device are solved there, or go to the CPU and back (_device_unions.py). The
gradient, which is in closed form by the potentials, is computed where the tensors are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastpid._many import solve_sources
from fastpid.torch import _device_unions
from fastpid.torch._ops import Operator

#: A log posterior is not taken below this, as in the kernel (kFloor).
_FLOOR = -50.0


class UnionOperator(Operator):
    """The operator that solves union problems of any number of sources."""

    def __init__(self) -> None:
        super().__init__("union_information", ("marginals",), 2, ("potentials",), "int[] sizes")

    def _solve_on_cpu(self, *arguments: Any) -> tuple[Tensor, ...]:
        options, (sizes,) = self._split(arguments[1:])
        together = arguments[0].detach().contiguous().numpy()
        marginals = np.split(together, np.cumsum(sizes)[:-1], axis=-2)
        batch, _, solved = solve_sources(marginals, options, "fastpid", "torch")
        terms = np.stack([*solved.mi, solved.lower, solved.upper])
        codes = np.stack([solved.iterations, solved.status, solved.method]).astype(np.int32)
        potentials = np.concatenate(solved.potentials, axis=1)
        return (
            torch.from_numpy(terms.reshape(-1, *batch)),
            torch.from_numpy(codes.reshape(-1, *batch)),
            torch.from_numpy(potentials.reshape(*batch, *potentials.shape[1:])),
        )

    def _solve_on_cuda(self, *arguments: Any) -> tuple[Tensor, ...]:
        marginals = arguments[0]
        options, (sizes,) = self._split(arguments[1:])
        there = _device_unions.solve(marginals, sizes, options)
        if there is not None:
            return there
        out = self._solve_on_cpu(marginals.cpu(), *arguments[1:])
        return tuple(part.to(marginals.device) for part in out)

    def _gradients_of(self, grad_terms: Tensor, *arguments: Any) -> Any:
        """Return the derivative of a weighted sum of terms, as csrc/core/gradient.hpp explains it.

        That of H(Z) goes to all sources by equal parts: what one of them may give another by target
        symbol changes no derivative along marginals that keep one p(z).
        """
        given, _, potentials, _, normalize, sizes = arguments
        given, potentials, grad_terms = (t.detach() for t in (given, potentials, grad_terms))
        source = torch.repeat_interleave(torch.tensor(sizes, device=given.device))

        def per_source(values: Tensor) -> Tensor:  # sums over the symbols, (..., M, nz)
            shape = (*values.shape[:-2], len(sizes), values.shape[-1])
            return values.new_zeros(shape).index_add_(-2, source, values)

        mass = per_source(given).sum(-1, keepdim=True)[..., source, :]
        a = given / mass if normalize else given
        p_z = per_source(a)[..., :1, :]
        h = torch.where(p_z > 0.0, p_z.sum(-1, keepdim=True).log() - p_z.log(), 0.0)
        of_mi = grad_terms[:-2].movedim(0, -1)[..., source, None]
        of_union = (grad_terms[-2] + grad_terms[-1])[..., None, None]
        symbols = a.sum(-1, keepdim=True)
        posterior = (a.log() - symbols.log()).clamp_min(_FLOOR)
        known = torch.where(symbols > 0.0, posterior + h, 0.0)
        out = of_union * (potentials + h / len(sizes)) + of_mi * known
        out = torch.where(p_z > 0.0, out, 0.0)
        if normalize:
            mean = per_source(a * out).sum(-1, keepdim=True)[..., source, :]
            out = (out - mean) / mass
        return out

    def _fake(self, *arguments: Any) -> tuple[Tensor, ...]:
        marginals, sizes = arguments[0], arguments[-1]
        batch = marginals.shape[:-2]
        return (
            marginals.new_empty((len(sizes) + 2, *batch)),
            marginals.new_empty((3, *batch), dtype=torch.int32),
            marginals.new_empty(marginals.shape),
        )


union_of = UnionOperator()


def solve_union(marginals: Sequence[Tensor], options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return terms, codes and potentials of marginals of float64 and of one batch shape."""
    terms, codes, potentials = union_of(
        torch.cat(list(marginals), dim=-2),
        *(options.method, options.tol, options.max_iter, options.threads, options.normalize),
        *(options.on_failure, options.unit, [m.shape[-2] for m in marginals]),
    )
    return terms, codes, potentials
