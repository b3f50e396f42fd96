"""Samples as symbols: a decomposition from the posteriors of two sources."""

from fastpid._posteriors._pointwise import pointwise_posteriors
from fastpid._posteriors._posteriors import decompose_posteriors
from fastpid._posteriors._samples import PointwiseSamples
from fastpid._posteriors._union import union_posteriors

__all__ = ["PointwiseSamples", "decompose_posteriors", "pointwise_posteriors", "union_posteriors"]
