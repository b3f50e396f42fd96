"""Packages that are extras, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, what: str, extra: str = "estimate") -> Any:
    """Return a module of an extra; ImportError that says what needs it and how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(module.split(".")[0], module.split(".")[0])
        raise ImportError(f"{what} needs {package}: pip install fastpid[{extra}]") from error
