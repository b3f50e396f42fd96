"""Jointly Gaussian sources and target: covariances, or samples -> a certified decomposition."""

from fastpid._solve.gaussian.result import GaussianDecomposition
from fastpid.gaussian._course_result import GaussianTimeCourse
from fastpid.gaussian._decompose import decompose
from fastpid.gaussian._estimate import estimate
from fastpid.gaussian._over import estimate_over
from fastpid.gaussian._result import GaussianEstimate
from fastpid.gaussian._screen import screen

__all__ = [
    "GaussianDecomposition",
    "GaussianEstimate",
    "GaussianTimeCourse",
    "decompose",
    "estimate",
    "estimate_over",
    "screen",
]
