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


def read_pair(
    posteriors_x: Any, posteriors_y: Any, weights: Any, p_z: Any
) -> tuple[list[Source], Floats]:
    """Return both sources, tilted to one p(z), and that."""
    named = {"posteriors_x": posteriors_x, "posteriors_y": posteriors_y}
    return read_sources(named, weights, p_z)


def read_sources(named: dict[str, Any], weights: Any, p_z: Any) -> tuple[list[Source], Floats]:
    """Return sources, by what errors call them, tilted to one p(z), and that."""
    rows = {name: read_posteriors(name, value) for name, value in named.items()}
    first, classes = next((name, part.shape[1]) for name, part in rows.items())
    for name, part in rows.items():
        if part.shape[1] != classes:
            raise ValueError(
                f"{first} has {classes} classes and {name} has {part.shape[1]}; all must be "
                "posteriors of the same target"
            )
    if weights is None:
        weighed = [np.full(len(part), 1.0 / len(part)) for part in rows.values()]
    else:
        weighed = [_check_weights(weights, rows)] * len(rows)
    means = [w @ part for w, part in zip(weighed, rows.values(), strict=True)]
    target = np.mean(means, axis=0) if p_z is None else _check_target(p_z, classes)
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


def _check_weights(weights: Any, rows: dict[str, Floats]) -> Floats:
    values = check_real_array(weights, "weights").astype(np.float64)
    if any(values.shape != (len(part),) for part in rows.values()):
        samples = ", ".join(f"{len(part)} samples in {name}" for name, part in rows.items())
        raise ValueError(
            f"weights has shape {values.shape}, and there are {samples}; pass one weight a sample, "
            "and as many samples of all sources"
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
