"""fastpid: certified partial information decomposition, fast."""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from fastpid import gates as gates
from fastpid import information as information
from fastpid._decompose import decompose as decompose
from fastpid.result import ConvergenceError as ConvergenceError
from fastpid.result import ConvergenceWarning as ConvergenceWarning
from fastpid.result import Decomposition as Decomposition
from fastpid.result import Status as Status

if TYPE_CHECKING:
    from fastpid import compat as compat
    from fastpid import controller as controller
    from fastpid import gaussian as gaussian
    from fastpid import joint as joint
    from fastpid import models as models
    from fastpid import plot as plot
    from fastpid import reference as reference
    from fastpid import screening as screening
    from fastpid import torch as torch
    from fastpid._compare import Comparison as Comparison
    from fastpid._compare import compare as compare
    from fastpid._decompose_many import decompose_many as decompose_many
    from fastpid._decompose_marginals import decompose_marginals as decompose_marginals
    from fastpid._many import ManyDecomposition as ManyDecomposition
    from fastpid._many import UnionInformation as UnionInformation
    from fastpid._pointwise import ManyPointwiseDecomposition as ManyPointwiseDecomposition
    from fastpid._pointwise import PointwiseDecomposition as PointwiseDecomposition
    from fastpid._pointwise import pointwise as pointwise
    from fastpid._pointwise import pointwise_many as pointwise_many
    from fastpid._posteriors import PointwiseSamples as PointwiseSamples
    from fastpid._posteriors import decompose_posteriors as decompose_posteriors
    from fastpid._posteriors import pointwise_posteriors as pointwise_posteriors
    from fastpid._posteriors import union_posteriors as union_posteriors
    from fastpid._union_information import union_information as union_information
    from fastpid.conditions import Differences as Differences
    from fastpid.conditions import estimate_differences as estimate_differences
    from fastpid.course import TimeCourse as TimeCourse
    from fastpid.course import estimate_over as estimate_over
    from fastpid.estimation import Estimate as Estimate
    from fastpid.estimation import ManyEstimate as ManyEstimate
    from fastpid.estimation import Power as Power
    from fastpid.estimation import Stability as Stability
    from fastpid.estimation import estimate as estimate
    from fastpid.estimation import estimate_many as estimate_many
    from fastpid.estimation import estimate_predictions as estimate_predictions
    from fastpid.estimation import estimate_table as estimate_table
    from fastpid.estimation import power as power
    from fastpid.estimation import stability as stability
    from fastpid.joint import UndersampledWarning as UndersampledWarning
    from fastpid.screening import Network as Network
    from fastpid.screening import PIDSelector as PIDSelector
    from fastpid.screening import Screen as Screen
    from fastpid.screening import screen as screen

#: Imported when they are first named, so that `import fastpid` stays light: names, and where they
#: stand; a module stands in itself.
_LATE = {
    "Comparison": "_compare",
    "Differences": "conditions",
    "Estimate": "estimation",
    "ManyDecomposition": "_many",
    "ManyEstimate": "estimation",
    "ManyPointwiseDecomposition": "_pointwise",
    "Network": "screening",
    "PIDSelector": "screening",
    "PointwiseDecomposition": "_pointwise",
    "PointwiseSamples": "_posteriors",
    "Power": "estimation",
    "Screen": "screening",
    "Stability": "estimation",
    "TimeCourse": "course",
    "UndersampledWarning": "joint",
    "UnionInformation": "_many",
    "compare": "_compare",
    "compat": "compat",
    "controller": "controller",
    "decompose_many": "_decompose_many",
    "decompose_marginals": "_decompose_marginals",
    "decompose_posteriors": "_posteriors",
    "estimate": "estimation",
    "estimate_differences": "conditions",
    "estimate_many": "estimation",
    "estimate_over": "course",
    "estimate_predictions": "estimation",
    "estimate_table": "estimation",
    "gaussian": "gaussian",
    "joint": "joint",
    "models": "models",
    "plot": "plot",
    "pointwise": "_pointwise",
    "pointwise_posteriors": "_posteriors",
    "pointwise_many": "_pointwise",
    "power": "estimation",
    "reference": "reference",
    "screen": "screening",
    "screening": "screening",
    "stability": "estimation",
    "torch": "torch",
    "union_information": "_union_information",
    "union_posteriors": "_posteriors",
}
__all__ = sorted(
    {
        *("ConvergenceError", "ConvergenceWarning", "Decomposition", "Status", "decompose"),
        *("gates", "information"),
        *_LATE,
    }
)


def __getattr__(name: str) -> _Any:
    """Import a module, or what stands in one, when it is first named."""
    if name == "__version__":
        from importlib.metadata import version

        return version("fastpid")
    if name not in _LATE:
        raise AttributeError(f"module 'fastpid' has no attribute {name!r}")
    module = _importlib.import_module(f"fastpid.{_LATE[name]}")
    named = module if _LATE[name] == name else getattr(module, name)
    globals()[name] = named
    return named


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
