"""Progress of long runs, by tqdm."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def progress_bar(
    wanted: bool | None, total: int | None, what: str, unit: str
) -> Iterator[Callable[[int], object]]:
    """Give a function to call with how much more is done.

    Parameters
    ----------
    wanted : bool, optional
        None shows a bar on a terminal, after a second, if tqdm is installed.
    total : int, optional
        How much there is to do in all, if that is known.
    what, unit : str
        What is done, and what is counted.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """
    tqdm = None if wanted is False else _tqdm()
    if tqdm is None:
        if wanted:
            raise ImportError('progress=True needs tqdm: pip install "fastpid[estimate]"')
        yield lambda done: None
        return
    # disable=None is tqdm's word for "unless this is a terminal".
    with tqdm(
        total=total,
        desc=what,
        unit=unit if unit == "B" else f" {unit}",
        unit_scale=True,
        delay=0 if wanted else 1.0,
        disable=False if wanted else None,
    ) as bar:
        yield bar.update


def _tqdm() -> Any:
    """Return tqdm's bar for this terminal or notebook; None if it is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    # Without ipywidgets tqdm.auto warns in notebooks, where plain text does as well.
    if importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.auto import tqdm as tqdm
    return tqdm
