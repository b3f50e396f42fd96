"""One table through the kernel, at the tolerance and in the unit of a bridge."""

from __future__ import annotations

from typing import Any

from fastpid._base.quantities import Unit
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import check_tables
from fastpid.result import Decomposition


def solve_table(table: Any, unit: Unit = "bits", name: str = "p") -> Decomposition[Any]:
    """Return the decomposition of a table, the target last, and warn if it did not converge."""
    checked = check_tables(table, name=name)
    solved = solve_tables(checked, recall_options("auto", 1e-9, None, unit))
    result = solved.result()
    solved.report("fastpid")
    return result
