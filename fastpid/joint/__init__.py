"""Joint tables from data: samples of three columns, files, predictions, other packages' forms."""

from fastpid.joint._accumulator import JointAccumulator
from fastpid.joint._bins import Interval
from fastpid.joint._counts import from_counts
from fastpid.joint._discretizer import Discretizer
from fastpid.joint._from_file import from_file
from fastpid.joint._other_packages import from_dict, from_dit, from_idtxl
from fastpid.joint._prediction_table import PredictionTable
from fastpid.joint._predictions import from_many_predictions, from_predictions
from fastpid.joint._samples import from_samples, from_sources
from fastpid.joint._sampling import Sampling, UndersampledWarning
from fastpid.joint._tables import JointDistribution, JointTable

__all__ = [
    "Discretizer",
    "Interval",
    "JointAccumulator",
    "JointDistribution",
    "JointTable",
    "PredictionTable",
    "Sampling",
    "UndersampledWarning",
    "from_counts",
    "from_dict",
    "from_dit",
    "from_file",
    "from_idtxl",
    "from_many_predictions",
    "from_predictions",
    "from_samples",
    "from_sources",
]
