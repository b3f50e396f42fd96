"""The table of one batch of predictions, as numbers, and the way of a gradient back to them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastpid._base.checks import count_classes, row_tolerance
from fastpid._solve import kernel
from fastpid.torch._checks import (
    check_floating,
    check_labels,
    check_probabilities,
    check_samples,
    check_weights,
)
from fastpid.torch._predictions import from_predictions

Floats = NDArray[np.float64]

#: Beyond so many multiplications torch's matrix products, on several threads, are the quicker.
_FUSED = 2**24
_NO_WEIGHTS = np.empty(0)
#: What the usual predictions are, and by how much their rows may be off.
_USUAL = {dtype: row_tolerance(torch.finfo(dtype).eps) for dtype in (torch.float32, torch.float64)}


class Samples(NamedTuple):
    """Predictions of two classifiers for the same samples, and their labels, checked."""

    x: Tensor
    y: Tensor
    z: Tensor
    weights: Tensor | None
    mask: Tensor | None
    num_classes: int
    logits: bool


class BatchTable(Protocol):
    """The table of a batch."""

    #: Its cells, added up over the samples, (nx, ny, nz).
    sums: Floats

    def gradients(self, by_sums: Floats) -> tuple[Tensor, Tensor]:
        """Return the gradients by x and by y from that by the sums."""
        ...


def check(
    x: object,
    y: object,
    z: object,
    weights: Tensor | None,
    mask: Tensor | None,
    num_classes: int,
    logits: bool,
) -> Samples:
    """Check types, shapes and devices; the values are looked at where they are read."""
    if weights is None and mask is None and _usual(x, y, z):
        return Samples(x, y, z, None, None, num_classes, logits)  # type: ignore[arg-type]
    hint = "pass logits, or probabilities with logits=False"
    first, second = check_floating("x", x, hint), check_floating("y", y, hint)
    labels = check_labels(z)
    if labels.requires_grad or first.dim() != 2 or second.dim() != 2:
        raise ValueError(
            f"x and y must have shape (n, symbols); got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
    check_samples([first, second], labels, weights, mask, names=("x", "y"))
    return Samples(first, second, labels, weights, mask, num_classes, logits)


def _usual(x: Any, y: Any, z: Any) -> bool:
    """Whether this is the usual case, told in a tenth of the time of the checks that explain."""
    return (
        type(x) is type(y) is type(z) is Tensor
        and x.dtype in _USUAL
        and y.dtype in _USUAL
        and z.dtype is torch.int64
        and x.is_cpu
        and y.is_cpu
        and z.is_cpu
        and x.layout is y.layout is z.layout is torch.strided
        and x.dim() == y.dim() == 2
        and z.dim() == 1
        and len(x) == len(y) == len(z) > 0
        and x.shape[1] > 0
        and y.shape[1] > 0
    )


def read(samples: Samples) -> BatchTable:
    """Make the table, by the kernel where that is the quicker.

    Raises
    ------
    ValueError
        For NaN among logits, rows that are no distribution, labels out of range, no samples left.
    """
    x, y, z = samples.x, samples.y, samples.z
    work = x.numel() * y.shape[-1]
    on_host = x.device.type == "cpu" and not z.dtype.is_floating_point
    return (Fused if on_host and work <= _FUSED else Composed)(samples)


class Fused:
    """By the kernel: softmax, table, and back."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        x, y = _numbers(samples.x), _numbers(samples.y)
        self._single = x.dtype == y.dtype == np.float32
        labels = samples.z if samples.z.is_contiguous() else samples.z.contiguous()
        self._labels = labels.numpy()
        self._weights = _weights(samples)
        tolerance = max(_tolerance(samples.x.dtype), _tolerance(samples.y.dtype))
        table = kernel.soft_table(
            x, y, self._labels, self._weights, samples.num_classes, samples.logits,
            tolerance,
        )  # fmt: skip
        self.sums, self._px, self._py, weight, *bad = table
        if max(bad) >= 0:
            _explain(samples, *bad)
        if not weight > 0.0:
            raise ValueError(
                "no samples are left: weights and mask leave a table without mass; "
                "leave at least one sample in"
            )

    def gradients(self, by_sums: Floats) -> tuple[Tensor, Tensor]:
        """Return the gradients by x and by y from that by the sums."""
        found = kernel.soft_table_gradient(
            *(self._px, self._py, self._labels, self._weights, by_sums),
            *(self._samples.logits, self._single),
        )
        by_x, by_y = torch.from_numpy(found[0]), torch.from_numpy(found[1])
        x, y = self._samples.x.dtype, self._samples.y.dtype
        return (by_x, by_y) if by_x.dtype == x == y else (by_x.to(x), by_y.to(y))


class Composed:
    """By torch's operators, on any device and for soft labels."""

    def __init__(self, samples: Samples) -> None:
        x, y = samples.x.detach().requires_grad_(), samples.y.detach().requires_grad_()
        self._inputs = (x, y)
        with torch.enable_grad():
            self._table = from_predictions(
                x,
                y,
                samples.z,
                num_classes=None if samples.z.dtype.is_floating_point else samples.num_classes,
                weights=samples.weights,
                mask=samples.mask,
                logits=samples.logits,
            )
        weights = _weights(samples)
        self._weight = float(weights.sum()) if weights.size else float(len(samples.x))
        self.sums = self._table.detach().cpu().numpy() * self._weight

    def gradients(self, by_sums: Floats) -> tuple[Tensor, Tensor]:
        """Return the gradients by x and by y from that by the sums."""
        by = torch.from_numpy(by_sums * self._weight).to(self._table.device)
        x, y = torch.autograd.grad(self._table, self._inputs, by)
        return x, y


def _numbers(predictions: Tensor) -> Any:
    values = predictions.detach()
    if values.dtype not in _USUAL:
        values = values.to(torch.float32)
    return (values if values.is_contiguous() else values.contiguous()).numpy()


def _tolerance(dtype: torch.dtype) -> float:
    return _USUAL.get(dtype) or row_tolerance(torch.finfo(dtype).eps)


def _weights(samples: Samples) -> Floats:
    if samples.weights is None and samples.mask is None:
        return _NO_WEIGHTS
    if samples.weights is None:
        assert samples.mask is not None
        return samples.mask.to(torch.float64).cpu().numpy()
    check_weights(samples.weights)
    weights = samples.weights.detach().to(torch.float64)
    if samples.mask is not None:
        weights = weights.where(samples.mask, 0.0)
    return weights.contiguous().cpu().numpy()


def _explain(samples: Samples, bad_x: int, bad_y: int, bad_z: int) -> None:
    kept = torch.ones(len(samples.z), dtype=torch.bool)
    if samples.weights is not None or samples.mask is not None:
        kept = torch.from_numpy(_weights(samples)) != 0.0
    for name, rows, bad in (("x", samples.x, bad_x), ("y", samples.y, bad_y)):
        if bad < 0:
            continue
        if not samples.logits:
            check_probabilities(name, rows.detach(), kept)
        found = "NaN" if bool(rows[bad].isnan().any()) else "no finite largest one"
        raise ValueError(
            f"{name}[{bad}] has logits of which the softmax cannot be taken ({found}); leave such "
            "samples out by mask, or look for what made them so"
        )
    labels = samples.z[kept]
    count_classes(int(labels.min()), int(labels.max()), samples.num_classes)
