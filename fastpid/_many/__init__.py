"""More than two sources: their union information, and what follows from it."""

from fastpid._many._decompose import decompose_many, decompose_with
from fastpid._many._result import ManyDecomposition
from fastpid._many._union import (
    UnionInformation,
    report_solved,
    solve_sources,
    union_information,
)

__all__ = [
    "ManyDecomposition",
    "UnionInformation",
    "decompose_many",
    "decompose_with",
    "report_solved",
    "solve_sources",
    "union_information",
]
