"""From samples to atoms with their bias corrected, intervals and tests."""

from fastpid.estimation._estimate import estimate, estimate_table
from fastpid.estimation._estimate_many import estimate_many
from fastpid.estimation._many_estimate import ManyEstimate
from fastpid.estimation._power import Power, power
from fastpid.estimation._prediction_sums import Measurement, PredictionSums
from fastpid.estimation._predictions import estimate_predictions
from fastpid.estimation._result import Estimate
from fastpid.estimation._stability import Stability, stability

__all__ = [
    "Estimate",
    "ManyEstimate",
    "Measurement",
    "Power",
    "PredictionSums",
    "Stability",
    "estimate",
    "estimate_many",
    "estimate_predictions",
    "estimate_table",
    "power",
    "stability",
]
