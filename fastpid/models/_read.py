"""Features, targets and groups, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_count, check_real_array, refuse_mask
from fastpid.joint._bins import intervals, quantile_edges

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


class Target(NamedTuple):
    """The class of every sample, and what the classes are."""

    codes: Labels  # (n,), from 0 on
    classes: tuple[Any, ...]

    @property
    def frequencies(self) -> Floats:
        """How frequent each class is."""
        counts: Floats = np.bincount(self.codes, minlength=len(self.classes)).astype(np.float64)
        return counts / len(self.codes)


def read_features(name: str, values: Any) -> NDArray[Any]:
    """Return features (n, d), of their own precision; NaN is for the models to take or not."""
    if hasattr(values, "tocsr"):
        raise TypeError(f"{name} is sparse; pass {name}.toarray(), or fewer dimensions of it")
    array = check_real_array(values, name, bools=True)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (samples, features), one of each at least; got {array.shape}"
            + (f"; pass {name}.reshape(len({name}), -1)" if array.ndim != 2 and array.size else "")
        )
    if np.isinf(array).any():
        raise ValueError(f"{name} holds infinite values; leave those samples or features out")
    return array


def read_target(z: Any, z_bins: int | None) -> Target:
    """Return the classes of z: its values, or quantile bins of them."""
    refuse_mask("z", z)
    values = np.asarray(z)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"z must hold a label for every sample, shape (n,); got {values.shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("z holds NaN or infinite values; leave those samples out of X, Y and z")
    if z_bins is not None:
        count = check_count("z_bins", z_bins, 2)
        if values.dtype.kind not in "fiu":
            raise TypeError(f"z_bins cuts numbers, and z holds {values.dtype}; leave z_bins out")
        edges = quantile_edges(values.astype(np.float64), count)
        if len(edges) != count + 1:
            raise ValueError(
                f"z cannot be cut into {count} quantile classes, because of ties; pass fewer "
                "z_bins, or z as whole numbers without z_bins"
            )
        return Target(np.searchsorted(edges[1:-1], values, side="right"), intervals(edges))
    if values.dtype.kind == "f" and (values != np.round(values)).any():
        raise ValueError(
            f"z holds {len(np.unique(values))} distinct numbers that are not whole; for classes of "
            "a continuous target pass z_bins, for example z_bins=4"
        )
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"z has one class in {len(values)} samples, so that nothing can be said about it"
        )
    return Target(codes.astype(np.intp), tuple(classes.tolist()))


def read_groups(groups: Any, n_samples: int) -> Labels | None:
    """Return a number for the group of every sample."""
    if groups is None:
        return None
    values = np.asarray(groups)
    check_lengths(n_samples, "z", groups=values)
    numbered: Labels = np.unique(values, return_inverse=True)[1].astype(np.intp)
    if numbered.max() == 0:
        raise ValueError("groups holds one group; leave groups out, or pass two or more")
    return numbered


def check_lengths(n_samples: int, of: str, **arrays: NDArray[Any]) -> None:
    """Check that all have as many samples."""
    for name, array in arrays.items():
        if array.shape[:1] != (n_samples,):
            raise ValueError(
                f"{name} has shape {array.shape}, and {of} has {n_samples} samples; pass the same "
                "samples, in the same order"
            )
