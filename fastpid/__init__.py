"""fastpid: certified partial information decomposition, fast."""

from typing import Any as _Any

from fastpid import gates, information, joint, reference
from fastpid._dispatch import decompose
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status
from fastpid.screening import Screen, screen
from fastpid.uncertainty import Estimate, estimate

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "Decomposition",
    "Estimate",
    "Screen",
    "Status",
    "decompose",
    "estimate",
    "gates",
    "information",
    "joint",
    "reference",
    "screen",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> _Any:
    """Import fastpid.torch, and torch with it, when it is first named."""
    if name == "torch":
        import importlib

        return importlib.import_module("fastpid.torch")
    raise AttributeError(f"module 'fastpid' has no attribute {name!r}")
