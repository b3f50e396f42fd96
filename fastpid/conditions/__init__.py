"""Conditions: by how much atoms differ between them, with intervals and tests."""

from fastpid.conditions._differences import estimate_differences
from fastpid.conditions._result import Differences

__all__ = ["Differences", "estimate_differences"]
