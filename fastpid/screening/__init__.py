"""All pairs of many columns against one or several targets, and the selection of features."""

from typing import TYPE_CHECKING, Any

from fastpid.screening._result import Screen, ScreenInterrupted
from fastpid.screening._screen import screen

if TYPE_CHECKING:
    from fastpid.screening._selector import PIDSelector

__all__ = ["PIDSelector", "Screen", "ScreenInterrupted", "screen"]


def __getattr__(name: str) -> Any:
    """Import the selector, which needs scikit-learn, when it is first named."""
    if name == "PIDSelector":
        from fastpid.screening._selector import PIDSelector

        return PIDSelector
    raise AttributeError(f"module 'fastpid.screening' has no attribute {name!r}")
