"""Calls with tensors."""

import torch
from torch import Tensor
from typing_extensions import assert_type

import fastpid
from fastpid import Decomposition
from fastpid.result import Words

d = fastpid.decompose(torch.ones(2, 2, 2) / 8)
assert_type(d, Decomposition[Tensor])
assert_type(d.synergy, Tensor)
assert_type(d.status, Words)
assert_type(d.method, Words)
assert_type(fastpid.torch.decompose(torch.ones(2, 2, 2) / 8, threads=1), Decomposition[Tensor])
