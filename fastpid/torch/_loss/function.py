"""What autograd sees of a loss: its value, and its gradient, which is known already."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Value(NamedTuple):
    """A number of shape (), and its gradients by the tensors that it is a function of."""

    number: Tensor
    by: tuple[Tensor, ...]


class Known(torch.autograd.Function):
    """A number as a function of tensors, with the gradients by them that are given."""

    @staticmethod
    def forward(ctx: Any, value: Value, *_: Tensor) -> Tensor:
        ctx.by = value.by
        return value.number

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "PIDLoss cannot be differentiated twice: the union information has no second "
                "derivative where the support of the optimum changes. Use first derivatives, "
                "without create_graph=True"
            )
        # Of a sum of losses: nothing to multiply.
        if grad.is_cpu and not torch.compiler.is_compiling() and grad.item() == 1.0:
            return (None, *ctx.by)
        return (None, *(by * grad.to(by.dtype) for by in ctx.by))

    @staticmethod
    def jvp(ctx: Any, _: Any, *tangents: Tensor | None) -> Tensor:
        parts = [(by * t).sum() for by, t in zip(ctx.by, tangents, strict=True) if t is not None]
        tangent: Tensor = sum(parts[1:], parts[0])
        return tangent
