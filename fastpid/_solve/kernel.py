"""The compiled kernel, in the variant that suits this processor.

The kernel is compiled once per instruction set, as modules of their own, and its Python bindings
once for all. The best variant that the processor runs is taken at import; ``FASTPID_ISA`` names
another (``x86_64_v2``, say).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from types import ModuleType

_VARIANTS = ("x86_64_v4", "x86_64_v3", "x86_64_v2", "generic")


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"fastpid._solve._{name}")


def _select() -> ModuleType:
    built = [
        v for v in _VARIANTS if importlib.util.find_spec(f"fastpid._solve._kernel_{v}") is not None
    ]
    if not built:
        raise ImportError(
            "fastpid was not compiled: its kernel is missing. Install it with pip, or run "
            "`pip install -e .` if this is a checkout of the sources"
        )
    # The last one built runs everywhere that the package does, and knows the processor.
    usable = [*_load(f"kernel_{built[-1]}").processor(), built[-1]]
    choices = [variant for variant in built if variant in usable]
    wanted = os.environ.get("FASTPID_ISA", "").replace("-", "_") or choices[0]
    if wanted not in choices:
        raise ImportError(
            f"FASTPID_ISA={wanted!r} cannot be used: built and supported by this processor are "
            f"{', '.join(choices)}; set it to one of these, or unset it"
        )
    bindings = _load("bindings")
    bindings.use(_load(f"kernel_{wanted}").kernel())
    return bindings


def cuda_library() -> Path | None:
    """Where libfastpid_cuda is; None if the package was built without it."""
    path = Path(__file__).resolve().parent.parent / "libfastpid_cuda.so"
    return path if path.is_file() else None


def build_info() -> dict[str, str | bool]:
    """Return compiler, language standard, instruction set, Eigen version, and whether with CUDA."""
    built: dict[str, str | bool] = _kernel.build_info()
    variant = str(built["instruction_set"]).replace("-", "_")  # as FASTPID_ISA takes it
    return {**built, "instruction_set": variant, "cuda": cuda_library() is not None}


_kernel = _select()
count_pairs = _kernel.count_pairs
count_triples = _kernel.count_triples
decompose_many = _kernel.decompose_many
decompose_marginals = _kernel.decompose_marginals
gradient = _kernel.gradient
layout = _kernel.layout
loss_of_predictions = _kernel.loss_of_predictions
loss_step = _kernel.loss_step
marginal_gradients = _kernel.marginal_gradients
permute = _kernel.permute
weigh = _kernel.weigh
rearrange = _kernel.rearrange
solve_gaussian = _kernel.solve_gaussian
solve_marginals = _kernel.solve_marginals
soft_table = _kernel.soft_table
soft_table_gradient = _kernel.soft_table_gradient
solve_tables = _kernel.solve_tables
union_information = _kernel.union_information
