"""Calls with arrays."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import fastpid
from fastpid import Decomposition, Estimate, Screen, Status
from fastpid.gaussian import GaussianDecomposition

Floats = NDArray[np.float64]

one: np.ndarray[tuple[int, int, int], np.dtype[np.float64]] = np.ones((2, 2, 2)) / 8
d = fastpid.decompose(one)
assert_type(d, Decomposition[float])
assert_type(d.synergy, float)
assert_type(d.gap, float)
assert_type(d.status, Status)
assert_type(d.method, str)
assert_type(d.iterations, int)
assert_type(d.converged, bool)
assert_type(d.message, str)

pair: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.ones((2, 2)) / 4
assert_type(fastpid.decompose_marginals(pair, pair), Decomposition[float])
assert_type(fastpid.decompose_marginals(pair, pair, mi_xy=0.5).synergy, float)

many: np.ndarray[tuple[int, int, int, int], np.dtype[np.float64]] = np.ones((5, 2, 2, 2)) / 8
batch = fastpid.decompose(many, method="newton", unit="nats", on_failure="ignore")
assert_type(batch, Decomposition[Floats])
assert_type(batch.redundancy, Floats)
assert_type(batch.status, NDArray[np.str_])
assert_type(batch.method, NDArray[np.str_])
assert_type(batch.iterations, NDArray[np.int32])
assert_type(batch.converged, NDArray[np.bool_])
for part in batch:
    part.synergy  # noqa: B018

e = fastpid.estimate([0, 1], [0, 1], [0, 1], bias="miller_madow", ci="none", rng=0)
assert_type(e, Estimate)
assert_type(e.synergy, float)
assert_type(e.decomposition, Decomposition[float])
assert_type(fastpid.estimate_table(np.ones((2, 2, 2), int), null="target"), Estimate)

s = fastpid.screen(np.ones((4, 2)), [0, 1, 0, 1])
assert_type(s, Screen)
assert_type(fastpid.screen(np.ones((4, 2)), "z", return_as="generator"), Iterator[Screen])
assert_type(s.values("synergy"), Floats)

matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.eye(4)
gaussian = fastpid.gaussian.decompose(matrix, (1, 1, 2))
assert_type(gaussian, GaussianDecomposition[float])
assert_type(gaussian.synergy, float)
matrices: np.ndarray[tuple[int, int, int], np.dtype[np.float64]] = np.eye(4)[None]
assert_type(fastpid.gaussian.decompose(matrices, ([0], [1], [2, 3])).gap, Floats)
