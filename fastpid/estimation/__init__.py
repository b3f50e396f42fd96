"""From samples to atoms with their bias corrected, intervals and tests."""

from fastpid.estimation._estimate import estimate, estimate_table
from fastpid.estimation._result import Estimate

__all__ = ["Estimate", "estimate", "estimate_table"]
