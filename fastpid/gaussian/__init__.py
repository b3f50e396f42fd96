"""Jointly Gaussian sources and target: a covariance -> its certified decomposition."""

from fastpid._solve.gaussian.result import GaussianDecomposition
from fastpid.gaussian._decompose import decompose

__all__ = ["GaussianDecomposition", "decompose"]
