"""All pairs or triples of many columns against targets, networks, the selection of features."""

from typing import TYPE_CHECKING, Any

from fastpid.screening._network import network
from fastpid.screening._network_result import Network
from fastpid.screening._ranked import ScreenInterrupted
from fastpid.screening._result import Screen
from fastpid.screening._screen import screen
from fastpid.screening._screen_triples import screen_triples
from fastpid.screening._triple_screen import TripleScreen

if TYPE_CHECKING:
    from fastpid.screening._selector import PIDSelector

__all__ = [
    "Network",
    "PIDSelector",
    "Screen",
    "ScreenInterrupted",
    "TripleScreen",
    "network",
    "screen",
    "screen_triples",
]


def __getattr__(name: str) -> Any:
    """Import the selector, which needs scikit-learn, when it is first named."""
    if name == "PIDSelector":
        from fastpid.screening._selector import PIDSelector

        return PIDSelector
    raise AttributeError(f"module 'fastpid.screening' has no attribute {name!r}")
