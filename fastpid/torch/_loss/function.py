"""What autograd sees of a loss: its value, and its gradient, which is known already."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Known(torch.autograd.Function):
    """A number as a function of two tensors, with the given gradients by them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, value: float, by_x: Tensor, by_y: Tensor) -> Tensor:
        ctx.by = (by_x, by_y)
        narrow = x.dtype in (torch.float16, torch.bfloat16)
        dtype = torch.float32 if narrow else torch.promote_types(x.dtype, y.dtype)
        return x.new_full((), value, dtype=dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "PIDLoss cannot be differentiated twice: the union information has no second "
                "derivative where the support of the optimum changes. Use first derivatives, "
                "without create_graph=True"
            )
        return (*(by * grad.to(by.dtype) for by in ctx.by), None, None, None)

    @staticmethod
    def jvp(ctx: Any, x: Tensor | None, y: Tensor | None, *_: Any) -> Tensor:
        by_x, by_y = ctx.by
        parts = [
            (by * t).sum() for by, t in zip((by_x, by_y), (x, y), strict=True) if t is not None
        ]
        tangent: Tensor = sum(parts[1:], parts[0])
        return tangent
