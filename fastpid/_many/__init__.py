"""More than two sources: their union information, and what follows from it."""

from fastpid._many._decompose import decompose_many, decompose_with
from fastpid._many._result import ManyDecomposition
from fastpid._many._union import UnionInformation, solve_sources, union_information

__all__ = [
    "ManyDecomposition",
    "UnionInformation",
    "decompose_many",
    "decompose_with",
    "solve_sources",
    "union_information",
]
