"""All pairs of many columns against targets, networks of columns, and the selection of features."""

from typing import TYPE_CHECKING, Any

from fastpid.screening._network import network
from fastpid.screening._network_result import Network
from fastpid.screening._result import Screen, ScreenInterrupted
from fastpid.screening._screen import screen

if TYPE_CHECKING:
    from fastpid.screening._selector import PIDSelector

__all__ = ["Network", "PIDSelector", "Screen", "ScreenInterrupted", "network", "screen"]


def __getattr__(name: str) -> Any:
    """Import the selector, which needs scikit-learn, when it is first named."""
    if name == "PIDSelector":
        from fastpid.screening._selector import PIDSelector

        return PIDSelector
    raise AttributeError(f"module 'fastpid.screening' has no attribute {name!r}")
