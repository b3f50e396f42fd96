"""Tables added up over the processes of a training."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def count_processes() -> int:
    """Return how many processes train together; 1 without torch.distributed."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1
    return distributed.get_world_size()


def add_processes(sums: Floats) -> Floats:
    """Return the sum over all processes.

    Raises
    ------
    ValueError
        If one of them has sent what :func:`tell_failure` sends.
    """
    # NCCL takes memory of the device alone.
    on = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    total = torch.from_numpy(sums).to(on, copy=True)
    torch.distributed.all_reduce(total)
    added: Floats = total.cpu().numpy()
    if not np.isfinite(added).all():
        raise ValueError("another process has refused its predictions or labels; see its error")
    return added


def tell_failure(shape: tuple[int, ...]) -> None:
    """Tell the other processes, which wait for a table of this shape, that there is none."""
    with contextlib.suppress(ValueError):
        add_processes(np.full(shape, np.nan))
