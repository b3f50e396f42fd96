"""The joint tables of classifiers' predictions and the labels; fastpid.joint names them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import (
    check_bool,
    check_labels,
    check_num_classes,
    check_real_array,
    check_rows,
    check_soft_classes,
    count_classes,
    refuse_mask,
)
from fastpid.joint._tables import check_cells

#: Products of predictions that are in memory at a time (32 MiB).
_CELLS_AT_A_TIME = 2**22


def from_predictions(
    probs_x: Any,
    probs_y: Any,
    z: Any,
    *,
    num_classes: int | None = None,
    weights: Any = None,
    mask: Any = None,
    logits: bool = False,
) -> NDArray[np.float64]:
    """Return the joint distribution of two soft predictions and the label.

    Every sample draws a symbol x from its row of `probs_x` and, independently, a symbol y from its
    row of `probs_y`::

        p[x, y, z] = sum_i w_i probs_x[i, x] probs_y[i, y] 1[z_i = z] / sum_i w_i

    The question is what the predicted classes say. :func:`fastpid.decompose_posteriors` asks what
    posteriors say, with samples for symbols, and :func:`fastpid.models.estimate` what views do.

    For tensors, differentiably: :func:`fastpid.torch.from_predictions`. Both refuse the same input.

    Parameters
    ----------
    probs_x : array_like, shape (n, nx)
        Probabilities of n samples; each row sums to one within 1e-5.
    probs_y : array_like, shape (n, ny)
    z : array_like
        Hard labels, integers of shape (n,) in [0, num_classes), or soft labels, probabilities of
        shape (n, nz).
    num_classes : int, optional
        nz for hard labels; by default the largest label plus one.
    weights : array_like, shape (n,), optional
        Non-negative weights of the samples; one each by default.
    mask : array_like of bool, shape (n,), optional
        False leaves a sample out; its probabilities and label are then not looked at.
    logits : bool
        `probs_x` and `probs_y` are logits, of which the softmax is taken.

    Returns
    -------
    ndarray, shape (nx, ny, nz), float64
        Divided by its sum, so that rounding in the rows leaves a distribution.

    Raises
    ------
    ValueError
        Rows that do not sum to one, labels out of range, sizes that do not match, no samples or
        none left by weights and mask.
    TypeError
        For types that make no sense: complex or object arrays, float labels in one axis.

    Examples
    --------
    >>> import fastpid
    >>> sure, unsure = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> d = fastpid.decompose(fastpid.joint.from_predictions(sure, unsure, [0, 1]))
    >>> round(d.unique_x, 9), round(d.unique_y, 9)
    (1.0, 0.0)
    """
    x, y, labels, weight, count = read_predictions(
        probs_x, probs_y, z, num_classes=num_classes, weights=weights, mask=mask, logits=logits
    )
    weighted = x * weight[:, None]
    if labels.ndim == 2:
        table = np.stack([(weighted * column[:, None]).T @ y for column in labels.T], axis=-1)
    else:
        table = sum_by_class(weighted, y, labels, count)
    return np.asarray(table / table.sum(), dtype=np.float64)


def from_many_predictions(
    probs: Sequence[Any],
    z: Any,
    *,
    num_classes: int | None = None,
    weights: Any = None,
    mask: Any = None,
    logits: bool = False,
) -> NDArray[np.float64]:
    """Return the joint distribution of any number of soft predictions and the label.

    As :func:`from_predictions` does of two, for :func:`fastpid.decompose_many`: every sample draws
    a symbol from each of its rows, independently.

    Parameters
    ----------
    probs : sequence of array_like, shapes (n, n_1), (n, n_2), ...
        Probabilities of n samples by each of two classifiers or more; each row sums to one within
        1e-5.
    z, num_classes, weights, mask, logits
        As there.

    Returns
    -------
    ndarray, shape (n_1, ..., n_M, nz), float64

    Raises
    ------
    ValueError, TypeError
        As :func:`from_predictions` does; for fewer than two predictions, or one array in their
        place.

    Examples
    --------
    >>> import fastpid
    >>> sure, unsure = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> p = fastpid.joint.from_many_predictions([sure, sure, unsure], [0, 1])
    >>> round(fastpid.decompose_many(p).coverage[0, 1], 9)
    1.0
    """
    if not isinstance(probs, (list, tuple)):
        found = type(probs).__name__
        raise TypeError(
            f"probs must be a list of arrays (samples, symbols), one a classifier; got {found}; "
            "pass list(probs) if its first axis is the classifiers"
        )
    if len(probs) < 2:
        raise ValueError(f"probs holds {len(probs)} predictions; pass those of two classifiers")
    rows, labels, weight, count = _read(
        {f"probs[{i}]": each for i, each in enumerate(probs)},
        *(z, num_classes, weights, mask, logits),
    )
    shape = tuple(each.shape[1] for each in rows)
    soft = labels if labels.ndim == 2 else None
    check_cells((*shape, count))
    table = np.zeros((math.prod(shape[:-1]), shape[-1], count))
    step = max(1, _CELLS_AT_A_TIME // table.shape[0])
    for start in range(0, len(weight), step):
        some = slice(start, start + step)
        first = weight[some, None]
        for each in rows[:-1]:
            first = (first[:, :, None] * each[some, None, :]).reshape(len(first), -1)
        last = rows[-1][some]
        if soft is None:
            table += sum_by_class(first, last, labels[some], count)
        else:
            for k in range(count):
                table[..., k] += (first * soft[some, k, None]).T @ last
    return np.asarray((table / table.sum()).reshape(*shape, count), dtype=np.float64)


class Predictions(NamedTuple):
    """What two classifiers predict of samples, and their labels: checked, those left out gone."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    labels: NDArray[Any]  # integers (n,), or probabilities (n, classes)
    weights: NDArray[np.float64]  # the largest is one
    classes: int


def read_predictions(
    probs_x: Any,
    probs_y: Any,
    z: Any,
    *,
    num_classes: int | None,
    weights: Any,
    mask: Any,
    logits: bool,
) -> Predictions:
    """Check predictions: :func:`fastpid.joint.from_predictions` says how."""
    (x, y), labels, weight, count = _read(
        {"probs_x": probs_x, "probs_y": probs_y}, z, num_classes, weights, mask, logits
    )
    if labels.ndim == 1:
        check_cells((x.shape[1], y.shape[1], count))
    return Predictions(x, y, labels, weight, count)


def _read(
    probs: Mapping[str, Any], z: Any, num_classes: Any, weights: Any, mask: Any, logits: Any
) -> tuple[list[NDArray[np.float64]], NDArray[Any], NDArray[np.float64], int]:
    """Check predictions by name, and return them with labels, weights and number of classes."""
    check_bool("logits", logits)
    classes = check_num_classes(num_classes)
    rows = {name: check_matrix(name, each) for name, each in probs.items()}
    labels = check_labels(z)
    first, *others = rows
    samples = len(rows[first])
    keep = np.ones(samples, dtype=bool)
    if mask is not None:
        refuse_mask("mask", mask)
        keep = np.asarray(mask)
        if keep.dtype != np.bool_:
            raise TypeError(f"mask must hold bools; got dtype {keep.dtype}")
    weight = (
        np.ones(samples) if weights is None else check_real_array(weights, "weights", bools=True)
    )
    given = {**{name: rows[name] for name in others}, "z": labels, "weights": weight, "mask": keep}
    for name, array in given.items():
        if array.shape[:1] != (samples,) or (name in ("weights", "mask") and array.ndim != 1):
            raise ValueError(
                f"{name} has shape {array.shape}, but {first} has {samples} samples; "
                "pass the same samples in both"
            )
    weight = weight.astype(np.float64)[keep]
    if not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise ValueError("weights must be finite and not negative; some are not")
    if not weight.any():
        raise ValueError("no samples are left by weights and mask; leave at least one in")
    weight = weight / weight.max()  # of any scale, without overflow
    labels = labels[keep]
    rows = {name: each[keep] for name, each in rows.items()}
    if logits:
        rows = {name: softmax(name, each) for name, each in rows.items()}
    else:
        for name, each in rows.items():
            check_rows(
                name, each, "or logits with logits=True", getattr(probs[name], "dtype", None)
            )
    matrices = list(rows.values())
    if labels.ndim == 2:
        soft = labels.astype(np.float64)
        check_soft_classes(soft.shape[1], classes)
        check_rows("z", soft, "or integer labels in one axis", labels.dtype)
        return matrices, soft, weight, soft.shape[1]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise TypeError(
            "z must be integer labels of shape (n,) or probabilities of shape (n, nz); got "
            f"dtype {labels.dtype} and shape {labels.shape}; pass labels as z.astype(int)"
        )
    count = count_classes(int(labels.min()), int(labels.max()), classes)
    return matrices, labels, weight, count


def sum_by_class(
    x: NDArray[np.float64], y: NDArray[np.float64], labels: NDArray[Any], classes: int
) -> NDArray[np.float64]:
    """Return the sums of x[i] y[i]' over the samples of every class, shape (nx, ny, classes)."""
    order = np.argsort(labels, kind="stable")
    x, y = x[order], y[order]
    ends = np.bincount(labels, minlength=classes).cumsum().tolist()
    out = np.empty((classes, x.shape[1], y.shape[1]))
    start = 0
    for plane, end in zip(out, ends, strict=True):
        np.matmul(x[start:end].T, y[start:end], out=plane)
        start = end
    return np.ascontiguousarray(out.transpose(1, 2, 0))


def check_matrix(name: str, values: Any) -> NDArray[np.float64]:
    """Return an array (samples, symbols) of real numbers, with one of each at least."""
    array = check_real_array(values, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (samples, symbols), one of each at least; got {array.shape}"
        )
    return array.astype(np.float64)


def softmax(name: str, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of rows of logits."""
    largest = logits.max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        raise ValueError(f"{name} has rows of logits without a finite largest entry")
    odds = np.exp(logits - largest)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
