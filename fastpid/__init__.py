"""fastpid: certified partial information decomposition, fast."""

from fastpid import information, joint
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status
from fastpid.solver import decompose

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "Decomposition",
    "Status",
    "decompose",
    "information",
    "joint",
]
__version__ = "0.1.0"
