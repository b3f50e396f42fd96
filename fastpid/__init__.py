"""fastpid: certified partial information decomposition, fast."""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from fastpid import gates, information, reference
from fastpid._decompose import decompose
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status

if TYPE_CHECKING:
    from fastpid import joint
    from fastpid.screening import Screen, screen
    from fastpid.estimation import Estimate, estimate

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

#: Imported when they are first named, so that `import fastpid` stays light.
_MODULES = (
    "controller",
    "joint",
    "plot",
    "screening",
    "torch",
)
_HOME = {
    "Estimate": "estimation",
    "Screen": "screening",
    "estimate": "estimation",
    "screen": "screening",
}


def __getattr__(name: str) -> _Any:
    """Import a module, or what stands in one, when it is first named."""
    if name in _MODULES:
        return _importlib.import_module(f"fastpid.{name}")
    if name in _HOME:
        found = getattr(_importlib.import_module(f"fastpid.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'fastpid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOME})
