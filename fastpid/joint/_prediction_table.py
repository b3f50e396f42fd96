"""The joint table of soft predictions, with what is known of the samples behind it."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._sampling import Sampling, sampling_of_shares
from fastpid.joint._tables import JointDistribution


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PredictionTable(JointDistribution):
    """The joint distribution of two soft predictions and the label, over samples.

    Attributes
    ----------
    p : ndarray (nx, ny, nz), float64, read-only
        As :func:`fastpid.joint.from_predictions` makes it.
    n_contributing : ndarray (nx, ny, nz), read-only
        How many samples would put as much into a cell if all put the same: one if a single sample
        does, as many as it has samples if predictions are certain.
    n_samples : int
        The number of samples.
    n_effective : float
        How many unweighted samples would be as uncertain (Kish 1965).
    n_cells : float
        How many cells the predictions are worth: the occupied ones if they are certain.
    labels, names
        As of :class:`JointDistribution`.
    """

    n_contributing: NDArray[np.float64]
    n_samples: int
    n_effective: float
    n_cells: float

    @property
    def sampling(self) -> Sampling:
        """How much of the distribution the samples have seen."""
        return sampling_of_shares(
            self.n_contributing, self.p, (self.n_samples, self.n_effective), self.n_cells
        )

    def _headline(self) -> str:
        shape = " x ".join(map(str, self.shape))
        return (
            f"PredictionTable {shape} from {self.n_samples} samples, worth {self.n_cells:.3g} cells"
        )
