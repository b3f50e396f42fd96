"""From samples to atoms with their bias corrected, intervals and tests."""

from fastpid.estimation._estimate import Estimate, estimate, estimate_table

__all__ = ["Estimate", "estimate", "estimate_table"]
