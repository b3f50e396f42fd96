"""The joint table of two classifiers' predictions and the labels, differentiably."""

from __future__ import annotations

import torch
from torch import Tensor

from fastpid._base.checks import check_num_classes, check_soft_classes, count_classes
from fastpid.torch._checks import (
    check_floating,
    check_labels,
    check_probabilities,
    check_samples,
    check_weights,
    has_values,
)

#: Up to so many numbers in the product of X's probabilities and one-hot labels, all classes are
#: summed in one matrix product; beyond, each class by itself, without the zeros between them.
_ONE_PRODUCT = 2**22


def from_predictions(
    probs_x: Tensor,
    probs_y: Tensor,
    z: Tensor,
    *,
    num_classes: int | None = None,
    weights: Tensor | None = None,
    mask: Tensor | None = None,
    logits: bool = False,
    validate: bool = True,
) -> Tensor:
    """Return the joint distribution of two soft predictions and the label.

    Every sample draws a symbol x from its row of `probs_x` and, independently, a symbol y from its
    row of `probs_y`::

        p[x, y, z] = sum_i w_i probs_x[i, x] probs_y[i, y] 1[z_i = z] / sum_i w_i

    Differentiable by `probs_x`, `probs_y` and `weights`, to any order. For arrays:
    :func:`fastpid.joint.from_predictions`, which refuses the same input.

    Parameters
    ----------
    probs_x : Tensor, shape (..., n, nx)
        Probabilities of n samples, floating-point; each row sums to one, within 1e-5 or what its
        precision allows. Leading axes are a batch.
    probs_y : Tensor, shape (..., n, ny)
    z : Tensor
        Hard labels, integers of shape (..., n) in [0, num_classes), or soft labels, floating-point
        probabilities of shape (..., n, nz).
    num_classes : int, optional
        nz for hard labels; by default the largest label plus one. Pass it explicitly in a training
        loop, where a batch may lack the last class.
    weights : Tensor, shape (..., n), optional
        Non-negative weights of the samples; one each by default.
    mask : Tensor of bool, shape (..., n), optional
        False leaves a sample out; its probabilities and label are then not looked at.
    logits : bool
        `probs_x` and `probs_y` are logits, of which the softmax is taken.
    validate : bool
        Check the values. False skips the check and its CUDA synchronisation. Compiled code and
        vmap never check.

    Returns
    -------
    Tensor, shape (..., nx, ny, nz), float64
        Divided by its sum, so that rounding in the rows leaves a distribution. float64 whatever the
        inputs, also under autocast: :func:`fastpid.decompose` computes in it.

    Raises
    ------
    TypeError
        Integer probabilities, sparse or quantised tensors.
    ValueError
        Rows that do not sum to one, labels that require a gradient or are out of range, sizes,
        batches or devices that do not match, no samples or none left by weights and mask.

    Examples
    --------
    >>> import torch, fastpid
    >>> logits = torch.zeros(4, 2, requires_grad=True)
    >>> labels = torch.tensor([0, 1, 1, 0])
    >>> p = fastpid.torch.from_predictions(logits, logits, labels, num_classes=2, logits=True)
    >>> p.shape, round(p.sum().item(), 12)
    (torch.Size([2, 2, 2]), 1.0)
    """
    names = ("probs_x", "probs_y")
    hint = "pass probabilities, or logits with logits=True"
    sources = [
        check_floating(name, probs, hint)
        for name, probs in zip(names, (probs_x, probs_y), strict=True)
    ]
    labels = check_labels(z)
    check_samples(sources, labels, weights, mask)
    classes = check_num_classes(num_classes)
    check_values = validate and has_values(*sources, labels, weights, mask)
    # Nothing is cast on the meta device, which autocast does not know.
    device = "cpu" if sources[0].is_meta else sources[0].device.type
    with torch.autocast(device, enabled=False):
        if check_values and not logits:
            for name, probs in zip(names, sources, strict=True):
                check_probabilities(name, probs, mask)
        x, y = (probs.to(torch.float64) for probs in sources)
        if mask is not None:
            # where() rather than a product: what is masked may be NaN; before the softmax, whose
            # derivative would have it.
            kept = mask.unsqueeze(-1)
            x, y = x.where(kept, 0.0), y.where(kept, 0.0)
        if logits:
            x, y = x.softmax(-1), y.softmax(-1)
        hard = not labels.dtype.is_floating_point
        if hard:
            nz = _count_classes(labels, mask, classes, check_values)
            if mask is not None:
                labels = labels.where(mask, 0)
        else:
            check_soft_classes(labels.shape[-1], classes)
            if check_values:
                check_probabilities("z", labels, mask)
            nz = labels.shape[-1]
        if weights is not None:
            if check_values:
                check_weights(weights)
            x = x * weights.to(torch.float64).unsqueeze(-1)
        if mask is not None:
            x, y = x.where(kept, 0.0), y.where(kept, 0.0)
            if not hard:
                labels = labels.where(kept, 0.0)
        if not hard:
            joint = _sum(x.unsqueeze(-1) * labels.to(torch.float64).unsqueeze(-2), y)
        elif x.numel() * nz > _ONE_PRODUCT and check_values and x.dim() == 2:
            joint = _sum_by_class(x, y, labels, nz)
        else:
            joint = _sum(_spread(x, labels, nz), y)
        total = joint.sum((-3, -2, -1), keepdim=True)
        if check_values and not bool((total > 0.0).all()):
            if bool(total.isnan().any()):  # probabilities have been checked, logits have not
                raise ValueError(
                    "probs_x or probs_y has logits that are NaN, or a row without a finite largest "
                    "one; leave such samples out by mask"
                )
            raise ValueError(
                "no samples are left: weights and mask leave a table without mass; "
                "leave at least one sample in"
            )
        return joint / total


def _spread(x: Tensor, labels: Tensor, nz: int) -> Tensor:
    """Return (..., n, nx, nz) with x[i] at its label, and zeros."""
    at = labels.unsqueeze(-1).unsqueeze(-1).expand(*x.shape, 1)
    return x.new_zeros(*x.shape, nz).scatter(-1, at, x.unsqueeze(-1))


def _sum(xz: Tensor, y: Tensor) -> Tensor:
    """Sum over i of xz[i, x, z] y[i, y]: one matrix product (nx nz, n) (n, ny)."""
    table: Tensor = xz.flatten(-2).transpose(-1, -2) @ y
    table = table.reshape(*xz.shape[:-3], *xz.shape[-2:], y.shape[-1])
    return table.transpose(-1, -2).contiguous()


def _sum_by_class(x: Tensor, y: Tensor, labels: Tensor, nz: int) -> Tensor:
    """Do the same for hard labels and a single batch, every class by itself."""
    order = labels.argsort(stable=True)
    sizes = torch.bincount(labels, minlength=nz).tolist()
    planes = [
        a.transpose(0, 1) @ b
        for a, b in zip(x[order].split(sizes), y[order].split(sizes), strict=True)
    ]
    return torch.stack(planes, dim=-1)


def _count_classes(
    labels: Tensor, mask: Tensor | None, classes: int | None, check_values: bool
) -> int:
    if check_values:
        kept = labels if mask is None else labels[mask]
        if kept.numel() == 0:
            raise ValueError("no samples are left: mask leaves none in; leave at least one")
        least, most = (int(v) for v in kept.aminmax())
        return count_classes(least, most, classes)
    if classes is None:
        raise ValueError(
            "num_classes is needed where the values of z cannot be checked: under torch.compile "
            "and vmap, and with validate=False"
        )
    return classes
