"""The table of one batch of predictions, as numbers, and the way of a gradient back to them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastpid._base.checks import check_soft_classes, count_classes, row_tolerance
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
#: A gigabyte in all, of the table, its average, its gradient and what they are made by.
_MOST_CELLS = 2**24
_NOTHING_LEFT = (
    "no samples are left: weights and mask leave a table without mass; leave at least one sample in"
)
NO_WEIGHTS = np.empty(0)
#: What the usual predictions are, and by how much their rows may be off.
_USUAL = {dtype: row_tolerance(torch.finfo(dtype).eps) for dtype in (torch.float32, torch.float64)}
#: For rows of which nothing is known yet: that of single precision.
ROW_TOLERANCE = _USUAL[torch.float32]


class Samples(NamedTuple):
    """Predictions of several classifiers for the same samples, and their labels, checked."""

    names: tuple[str, ...]
    sources: tuple[Tensor, ...]
    z: Tensor
    weights: Tensor | None
    mask: Tensor | None
    num_classes: int
    logits: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the table, (n_1, ..., n_M, nz)."""
        return (*(source.shape[1] for source in self.sources), self.num_classes)


class BatchTable(Protocol):
    """The table of a batch."""

    #: Its cells, added up over the samples, (n_1, ..., n_M, nz).
    sums: Floats

    def gradients(self, by_sums: Floats) -> tuple[Tensor, ...]:
        """Return the gradients by the predictions from that by the sums."""
        ...


def check(
    sources: Sequence[object],
    names: tuple[str, ...],
    z: object,
    weights: Tensor | None,
    mask: Tensor | None,
    num_classes: int,
    logits: bool,
) -> Samples:
    """Check types, shapes and devices; the values are looked at where they are read."""
    hint = "pass logits, or probabilities with logits=False"
    checked = [check_floating(name, s, hint) for name, s in zip(names, sources, strict=True)]
    labels = check_labels(z)
    if labels.requires_grad or any(source.dim() != 2 for source in checked):
        shapes = " and ".join(str(tuple(source.shape)) for source in checked)
        raise ValueError(f"{' and '.join(names)} must have shape (n, symbols); got {shapes}")
    check_samples(checked, labels, weights, mask, names=names)
    samples = Samples(names, tuple(checked), labels, weights, mask, num_classes, logits)
    cells = math.prod(samples.shape)
    if cells > _MOST_CELLS:
        raise ValueError(
            f"the joint table of {' x '.join(map(str, samples.shape))} symbols has {cells:.3g} "
            f"cells; PIDLoss takes {_MOST_CELLS:.3g}. Pass fewer sources, several losses of "
            "different ones of them, or predictions of fewer classes, by adding up the "
            "probabilities of some (logits=False)"
        )
    return samples


def read(samples: Samples) -> BatchTable:
    """Make the table, by the kernel where that is the quicker.

    Raises
    ------
    ValueError
        For NaN among logits, rows that are no distribution, labels out of range, no samples left.
    """
    first = samples.sources[0]
    work = len(first) * math.prod(samples.shape[:-1])
    on_host = first.device.type == "cpu" and not samples.z.dtype.is_floating_point
    return (Fused if on_host and work <= _FUSED else Composed)(samples)


class Fused:
    """By the kernel: softmax, table, and back."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._rows = tuple(_numbers(source) for source in samples.sources)
        labels = samples.z if samples.z.is_contiguous() else samples.z.contiguous()
        self._labels = labels.numpy()
        self._weights = _weights(samples)
        tolerance = max(_tolerance(source.dtype) for source in samples.sources)
        self.sums, self._probabilities, found = kernel.soft_table(
            self._rows, self._labels, self._weights, samples.num_classes, samples.logits,
            tolerance,
        )  # fmt: skip
        bad_source, bad_row, bad_z, weight = found
        if bad_source >= 0 or bad_z >= 0:
            _explain(samples, bad_source, bad_row)
        if not weight > 0.0:
            raise ValueError(_NOTHING_LEFT)

    def gradients(self, by_sums: Floats) -> tuple[Tensor, ...]:
        """Return the gradients by the predictions from that by the sums."""
        found = kernel.soft_table_gradient(
            self._rows, self._probabilities, self._labels, self._weights, by_sums,
            self._samples.logits,
        )  # fmt: skip
        return tuple(
            torch.from_numpy(by).to(source.dtype)
            for by, source in zip(found, self._samples.sources, strict=True)
        )


class Composed:
    """By torch's operators, on any device and for soft labels."""

    def __init__(self, samples: Samples) -> None:
        self._inputs = tuple(source.detach().requires_grad_() for source in samples.sources)
        with torch.enable_grad():
            self._table = _compose(samples, self._inputs)
        weights = _weights(samples)
        self._weight = float(weights.sum()) if weights.size else float(len(samples.z))
        self.sums = self._table.detach().cpu().numpy() * self._weight

    def gradients(self, by_sums: Floats) -> tuple[Tensor, ...]:
        """Return the gradients by the predictions from that by the sums."""
        by = torch.from_numpy(by_sums * self._weight).to(self._table.device)
        return torch.autograd.grad(self._table, self._inputs, by)


def _compose(samples: Samples, sources: Sequence[Tensor]) -> Tensor:
    """Return the joint distribution."""
    soft = samples.z.dtype.is_floating_point
    classes = None if soft else samples.num_classes
    make = functools.partial(
        from_predictions, num_classes=classes, weights=samples.weights, mask=samples.mask
    )
    if len(sources) == 2:
        return make(sources[0], sources[1], samples.z, logits=samples.logits)
    rows = [
        _probabilities(name, source, samples)
        for name, source in zip(samples.names, sources, strict=True)
    ]
    if soft:
        check_soft_classes(samples.z.shape[-1], samples.num_classes)
        check_probabilities("z", samples.z, samples.mask)
    else:
        labels = samples.z if samples.mask is None else samples.z[samples.mask]
        count_classes(int(labels.min()), int(labels.max()), samples.num_classes)
    # All sources but the last are one, whose symbols are their tuples.
    together, *others = rows
    for row in others[:-1]:
        together = (together.unsqueeze(-1) * row.unsqueeze(-2)).flatten(1)
    table = make(together, rows[-1], samples.z, validate=False)
    if bool(table.detach().isnan().any()):
        raise ValueError(_NOTHING_LEFT)
    return table.reshape(samples.shape)


def _probabilities(name: str, source: Tensor, samples: Samples) -> Tensor:
    mask = samples.mask
    values = source.to(torch.float64)
    if mask is not None:  # before the softmax, whose derivative would have what is NaN
        values = values.where(mask.unsqueeze(-1), 0.0)
    if not samples.logits:
        check_probabilities(name, source.detach(), mask)
        return values
    values = values.softmax(-1)
    bad = values.detach().isnan().any(-1).nonzero()
    if len(bad):
        raise ValueError(_explain_logits(name, source, int(bad[0])))
    return values


def _explain_logits(name: str, source: Tensor, row: int) -> str:
    found = "NaN" if bool(source[row].isnan().any()) else "no finite largest one"
    return (
        f"{name}[{row}] has logits of which the softmax cannot be taken ({found}); leave such "
        "samples out by mask, or look for what made them so"
    )


def _numbers(predictions: Tensor) -> Any:
    values = predictions.detach()
    if values.dtype not in _USUAL:
        values = values.to(torch.float32)
    return (values if values.is_contiguous() else values.contiguous()).numpy()


def _tolerance(dtype: torch.dtype) -> float:
    return _USUAL.get(dtype) or row_tolerance(torch.finfo(dtype).eps)


def _weights(samples: Samples) -> Floats:
    if samples.weights is None and samples.mask is None:
        return NO_WEIGHTS
    if samples.weights is None:
        assert samples.mask is not None
        return samples.mask.to(torch.float64).cpu().numpy()
    check_weights(samples.weights)
    weights = samples.weights.detach().to(torch.float64)
    if samples.mask is not None:
        weights = weights.where(samples.mask, 0.0)
    return weights.contiguous().cpu().numpy()


def _explain(samples: Samples, bad_source: int, bad_row: int) -> None:
    kept = torch.ones(len(samples.z), dtype=torch.bool)
    if samples.weights is not None or samples.mask is not None:
        kept = torch.from_numpy(_weights(samples)) != 0.0
    if bad_source >= 0:
        name, rows = samples.names[bad_source], samples.sources[bad_source]
        if not samples.logits:
            check_probabilities(name, rows.detach(), kept)
        raise ValueError(_explain_logits(name, rows, bad_row))
    labels = samples.z[kept]
    count_classes(int(labels.min()), int(labels.max()), samples.num_classes)
