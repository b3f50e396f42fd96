"""Decompositions of torch tensors: differentiable, batched, on the tensor's device.

``fastpid.decompose`` and its siblings bring tensors here by themselves.
``from_predictions`` makes the table of two classifiers' predictions, ``PIDLoss`` a loss of them.
"""

from __future__ import annotations

try:
    import torch as _torch
except ImportError as error:
    raise ImportError("fastpid.torch needs torch: pip install fastpid[torch]") from error

if not hasattr(_torch.library, "register_vmap"):
    raise ImportError(
        f"fastpid.torch needs torch 2.5 or newer; found {_torch.__version__}: "
        "pip install fastpid[torch]"
    )

from fastpid.torch._decompose import decompose
from fastpid.torch._decompose_many import decompose_many
from fastpid.torch._decompose_marginals import decompose_marginals
from fastpid.torch._loss.module import PIDLoss, pid_loss
from fastpid.torch._predictions import from_predictions
from fastpid.torch._union_information import union_information

__all__ = [
    "PIDLoss",
    "decompose",
    "decompose_many",
    "decompose_marginals",
    "from_predictions",
    "pid_loss",
    "union_information",
]
