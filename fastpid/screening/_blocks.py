"""Blocks of a long run, here or in other processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from numpy.typing import NDArray

from fastpid._base.extras import import_extra


class BlockWork(Protocol):
    """Work that is done a block of its numbers at a time."""

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records of numbers [start, stop)."""
        ...


def computed(
    work: BlockWork, blocks: Iterable[tuple[int, int]], n_jobs: int
) -> Iterator[NDArray[Any]]:
    """Yield the records of blocks, in their order.

    Jobs are those of the joblib backend in force, :func:`joblib.parallel_config`.

    Raises
    ------
    ImportError
        If `n_jobs` is not 1 and joblib is not installed.
    """
    if n_jobs == 1:
        for start, stop in blocks:
            yield work.block(start, stop)
        return
    joblib = import_extra("joblib", "n_jobs")
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator", pre_dispatch="2*n_jobs")
    yield from parallel(joblib.delayed(work.block)(start, stop) for start, stop in blocks)
