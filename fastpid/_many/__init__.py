"""More than two sources: their union information, and what follows from it."""

from fastpid._many._decompose import decompose_many
from fastpid._many._result import ManyDecomposition
from fastpid._many._union import UnionInformation, union_information

__all__ = ["ManyDecomposition", "UnionInformation", "decompose_many", "union_information"]
