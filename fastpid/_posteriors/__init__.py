"""Samples as symbols: a decomposition from the posteriors of two sources."""

from fastpid._posteriors._posteriors import decompose_posteriors

__all__ = ["decompose_posteriors"]
