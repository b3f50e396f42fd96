"""Every check of tensors and its error text."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._subclasses.fake_tensor import FakeTensor

from fastpid._base.checks import check_axes, row_tolerance


def check_dense(name: str, tensor: object) -> Tensor:
    """Return a strided tensor that is neither sparse nor quantised."""
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor; got {type(tensor).__name__}; "
            f"convert it with torch.as_tensor({name})"
        )
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} must be dense; got layout {tensor.layout}; pass {name}.to_dense()")
    if tensor.is_quantized:
        raise TypeError(
            f"{name} must not be quantised; got {tensor.dtype}; pass {name}.dequantize()"
        )
    if tensor.device.type not in ("cpu", "cuda", "meta"):
        raise TypeError(
            f"{name} must be on the CPU or a CUDA device; got {tensor.device}; pass {name}.cpu()"
        )
    return tensor


def check_floating(name: str, tensor: object, hint: str) -> Tensor:
    """Return a dense floating-point tensor."""
    dense = check_dense(name, tensor)
    if not dense.dtype.is_floating_point:
        raise TypeError(f"{name} must be a floating-point tensor; got {dense.dtype}; {hint}")
    return dense


def check_table_tensor(p: object, *, name: str = "p") -> Tensor:
    """Return `p` if it has the type and the shape of tables (..., nx, ny, nz)."""
    tensor = check_floating(
        name, p, f"pass {name}.double(), with normalize=True if it holds counts"
    )
    check_axes(name, tuple(tensor.shape), ("nx", "ny", "nz"))
    return tensor


def check_labels(z: object) -> Tensor:
    """Return hard labels as int64, soft ones as they are; labels must not require gradients."""
    tensor = check_dense("z", z)
    if tensor.requires_grad:
        raise ValueError("z requires a gradient, but labels are given, not learnt; pass z.detach()")
    if tensor.dtype.is_floating_point:
        return tensor
    if tensor.dtype.is_complex:
        raise TypeError(
            f"z must hold integer labels or floating-point probabilities; got {tensor.dtype}; "
            "pass z.real.long()"
        )
    return tensor.long()


def check_samples(
    sources: list[Tensor],
    labels: Tensor,
    weights: Tensor | None,
    mask: Tensor | None,
    names: tuple[str, ...] = ("probs_x", "probs_y"),
) -> None:
    """Check that everything has the same samples, batches and device."""
    for name, probs in zip(names, sources, strict=True):
        if probs.dim() < 2:
            raise ValueError(f"{name} must have shape (..., n, symbols); got {tuple(probs.shape)}")
        if 0 in probs.shape:
            raise ValueError(
                f"{name} has an empty axis: shape {tuple(probs.shape)}; "
                "pass at least one sample and one symbol"
            )
    soft = labels.dtype.is_floating_point
    if soft and labels.dim() < 2:
        raise ValueError(
            f"z is floating-point, so it must hold probabilities (..., n, nz); got shape "
            f"{tuple(labels.shape)}; pass z.long() for hard labels"
        )
    samples = tuple(sources[0].shape[:-1])
    others: list[tuple[str, Tensor, tuple[int, ...]]] = [
        (name, probs, tuple(probs.shape[:-1]))
        for name, probs in zip(names[1:], sources[1:], strict=True)
    ]
    others.append(("z", labels, tuple(labels.shape[:-1] if soft else labels.shape)))
    if weights is not None:
        check_floating("weights", weights, "pass weights.double()")
        others.append(("weights", weights, tuple(weights.shape)))
    if mask is not None:
        if check_dense("mask", mask).dtype != torch.bool:
            raise TypeError(f"mask must be a tensor of bool; got {mask.dtype}; pass mask.bool()")
        others.append(("mask", mask, tuple(mask.shape)))
    for name, tensor, shape in others:
        if shape != samples:
            raise ValueError(
                f"{name} has samples of shape {shape}, but {names[0]} has {samples}; "
                "pass the same samples in both"
            )
        if tensor.device != sources[0].device:
            raise ValueError(
                f"{name} is on {tensor.device}, but {names[0]} is on {sources[0].device}; "
                f"pass {name}.to({str(sources[0].device)!r})"
            )


def check_probabilities(name: str, probs: Tensor, mask: Tensor | None) -> None:
    """Check that rows are distributions, as far as their dtype can tell."""
    with torch.no_grad():
        rows = probs if mask is None else probs[mask]
        sums = rows.sum(-1, dtype=torch.float64)
        tolerance = row_tolerance(torch.finfo(probs.dtype).eps)
        bad = ~((sums - 1.0).abs() <= tolerance) | (rows < 0.0).any(-1)
        if not bool(bad.any()):
            return
        first = tuple(bad.nonzero()[0].tolist())
        row = rows[first]
        where = f"{name}[{', '.join(map(str, first))}]" + ("" if mask is None else " of those kept")
        if bool(row.isnan().any()):
            found = "has NaN"
        elif bool((row < 0.0).any()):
            found = f"has a negative entry, {row.min().item():.6g}"
        else:
            found = f"sums to {sums[first].item():.8g}"
        raise ValueError(
            f"{where} {found}, so it is no distribution ({int(bad.sum())} such rows); pass "
            "probabilities that sum to one, or logits with logits=True"
        )


def check_weights(weights: Tensor) -> None:
    """Check that weights are finite and not negative."""
    with torch.no_grad():
        bad = ~((weights >= 0.0) & weights.isfinite())
        if bool(bad.any()):
            first = tuple(bad.nonzero()[0].tolist())
            raise ValueError(
                f"weights[{', '.join(map(str, first))}] is {weights[first].item():.6g}; "
                "weights must be finite and not negative"
            )


def values_of(tensor: Tensor) -> Tensor | None:
    """Return the tensor of values behind torch.func's grad; None where there are none to look at.

    That is behind vmap, torch.compile and other traces, and of meta and fake tensors.
    """
    functorch = torch._C._functorch
    if torch.compiler.is_compiling() or tensor.is_meta or isinstance(tensor, FakeTensor):
        return None
    if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None:
        return None  # traced, as by torch.func.linearize
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return None
        tensor = functorch.get_unwrapped(tensor)
    return tensor.detach()


def array_of(tensor: Tensor) -> NDArray[Any] | None:
    """Return the values as an array; None where :func:`values_of` has none."""
    if values_of(tensor) is None:
        return None
    with temporarily_clear_interpreter_stack():  # or what is unwrapped gets wrapped again
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            tensor = torch._C._functorch.get_unwrapped(tensor)
        array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def check_plain(name: str, tensor: Tensor, of: str) -> None:
    """Check that a tensor has values, and no transform of it that `of` does not know."""
    if tensor.is_meta or isinstance(tensor, FakeTensor):
        raise TypeError(f"{name} is a meta or fake tensor, without values; {of} needs them")
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise RuntimeError(
            f"{of} knows none of torch.func's transforms; take tensor.backward() or "
            "torch.autograd.grad, and a batch of covariances instead of vmap"
        )
    forward_ad = torch.autograd.forward_ad
    if forward_ad._current_level >= 0 and forward_ad.unpack_dual(tensor).tangent is not None:
        raise RuntimeError(f"{of} has no forward-mode derivatives; take reverse mode")


def has_values(*tensors: Tensor | None) -> bool:
    """Whether all can be looked at."""
    return not any(tensor is not None and values_of(tensor) is None for tensor in tensors)
