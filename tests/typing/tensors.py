"""Calls with tensors."""

import torch
from torch import Tensor
from typing_extensions import assert_type

import fastpid
from fastpid import Decomposition
from fastpid.gaussian import GaussianDecomposition
from fastpid.result import Words

d = fastpid.decompose(torch.ones(2, 2, 2) / 8)
assert_type(d, Decomposition[Tensor])
assert_type(d.synergy, Tensor)
assert_type(d.status, Words)
assert_type(d.method, Words)
assert_type(fastpid.torch.decompose(torch.ones(2, 2, 2) / 8, threads=1), Decomposition[Tensor])

gaussian = fastpid.gaussian.decompose(torch.eye(4, dtype=torch.float64), (1, 1, 2))
assert_type(gaussian, GaussianDecomposition[Tensor])
