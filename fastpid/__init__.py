"""fastpid: certified partial information decomposition, fast."""

from fastpid import gates, information, joint, reference
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status
from fastpid.solver import decompose

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "Decomposition",
    "Status",
    "decompose",
    "gates",
    "information",
    "joint",
    "reference",
]
__version__ = "0.1.0"
