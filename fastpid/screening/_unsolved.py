"""What is said of tables that were not solved to tol."""

from __future__ import annotations

import warnings
from typing import Any

from fastpid._base.quantities import METHODS
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions
from fastpid.result import ConvergenceError, ConvergenceWarning


def report_unsolved(
    what: str, gap: float, remains: str, options: SolveOptions, on_failure: str, result: Any
) -> None:
    """Warn of (or raise about) a gap above tol; a bracket is what proxy means.

    Parameters
    ----------
    what, remains : str
        What was not solved, and what holds all the same.
    gap : float
        The widest, in the unit of the options.
    options : SolveOptions
    on_failure : {"warn", "raise", "ignore"}
    result : Any
        What an error carries.
    """
    proxy = options.method == METHODS.index("proxy")
    if on_failure == "ignore" or proxy or gap <= options.tol * options.scale:
        return
    text = (
        f"some {what} were not solved to tol: the largest gap is {gap:.2e} {options.unit}; "
        f"{remains}"
    )
    if on_failure == "raise":
        raise ConvergenceError(text, result)
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside("fastpid"))
