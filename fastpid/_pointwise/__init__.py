"""What every cell of a table contributes to the atoms."""

from fastpid._pointwise._pointwise import pointwise, pointwise_of
from fastpid._pointwise._result import PointwiseDecomposition

__all__ = ["PointwiseDecomposition", "pointwise", "pointwise_of"]
