"""How many threads to use."""

from __future__ import annotations

import os

#: Below this many table cells a second thread costs more than it saves.
_CELLS_PER_THREAD = 8192


def count_threads(threads: int, cells: int) -> int:
    """Return the number requested (0: what is available), fewer if there is too little to do.

    Raises
    ------
    ValueError
        If the environment variable ``FASTPID_NUM_THREADS`` is no positive integer.
    """
    threads = threads or _threads_of_environment(os.environ.get("FASTPID_NUM_THREADS"))
    if cells < 2 * _CELLS_PER_THREAD:
        return 1
    if threads == 0:
        try:
            threads = len(os.sched_getaffinity(0))
        except AttributeError:  # not Linux
            threads = os.cpu_count() or 1
    return max(1, min(threads, cells // _CELLS_PER_THREAD))


def _threads_of_environment(value: str | None) -> int:
    if value is None or value.strip() == "":
        return 0
    if not value.strip().isdecimal() or int(value) < 1:
        raise ValueError(
            f"the environment variable FASTPID_NUM_THREADS must be a positive integer; "
            f"got {value!r}; correct it or unset it"
        )
    return int(value)
