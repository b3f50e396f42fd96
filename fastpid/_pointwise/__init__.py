"""What every cell of a table contributes to the atoms."""

from fastpid._pointwise._many import pointwise_many
from fastpid._pointwise._many_result import ManyPointwiseDecomposition
from fastpid._pointwise._pointwise import pointwise, pointwise_of
from fastpid._pointwise._result import PointwiseDecomposition

__all__ = [
    "ManyPointwiseDecomposition",
    "PointwiseDecomposition",
    "pointwise",
    "pointwise_many",
    "pointwise_of",
]
