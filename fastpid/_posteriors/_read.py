"""What posteriors are handed in, checked and given one p(z)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array, check_rows
from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._posteriors._rake import rake
from fastpid._posteriors._source import Source

Floats = NDArray[np.float64]

#: The largest distance, in total variation, of a source's mean posterior from p(z).
MOST_RAKED = 0.1


def read_sources(
    posteriors_x: Any, posteriors_y: Any, weights: Any, p_z: Any
) -> tuple[list[Source], Floats]:
    """Return both sources, tilted to one p(z), and that."""
    named = {"posteriors_x": posteriors_x, "posteriors_y": posteriors_y}
    rows = {name: read_posteriors(name, value) for name, value in named.items()}
    x, y = rows.values()
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"posteriors_x has {x.shape[1]} classes and posteriors_y has {y.shape[1]}; both must "
            "be posteriors of the same target"
        )
    if weights is None:
        weighed = [np.full(len(part), 1.0 / len(part)) for part in (x, y)]
    else:
        weighed = [_check_weights(weights, x, y)] * 2
    means = [w @ part for w, part in zip(weighed, (x, y), strict=True)]
    target = 0.5 * (means[0] + means[1]) if p_z is None else _check_target(p_z, x.shape[1])
    target = target / target.sum()
    sources = []
    for (name, part), w, mean in zip(rows.items(), weighed, means, strict=True):
        distance = 0.5 * float(np.abs(mean / mean.sum() - target).sum())
        if distance > MOST_RAKED:
            z = int(np.abs(mean - target).argmax())
            raise ValueError(
                f"the mean of {name} is {distance:.3g} from p(z) in total variation, more than "
                f"{MOST_RAKED:g}: class {z} has {mean[z]:.4g} on average and p(z={z}) = "
                f"{target[z]:.4g}; pass calibrated posteriors of samples of one population, or the "
                "right p_z"
            )
        sources.append(Source(rake(name, part, w, target), w, distance, name))
    return sources, target


def read_posteriors(name: str, value: Any) -> Floats:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is a torch tensor; pass {name}.detach().cpu().numpy()")
    array = check_real_array(value, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (n, nz), a row for every sample; got shape {array.shape}"
        )
    rows = np.asarray(array, dtype=np.float64)
    check_rows(name, rows, "not logits, whose softmax is to be taken first", array.dtype)
    return rows


def _check_weights(weights: Any, x: Floats, y: Floats) -> Floats:
    values = check_real_array(weights, "weights").astype(np.float64)
    if values.shape != (len(x),) or len(x) != len(y):
        raise ValueError(
            f"weights has shape {values.shape}, and there are {len(x)} samples of x and {len(y)} "
            "of y; pass one weight a sample, and as many samples of both"
        )
    if not (np.isfinite(values).all() and (values >= 0.0).all() and values.any()):
        raise ValueError("weights must be finite, not negative, and not all zero")
    total: float = values.sum()
    return values / total


def _check_target(p_z: Any, classes: int) -> Floats:
    values = check_real_array(p_z, "p_z").astype(np.float64)
    if values.shape != (classes,):
        raise ValueError(f"p_z has shape {values.shape}, and there are {classes} classes")
    if not ((values >= 0.0).all() and abs(float(values.sum()) - 1.0) <= MASS_TOLERANCE):
        raise ValueError(
            f"p_z must hold probabilities that sum to one; they sum to {values.sum():.8g}, the "
            f"least is {values.min():.4g}"
        )
    return values
