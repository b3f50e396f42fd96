"""From features, or from posteriors of models, to a decomposition. Needs scikit-learn."""

from fastpid.models._estimate import estimate
from fastpid.models._estimate_many import estimate_many
from fastpid.models._from_many_posteriors import from_many_posteriors
from fastpid.models._from_posteriors import from_posteriors
from fastpid.models._informations import CalibrationWarning
from fastpid.models._learning_curve import LearningCurve, learning_curve
from fastpid.models._many_result import ManyModelEstimate
from fastpid.models._result import ModelEstimate

__all__ = [
    "CalibrationWarning",
    "LearningCurve",
    "ManyModelEstimate",
    "ModelEstimate",
    "estimate",
    "estimate_many",
    "from_many_posteriors",
    "from_posteriors",
    "learning_curve",
]
